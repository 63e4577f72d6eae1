"""Tests of hmacfs.service.keys."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.schemes import Entrance, open_doors
from hmacfs.config import options
from hmacfs.config.settings import Settings, Values
from hmacfs.service.keys import KeysUnusable, read_ring, terms

SECRET = "a secret of the configuration"
FILE = """
[[keys]]
id = "new"
secret = "a secret of the file"
created = 2026-01-01T00:00:00Z
"""


class RingTests(SynchronousTestCase):
    """:func:`read_ring`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def read(self, text: str | bytes, secret: str = SECRET) -> Keyring:
        """Read a ring whose file has this text."""
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        values: Values = {options.SECURITY_KEYS_FILE: self.path, options.SECURITY_SECRET: secret}
        return read_ring(Settings.of(values))

    def test_secret_alone(self) -> None:
        """Without a file the secret is the ring."""
        ring = read_ring(Settings.of({options.SECURITY_SECRET: SECRET}))
        self.assertEqual(ring, Keyring.of(SECRET))

    def test_file(self) -> None:
        """The keys of the file sign; the secret of the configuration is still good."""
        ring = self.read(FILE)
        self.assertEqual(ring.signing_key(1.8e9).id, "new")
        self.assertEqual(set(ring.secrets(1.8e9)), {SECRET.encode(), b"a secret of the file"})

    def test_file_alone(self) -> None:
        """The configuration may have no secret."""
        self.assertEqual(self.read(FILE, "").secrets(0.0), (b"a secret of the file",))

    def test_unusable(self) -> None:
        """A file that is missing, or wrong, is named in a sentence that has no secret."""
        for text in ("keys = 1", "[[keys]]\nid = 5", b"\xff", "", "x"):
            with self.assertRaises(KeysUnusable) as caught:
                self.read(text, "")
            self.assertIn(str(self.path), str(caught.exception))
        with self.assertRaises(KeysUnusable) as caught:
            self.read('[[keys]]\nid = "a"\nsecret = "hush-hush"\ncolour = 1', "")
        self.assertNotIn("hush-hush", str(caught.exception))
        self.path.unlink()
        with self.assertRaises(KeysUnusable):
            read_ring(Settings.of({options.SECURITY_KEYS_FILE: self.path}))


class TermsTests(SynchronousTestCase):
    """:func:`terms`."""

    RING = Keyring((Key("a", b"shared"),))

    def test_defaults(self) -> None:
        """Tokens and signed deletes are off until their secrets are there; all else is on."""
        made = terms(Settings.of({}), self.RING)
        self.assertEqual((made.shared, made.jwt, made.file_share), (self.RING, None, None))
        self.assertEqual(made.delete_secret, "")
        doors = open_doors(made)
        self.assertEqual(
            [scheme.name for scheme in doors[Entrance.PUT].schemes],
            ["v2", "token", "v", "prosody", "bearer"],
        )

    def test_tokens(self) -> None:
        """Tokens need their switch and their secret."""
        secret: Values = {options.SECURITY_JWTSECRET: "a secret for tokens"}
        self.assertIsNone(terms(Settings.of(secret), self.RING).jwt)
        on: Values = {options.SECURITY_ENABLEJWT: True}
        self.assertIsNone(terms(Settings.of(on), self.RING).jwt)
        both = terms(Settings.of({**secret, **on}), self.RING)
        self.assertEqual(both.jwt, Keyring.of("a secret for tokens"))

    def test_audiences(self) -> None:
        """Tokens are for the public base URL, unless the settings name somebody else."""
        url: Values = {options.SERVER_PUBLIC_BASE_URL: "https://files.example.org"}
        made = terms(Settings.of(url), self.RING)
        self.assertIn("files.example.org", made.jwt_audiences)
        named: Values = {**url, options.SECURITY_JWT_AUDIENCE: ("other",)}
        self.assertEqual(terms(Settings.of(named), self.RING).jwt_audiences, ("other",))

    def test_switches(self) -> None:
        """Only listed schemes are on."""
        some: Values = {options.SECURITY_SCHEMES: ("v2",)}
        doors = open_doors(terms(Settings.of(some), self.RING))
        self.assertEqual([scheme.name for scheme in doors[Entrance.PUT].schemes], ["v2"])

    def test_times(self) -> None:
        """How long signatures are good is set in seconds."""
        made = terms(
            Settings.of(
                {
                    options.UPLOADS_UPLOAD_SLOT_TTL: 60.0,
                    options.SECURITY_SIGNATURE_MAX_AGE: 30.0,
                }
            ),
            self.RING,
        )
        self.assertEqual((made.slot_ttl, made.signature_max_age), (60.0, 30.0))
