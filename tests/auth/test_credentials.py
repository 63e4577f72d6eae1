"""How credentials are written."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.credentials import authorization, check_time, from_base64, from_hexadecimal
from hmacfs.auth.facts import RequestFacts
from hmacfs.base.errors import SignatureExpired, SignatureNotYetValid
from tests.auth.scheme_suite import PROPERTY


def told(value: str) -> str | None:
    """Read the bearer token of an Authorization header."""
    return authorization(RequestFacts("PUT", b"a", {}, {"authorization": value}, 1), "bearer")


class AuthorizationTests(SynchronousTestCase):
    """``authorization``."""

    def test_token(self) -> None:
        """What follows the scheme is the token; the scheme's case does not count."""
        for value in ("Bearer abc", "bearer abc", "BEARER   abc"):
            self.assertEqual("abc", told(value))

    def test_verbatim(self) -> None:
        """Nothing of the token is cut off."""
        self.assertEqual("abc def ", told("Bearer abc def "))

    def test_other(self) -> None:
        """Other schemes, an empty header and a scheme without a token are no tokens."""
        for value in (
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearerabc",
            " Bearer abc",
            "Bearer\tabc",
        ):
            self.assertIsNone(told(value))

    def test_absent(self) -> None:
        """Without the header there is no token."""
        self.assertIsNone(authorization(RequestFacts("PUT", b"a", {}, {}, 1), "bearer"))


class DigestTests(SynchronousTestCase):
    """``from_hexadecimal`` and ``from_base64``."""

    @PROPERTY
    @given(st.binary(min_size=32, max_size=32))
    def test_round_trip(self, digest: bytes) -> None:
        """Every digest can be written and read back."""
        self.assertEqual(digest, from_hexadecimal(digest.hex()))
        self.assertEqual(digest, from_hexadecimal(digest.hex().upper()))
        self.assertEqual(digest, from_base64(base64.b64encode(digest).decode()))

    @PROPERTY
    @given(st.binary(max_size=64).filter(lambda digest: len(digest) != 32))
    def test_other_length(self, digest: bytes) -> None:
        """What has not 32 bytes is no digest."""
        self.assertIsNone(from_hexadecimal(digest.hex()))
        self.assertIsNone(from_base64(base64.b64encode(digest).decode()))

    def test_other_alphabets(self) -> None:
        """Base64url, base64 without padding, with line breaks or spaces, are not taken."""
        digest = b"\xfb\xff" * 16
        text = base64.b64encode(digest).decode()
        self.assertEqual(digest, from_base64(text))
        urlsafe = base64.urlsafe_b64encode(digest).decode()
        for wrong in (
            urlsafe,
            text.rstrip("="),
            text + "\n",
            f" {text}",
            text + "=",
            text[:-1] + "A",
        ):
            self.assertIsNone(from_base64(wrong))

    def test_one_text(self) -> None:
        """Bits that a decoder drops must be zero, so that a digest has one text."""
        text = base64.b64encode(bytes(32)).decode()
        self.assertEqual("A=", text[-2:])
        for last in "BCD":
            self.assertIsNone(from_base64(text[:-2] + last + "="))


class TimeTests(SynchronousTestCase):
    """``check_time``."""

    def test_edges(self) -> None:
        """The first and the last moment belong to the time."""
        for now in (100.0, 150.0, 200.0):
            check_time(now, 100.0, 200.0)

    def test_outside(self) -> None:
        """Before is not yet, after is expired."""
        self.assertRaises(SignatureNotYetValid, check_time, 99.999, 100.0, 200.0)
        self.assertRaises(SignatureExpired, check_time, 200.001, 100.0, 200.0)
