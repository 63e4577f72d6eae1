"""Tests of telling how far a long work has come."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.progress import Progress


class ProgressTests(SynchronousTestCase):
    """``Progress``."""

    def test_now_and_then(self) -> None:
        """The count is written every five seconds at most, and never for a short work."""
        clock, stream = Clock(), io.StringIO()
        progress = Progress(stream, clock.seconds)
        for _ in range(49):
            clock.advance(0.1)
            progress.advance()
        self.assertEqual(stream.getvalue(), "")
        for _ in range(60):
            clock.advance(0.125)
            progress.advance()
        self.assertEqual(stream.getvalue(), "50 looked at …\n90 looked at …\n")
