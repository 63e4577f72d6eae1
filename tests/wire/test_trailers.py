"""Tests of hmacfs.wire.trailers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire import trailers


class ReadTests(SynchronousTestCase):
    """Tests of read."""

    def test_fields(self) -> None:
        """Names are compared without case, values trimmed, lines of one name joined."""
        lines = [b"Upload-Checksum: sha1 AA== ", b"X:", b"a: 1", b"A:2", b"n: \xe9"]
        self.assertEqual(
            dict(trailers.read(lines)),
            {"upload-checksum": "sha1 AA==", "x": "", "a": "1, 2", "n": "é"},
        )

    def test_no_fields(self) -> None:
        """What is no field is dropped."""
        lines = [b"", b"no colon", b": value", b"na me: v", b"a : b", b" folded: x", b"n: \x00"]
        self.assertEqual(dict(trailers.read(lines)), {})

    @given(st.lists(st.binary(max_size=20), max_size=5))
    def test_anything(self, lines: list[bytes]) -> None:
        """Whatever stands there is read or dropped, and nothing else happens."""
        for name, value in trailers.read(lines).items():
            self.assertEqual(name, name.lower())
            self.assertNotIn("\r", value)
