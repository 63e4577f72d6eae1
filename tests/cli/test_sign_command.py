"""Tests of ``hmac-file-server sign``: what it makes opens the doors of the same configuration."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit, Scope
from hmacfs.auth.schemes import Entrance, open_doors
from hmacfs.auth.sign import SIGNERS
from hmacfs.cli.sign_command import PATHLESS, SIZELESS
from hmacfs.config.read import read_file
from hmacfs.service import keys
from hmacfs.wire import target
from tests.cli.config_case import SECRET, ConfigCase
from tests.cli.storage_case import Outcome

EVERYTHING = (
    f'secret = "{SECRET}"\nenablejwt = true\njwtsecret = "a secret for tokens, long enough"\n'
    'delete_secret = "a secret for deleting, long enough"'
)
ENTRANCES = {
    "query": Entrance.QUERY,
    "v1": Entrance.API_V1,
    "v2-header": Entrance.API_V2,
    "jwt": Entrance.PUT,
    "get": Entrance.DOWNLOAD,
    "delete": Entrance.DELETE,
}
METHODS = {"v1": "POST", "v2-header": "POST", "get": "GET", "delete": "DELETE"}


class SignCase(ConfigCase):
    """A configuration with all secrets."""

    def setUp(self) -> None:
        super().setUp()
        self.configure('public_base_url = "https://files.example.org"', EVERYTHING)

    def sign(self, scheme: str, *arguments: str) -> Outcome:
        """Sign seven bytes of an image."""
        facts = ("--path", "photo.jpg", "--size", "7", "--type", "image/jpeg")
        if scheme == "prosody":
            facts = ("--path", "slot/photo.jpg", *facts[2:])
        return self.command("sign", "--scheme", scheme, *facts, *arguments)

    def permit(self, scheme: str, *arguments: str) -> Permit:
        """Sign, and show what was made at the door of the same configuration."""
        outcome = self.sign(scheme, "-json", *arguments)
        self.assertEqual(outcome.code, 0, outcome.err)
        (made,) = outcome.values
        parts = urlsplit(made["url"] or "/upload/photo.jpg")
        read = target.parse(f"{parts.path}?{parts.query}".encode())
        uri = "/api/v2/upload" if scheme == "v2-header" else f"{parts.path}?{parts.query}"
        headers = {name.lower(): value for name, value in made["headers"].items()}
        facts = RequestFacts(
            METHODS.get(scheme, "PUT"),
            read.path.removeprefix(b"upload/"),
            read.parameters,
            {"content-type": "image/jpeg", **headers},
            7,
            time.time(),
            uri,
        )
        settings = read_file(self.config, {})
        doors = open_doors(keys.terms(settings, keys.read_ring(settings)))
        permit = doors[ENTRANCES.get(scheme, Entrance.PUT)].read(facts)
        if isinstance(permit, Pending):
            return permit.settle(PartFacts("photo.jpg", "image/jpeg", 7))
        return permit


class SchemeTests(SignCase):
    """Every scheme."""

    def test_accepted(self) -> None:
        """What is made is accepted, under its scheme."""
        for scheme in SIGNERS:
            self.assertEqual(self.permit(scheme).scheme, scheme)

    def test_one_line(self) -> None:
        """One line is printed, and nothing else: the URL, or the headers."""
        for scheme in SIGNERS:
            outcome = self.sign(scheme)
            self.assertEqual((outcome.code, outcome.err), (0, ""))
            self.assertEqual(outcome.out.count("\n"), 1)
        self.assertRegex(
            self.sign("v2").out, r"^https://files.example.org/upload/photo.jpg\?v2=[0-9a-f]{64}\n$"
        )
        self.assertTrue(
            self.sign("query").out.startswith("https://files.example.org/upload?filename=")
        )
        self.assertTrue(self.sign("jwt").out.startswith("Authorization: Bearer "))
        self.assertEqual(self.sign("v2-header").out.count("-H '"), 3)

    def test_token(self) -> None:
        """What a token allows is as it was asked for."""
        permit = self.permit(
            "jwt",
            *("--owner", "romeo@example.org", "--quota", "10MB"),
            *("--scope", "delete", "--scope", "upload", "--allowed-type", "image/*"),
        )
        self.assertEqual(permit.owner, "romeo@example.org")
        self.assertEqual(permit.scopes, {Scope.DELETE, Scope.UPLOAD})
        self.assertEqual((permit.quota, permit.allowed_types), (10 * 1024**2, ("image/*",)))

    def test_digest(self) -> None:
        """A V2 header may be over the digest."""
        digest = sha256(b"content")
        permit = self.permit("v2-header", "--sha256", digest.hexdigest())
        self.assertEqual(permit.sha256, digest.digest())


class FileTests(SignCase):
    """``--file``."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.directory / "holiday photo.jpg"
        self.file.write_bytes(b"content")

    def signed(self, scheme: str, *arguments: str) -> str:
        """Sign for the file."""
        outcome = self.command("sign", "--scheme", scheme, "--file", str(self.file), *arguments)
        self.assertEqual(outcome.code, 0, outcome.err)
        return outcome.out

    def test_facts(self) -> None:
        """Name, size and type are those of the file, unless others are said."""
        said = ("--path", "holiday photo.jpg", "--size", "7", "--type", "image/jpeg")
        by_hand = self.command("sign", "--scheme", "v2", *said).out
        self.assertEqual(self.signed("v2"), by_hand)
        self.assertIn("/upload/a/b?v2=", self.signed("v2", "--path", "a/b"))
        self.assertNotEqual(self.signed("v2", "--type", "image/png"), by_hand)

    def test_digest(self) -> None:
        """For a V2 header its digest is made."""
        self.assertIn(sha256(b"content").hexdigest(), self.signed("v2-header"))

    def test_missing(self) -> None:
        """A file that is not there is said in a sentence."""
        outcome = self.command("sign", "--scheme", "v", "--file", "none.jpg")
        self.assertEqual((outcome.code, outcome.err), (1, "none.jpg: No such file or directory\n"))


class PlaceTests(SignCase):
    """Where the server is."""

    def url(self, *arguments: str, **configuration: Any) -> str:
        """Sign by ``v``, and return the URL without its query."""
        return self.sign("v", *arguments).out.partition("?")[0]

    def test_said(self) -> None:
        """What the command line says comes first; the prefix is appended."""
        for url in ("https://other.example/x", "https://other.example/x/"):
            self.assertEqual(
                self.url("--base-url", url), "https://other.example/x/upload/photo.jpg"
            )

    def test_own_address(self) -> None:
        """Without a public base URL it is the address of the server itself."""
        self.configure('listen_address = "8081"\nupload_prefix = ""', EVERYTHING)
        self.assertEqual(self.url(), "http://127.0.0.1:8081/photo.jpg")
        self.configure('listen_address = "[::1]:8081"', EVERYTHING)
        self.assertEqual(self.url(), "http://[::1]:8081/upload/photo.jpg")


class MistakeTests(SignCase):
    """What cannot be signed."""

    def mistake(self, *arguments: str) -> str:
        """Run a command that is a mistake; return what is said."""
        outcome = self.command("sign", *arguments)
        self.assertEqual((outcome.code, outcome.out), (2, ""))
        return outcome.err

    def test_missing(self) -> None:
        """What a scheme needs has to be said."""
        for scheme in SIGNERS:
            if scheme not in PATHLESS:
                self.assertIn("--path", self.mistake("--scheme", scheme, "--size", "1"))
            if scheme not in SIZELESS:
                self.assertIn("--size", self.mistake("--scheme", scheme, "--path", "a/b"))
        self.assertIn("-scheme", self.mistake("--path", "x"))

    def test_wrong(self) -> None:
        """What is no size, name, digest, id or scope is said to be none."""
        good = ("--scheme", "v", "--path", "x", "--size", "1")
        for wrong in (
            ("--scheme", "v4"),
            ("--size", "-1"),
            ("--size", "1x"),
            ("--path", "../x"),
            ("--path", ""),
            ("--sha256", "00"),
            ("--sha256", "z" * 64),
            ("--upload-id", "1"),
            ("--expires", "soon"),
            ("--scope", "everything"),
        ):
            self.assertTrue(self.mistake(*good, *wrong), wrong)
        self.assertIn("a path", self.mistake("--scheme", "v1", "--path", "a/b"))

    def test_ambiguous(self) -> None:
        """A name that would not be accepted is not signed."""
        said = self.mistake("--scheme", "query", "--path", "photo1", "--size", "7")
        self.assertIn("cannot tell the end", said)

    def test_off(self) -> None:
        """Tokens need their secret; a scheme that is left out is signed with a warning."""
        self.configure(security=f'secret = "{SECRET}"\nschemes = ["v2"]')
        self.assertIn("enablejwt", self.mistake("--scheme", "jwt"))
        self.assertIn("delete_secret", self.mistake("--scheme", "delete", "--path", "x"))
        outcome = self.sign("v")
        self.assertEqual(outcome.code, 0)
        self.assertIn("warning: security.schemes leaves 'v' out", outcome.err)
        self.assertEqual(self.sign("v2").err, "")

    def test_no_keys(self) -> None:
        """A file of keys that is not there is said in a sentence."""
        path = self.directory / "keys.toml"
        self.configure(security=f"keys_file = '{path}'")
        outcome = self.sign("v")
        self.assertEqual(outcome.code, 1)
        self.assertIn(str(path), outcome.err)

    def test_retired(self) -> None:
        """When all keys are retired nothing can be signed."""
        path = self.directory / "keys.toml"
        path.write_text('[[keys]]\nid = "a"\nsecret = "x"\nretire = 2020-01-01T00:00:00Z\n')
        self.configure(security=f"keys_file = '{path}'")
        outcome = self.sign("v")
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertIn("retired", outcome.err)

    def test_secret(self) -> None:
        """The secret is never shown."""
        for scheme in SIGNERS:
            outcome = self.sign(scheme)
            self.assertNotIn(SECRET, outcome.out + outcome.err)
