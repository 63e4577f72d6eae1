"""Tests of hmacfs.wire.rufh."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire import rufh
from hmacfs.wire.checksums import Checksum
from hmacfs.wire.rufh import Dialect

FIELD_LIKE = st.text(alphabet='?01-sha256=:;,"\\ \t()@%*.Aa+/é\x00', max_size=30)


class DialectTests(SynchronousTestCase):
    """Upload-Draft-Interop-Version, and what follows from it."""

    def test_known(self) -> None:
        """Versions from 3 to 9 are spoken as the client does."""
        for version in range(3, 10):
            self.assertEqual(rufh.dialect(str(version)), Dialect(version, is_agreed=True))

    def test_unknown(self) -> None:
        """Whoever speaks another, or tells none, gets the newest and no interim responses."""
        for value in (None, "", "2", "10", "-3", "6, 6", "?1", '"6"', "6.0", "draft", "6;"):
            self.assertEqual(rufh.dialect(value), Dialect(9, is_agreed=False), value)

    def test_abilities(self) -> None:
        """Drafts differ in the field of completeness, progress and the content type."""
        told = {
            version: (dialect.completeness, dialect.tells_progress, dialect.needs_type)
            for version, dialect in ((number, Dialect(number)) for number in range(3, 10))
        }
        self.assertEqual(
            told,
            {
                3: ("Upload-Incomplete", False, False),
                4: ("Upload-Complete", False, False),
                5: ("Upload-Complete", True, False),
                6: ("Upload-Complete", True, True),
                7: ("Upload-Complete", True, True),
                8: ("Upload-Complete", True, True),
                9: ("Upload-Complete", True, True),
            },
        )

    def test_completeness(self) -> None:
        """Version 3 tells the opposite of the others; what is no boolean tells nothing."""
        for value, complete in (
            ("?1", True),
            ("?0", False),
            (" ?1 ", True),
            ("?1;why=not", True),
            (None, None),
            ("", None),
            ("1", None),
            ("true", None),
            ("?2", None),
            ("?1, ?1", None),
            ('"?1"', None),
        ):
            self.assertIs(Dialect(6).is_complete(value), complete, value)
            inverted = None if complete is None else not complete
            self.assertIs(Dialect(3).is_complete(value), inverted, value)

    def test_completeness_is_written_as_it_is_read(self) -> None:
        """Every draft reads what it writes."""
        for version in range(3, 10):
            for done in (True, False):
                dialect = Dialect(version)
                self.assertIs(dialect.is_complete(dialect.complete(done)), done)
        self.assertEqual(Dialect(3).complete(True), "?0")
        self.assertEqual(Dialect(9).complete(True), "?1")

    def test_limits(self) -> None:
        """Upload-Limit tells the largest size, and whole seconds that are left."""
        self.assertEqual(Dialect().limits(max_size=1000), "max-size=1000")
        self.assertEqual(Dialect().limits(max_size=1, max_age=59.9), "max-size=1, max-age=59")
        self.assertEqual(Dialect(6).limits(max_size=1, max_age=9), "max-size=1, expires=9")
        self.assertEqual(Dialect(7).limits(max_size=1, max_age=-9), "max-size=1, max-age=0")


class IntegerTests(SynchronousTestCase):
    """Upload-Offset and Upload-Length."""

    def test_read(self) -> None:
        """They are non-negative integers, with parameters or without."""
        for value, number in (
            ("0", 0),
            ("12", 12),
            ("012", 12),
            ("5;a=1", 5),
            ("9" * 15, 10**15 - 1),
        ):
            self.assertEqual(rufh.integer(value), number, value)

    def test_not_read(self) -> None:
        """What is not that counts as absent."""
        for value in (None, "", "-1", "1.0", "?1", '"1"', "1, 2", "(1)", ":AA==:", "9" * 16, "1 2"):
            self.assertIsNone(rufh.integer(value), value)

    @given(FIELD_LIKE)
    def test_anything(self, value: str) -> None:
        """Whatever stands there is read or ignored, and nothing else happens."""
        number = rufh.integer(value)
        self.assertTrue(number is None or number >= 0)
        self.assertIn(Dialect().is_complete(value), (True, False, None))
        self.assertTrue(3 <= rufh.dialect(value).version <= 9)


class ContentDigestTests(SynchronousTestCase):
    """Content-Digest."""

    def test_read(self) -> None:
        """SHA-256 is looked for first, then SHA-512; other algorithms say nothing here."""
        body = b'{"hello": "world"}\n'
        first = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        second = (
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/Wk"
            "ppmM44T3qg==:"
        )
        sha256 = Checksum("sha256", hashlib.sha256(body).digest())
        for value, checksum in (
            (None, None),
            ("md5=:AAAA:", None),
            (first, sha256),
            (f"{second}, {first}", sha256),
            (second, Checksum("sha512", hashlib.sha512(body).digest())),
        ):
            self.assertEqual(rufh.content_digest(value), checksum, value)

    def test_not_read(self) -> None:
        """What is no dictionary, or has a digest of another length, is refused."""
        for value in ("sha-256=:AAAA:", "sha-256", "sha-256=abc", "sha-256=:A", "?", "sha-512=()"):
            refusal = self.assertRaises(MalformedRequest, rufh.content_digest, value)
            self.assertIn("Content-Digest", refusal.detail)
