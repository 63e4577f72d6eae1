"""Tests of hmacfs.base.moments."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.moments import EARLIEST, LATEST, rfc3339


class Rfc3339Tests(SynchronousTestCase):
    """``rfc3339``."""

    def test_precision(self) -> None:
        """A moment is in UTC, and cut, not rounded."""
        for given_moment, seconds, milliseconds in (
            (0.0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (1_700_000_000.9, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.900Z"),
            (EARLIEST, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ):
            self.assertEqual(rfc3339(given_moment), seconds)
            self.assertEqual(rfc3339(given_moment, "milliseconds"), milliseconds)

    def test_beyond_the_calendar(self) -> None:
        """A time that no calendar has is the nearest that one has."""
        self.assertEqual(rfc3339(1e20), "9999-12-31T23:59:59Z")
        self.assertEqual(rfc3339(-1e20), "0001-01-01T00:00:00Z")

    @given(st.integers(int(EARLIEST), int(LATEST)))
    def test_round_trip(self, seconds: int) -> None:
        """What is written can be read back."""
        self.assertEqual(datetime.fromisoformat(rfc3339(seconds)).timestamp(), seconds)
