"""Tests of ``hmac-file-server keys``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hmacfs.auth.keyring import Keyring
from hmacfs.config.read import read_file
from hmacfs.service.keys import read_ring
from tests.cli.config_case import SECRET, ConfigCase
from tests.cli.storage_case import Outcome


class KeysCase(ConfigCase):
    """A configuration with a secret and a place for keys."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.directory / "keys.toml"
        self.configure(security=f"secret = \"{SECRET}\"\nkeys_file = '{self.path}'")

    def rotate(self, *arguments: str) -> Outcome:
        """Rotate, with success."""
        outcome = self.command("keys", "rotate", *arguments)
        self.assertEqual(outcome.code, 0, outcome.err)
        return outcome

    def listed(self) -> list[Any]:
        """List the keys."""
        outcome = self.command("keys", "list", "-json")
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        return outcome.values

    def ring(self) -> Keyring:
        """Read the ring as the server does."""
        return read_ring(read_file(self.config, {}))


class RotateTests(KeysCase):
    """``keys rotate``."""

    def test_first(self) -> None:
        """The first rotation makes the file; the secret of the configuration retires in time."""
        self.rotate("--id", "new", "--overlap", "1h")
        new, old = self.listed()
        self.assertEqual((new["id"], new["state"], new["retire"]), ("new", "signs", None))
        self.assertEqual((old["id"], old["state"], old["created"]), ("config", "verifies", None))
        self.assertAlmostEqual(old["retire"] - new["created"], 3600, places=3)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_again(self) -> None:
        """Each rotation puts one more key in front, and leaves no copy of the file."""
        for name in ("a", "b", "c"):
            self.rotate("--id", name)
        states = [(key["id"], key["state"]) for key in self.listed()]
        self.assertEqual(
            states, [("c", "signs"), ("b", "verifies"), ("a", "verifies"), ("config", "verifies")]
        )
        self.assertEqual(
            {path.name for path in self.directory.iterdir()}, {"keys.toml", "config.toml"}
        )

    def test_secrets(self) -> None:
        """A new secret has 32 random bytes, and is shown only to who asks for it."""
        shown = self.rotate("--id", "a", "--show-secret").out
        self.assertRegex(shown, r"^[0-9a-f]{64}\n$")
        hidden = self.rotate("--id", "b")
        self.assertEqual(hidden.out, "")
        secrets = [secret.decode() for secret in self.ring().secrets(0.0)]
        self.assertEqual(len(set(secrets)), 3)
        self.assertEqual(secrets[1], shown.strip())
        self.assertFalse(any(secret in hidden.err for secret in secrets))

    def test_grace_period(self) -> None:
        """Without an overlap it is that of the configuration."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(f'{text}[key_rotation]\ngrace_period = "2h"\n', encoding="utf-8")
        self.rotate("--id", "a")
        new, old = self.listed()
        self.assertAlmostEqual(old["retire"] - new["created"], 7200, places=3)

    def test_default_id(self) -> None:
        """Without an id it is the date and time."""
        self.rotate()
        self.assertRegex(self.listed()[0]["id"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_mode_is_kept(self) -> None:
        """Who may read the file is as it was."""
        self.rotate("--id", "a")
        self.path.chmod(0o640)
        self.rotate("--id", "b")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_no_secret_before(self) -> None:
        """A server may begin with the file alone."""
        self.configure(security=f"keys_file = '{self.path}'")
        self.rotate("--id", "a")
        self.assertEqual([key["id"] for key in self.listed()], ["a"])

    def test_mistakes(self) -> None:
        """A bad or taken id, or time, is a mistake, and changes nothing."""
        self.rotate("--id", "a")
        before = self.path.read_bytes()
        for wrong in (("--id", "a"), ("--id", "no spaces"), ("--overlap", "soon")):
            outcome = self.command("keys", "rotate", *wrong)
            self.assertEqual((outcome.code, outcome.out), (2, ""), wrong)
            self.assertTrue(outcome.err)
        self.assertEqual(self.path.read_bytes(), before)

    def test_broken_file(self) -> None:
        """A file that cannot be read is not replaced."""
        self.path.write_text("nonsense")
        outcome = self.command("keys", "rotate")
        self.assertEqual(outcome.code, 1)
        self.assertEqual(self.path.read_text(), "nonsense")

    def test_no_file(self) -> None:
        """Without a place for keys there is nothing to rotate."""
        self.configure()
        outcome = self.command("keys", "rotate")
        self.assertEqual(outcome.code, 2)
        self.assertIn("keys_file", outcome.err)

    def test_cannot_write(self) -> None:
        """A place that cannot be written is said in a sentence."""
        self.path = Path("/proc/nothing/keys.toml")
        self.configure(security=f"secret = \"{SECRET}\"\nkeys_file = '{self.path}'")
        outcome = self.command("keys", "rotate")
        self.assertEqual(outcome.code, 1)
        self.assertIn(str(self.path), outcome.err)


class ListTests(KeysCase):
    """``keys list``."""

    def test_secret_alone(self) -> None:
        """The secret of a configuration without a file is a ring of one."""
        self.configure()
        outcome = self.command("keys", "list")
        self.assertEqual(outcome.code, 0)
        self.assertRegex(outcome.out, r"^1 +signs +- +-\n$")

    def test_states(self) -> None:
        """Keys sign, verify, are retired or come later; their times are in UTC."""
        self.path.write_text(
            '[[keys]]\nid = "a"\nsecret = "secret a"\ncreated = 2021-01-01T00:00:00+01:00\n'
            '[[keys]]\nid = "b"\nsecret = "secret b"\nretire = 2021-01-01T00:00:00Z\n'
            '[[keys]]\nid = "c"\nsecret = "secret c"\ncreated = 2121-01-01T00:00:00Z\n'
        )
        outcome = self.command("keys", "list")
        lines = [re.split(r" +", line) for line in outcome.out.splitlines()]
        self.assertEqual(
            lines,
            [
                ["a", "signs", "2020-12-31T23:00:00Z", "-"],
                ["b", "retired", "-", "2021-01-01T00:00:00Z"],
                ["c", "later", "2121-01-01T00:00:00Z", "-"],
                ["config", "verifies", "-", "-"],
            ],
        )

    def test_no_secrets(self) -> None:
        """No secret is shown, in either form."""
        self.rotate("--id", "a")
        for form in ((), ("-json",)):
            out = self.command("keys", "list", *form).out
            for secret in self.ring().secrets(0.0):
                self.assertNotIn(secret.decode(), out)

    def test_missing(self) -> None:
        """A file that is not there is said in a sentence that tells how to make it."""
        outcome = self.command("keys", "list")
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertIn("keys rotate", outcome.err)
