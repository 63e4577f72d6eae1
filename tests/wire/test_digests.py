"""Tests of hmacfs.wire.digests."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire import digests

EXAMPLE = b'{"hello": "world"}\n'
EXAMPLE_HEADER = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
"""The example of RFC 9530, A.1 and B.1."""

FIELD_LIKE = st.text(alphabet='sha-256=:;,"\\ \t?01()@%*.Aa+/é\x00', max_size=30)


class WantsTests(SynchronousTestCase):
    """Tests of wants_sha256."""

    def test_wanted(self) -> None:
        """Any preference from 1 to 10 asks for the digest, whatever else is asked for."""
        for header in (
            "sha-256=1",
            "sha-256=10",
            "sha-512=10, sha-256=3",
            "sha-256=3,sha-512=0",
            "sha-256=5;note=1",
            "sha-256=0, sha-256=1",
            "  sha-256=1  ",
            "md5=a, sha-256=1",
        ):
            self.assertTrue(digests.wants_sha256(header), header)

    def test_not_wanted(self) -> None:
        """Zero means not acceptable; what is not a preference or cannot be read is no wish."""
        for header in (
            "",
            "sha-256=0",
            "sha-256=11",
            "sha-256=-1",
            "sha-256=1.0",
            "sha-256",
            "sha-256=?1",
            'sha-256="1"',
            "sha-256=a",
            "sha-256=:AA==:",
            "sha-256=(1)",
            "sha-256=1, sha-256=0",
            "sha-512=10",
            "SHA-256=1",
            "sha-256 = 1",
            "sha-256=1,",
            "sha-256=1; q=",
            "sha-256=1 sha-512=1",
            "sha-256=9999999999999999",
            "sha-256=1\x00",
            "sha-256=1, é",
            "sha-256=1, \ud800",
            "*",
        ):
            self.assertFalse(digests.wants_sha256(header), header)

    @given(st.one_of(st.text(), FIELD_LIKE, FIELD_LIKE.map(lambda text: f"sha-256={text}")))
    def test_anything(self, header: str) -> None:
        """No header makes reading a wish fail."""
        self.assertIn(digests.wants_sha256(header), (True, False))


class ReprDigestTests(SynchronousTestCase):
    """Tests of render and parse."""

    def test_example(self) -> None:
        """The digest of the RFC's example is written as the RFC does."""
        sha256 = hashlib.sha256(EXAMPLE).digest()
        self.assertEqual(digests.render(sha256), EXAMPLE_HEADER)
        self.assertEqual(digests.parse(EXAMPLE_HEADER), sha256)

    def test_among_others(self) -> None:
        """Other algorithms beside ours are passed over."""
        header = f"md5=:AAAA:, {EXAMPLE_HEADER};a=1, sha-512=:AA==:"
        self.assertEqual(digests.parse(header), hashlib.sha256(EXAMPLE).digest())

    def test_only_others(self) -> None:
        """Without ours there is nothing to compare."""
        for header in ("", "sha-512=:AA==:", "md5=:AAAA:", "sha=1"):
            self.assertIsNone(digests.parse(header))

    def test_malformed(self) -> None:
        """A header that is no dictionary, or whose digest is not 32 bytes, is malformed."""
        for header in (
            "sha-256",
            "sha-256=1",
            'sha-256="RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="',
            "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "sha-256=:RK/0:",
            "sha-256=::",
            "sha-256=:*:",
            f"{EXAMPLE_HEADER} x",
            "sha-256=(:AA==:)",
            "\ud800",
        ):
            self.assertRaises(MalformedRequest, digests.parse, header)

    @given(st.binary(min_size=32, max_size=32))
    def test_round_trip(self, sha256: bytes) -> None:
        """Whatever digest is written can be read."""
        self.assertEqual(digests.parse(digests.render(sha256)), sha256)

    @given(st.one_of(st.text(), FIELD_LIKE, FIELD_LIKE.map(lambda text: f"sha-256={text}")))
    def test_anything(self, header: str) -> None:
        """Whatever comes is a digest, none, or malformed."""
        try:
            sha256 = digests.parse(header)
        except MalformedRequest:
            return
        self.assertTrue(sha256 is None or len(sha256) == 32)
