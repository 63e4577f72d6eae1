"""Tests of telling how far a long work has come."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.tally import Tally


class TallyTests(SynchronousTestCase):
    """``Tally``."""

    def test_now_and_then(self) -> None:
        """The count is written every five seconds at most, and never for a short work."""
        clock, stream = Clock(), io.StringIO()
        tally = Tally(stream, clock.seconds)
        for _ in range(49):
            clock.advance(0.1)
            tally.advance()
        self.assertEqual(stream.getvalue(), "")
        for _ in range(60):
            clock.advance(0.125)
            tally.advance()
        self.assertEqual(stream.getvalue(), "50 looked at …\n90 looked at …\n")
