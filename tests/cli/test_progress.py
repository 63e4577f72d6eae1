"""Tests of hmacfs.cli.progress."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.progress import Progress


class ProgressTests(SynchronousTestCase):
    """``Progress``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.stream = io.StringIO()
        self.bar = Progress(self.stream, "a.jpg", 2048, self.clock.seconds)

    def test_line(self) -> None:
        """The line tells how far it is, of how much, and how fast."""
        self.clock.advance(2)
        self.bar.advance(1024)
        line = f"\ra.jpg [{'=' * 15:<30}]  50% 1.0 KiB of 2.0 KiB, 512 B/s\x1b[K"
        self.assertEqual(self.stream.getvalue(), line)

    def test_often(self) -> None:
        """It is written ten times a second at most, and at the end."""
        for _ in range(100):
            self.bar.advance(1)
        self.assertEqual(self.stream.getvalue().count("\r"), 1)
        self.clock.advance(0.1)
        self.bar.advance(1948)
        self.assertEqual(self.stream.getvalue().count("\r"), 2)
        self.bar.end()
        self.assertTrue(self.stream.getvalue().endswith("\n"))
        self.assertIn("100% 2.0 KiB of 2.0 KiB", self.stream.getvalue())

    def test_nothing(self) -> None:
        """An empty file is done at once."""
        Progress(self.stream, "e", 0, self.clock.seconds).end()
        self.assertIn("100% 0 B of 0 B", self.stream.getvalue())
