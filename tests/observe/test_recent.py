"""Counts of the last day."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import DownloadSent, Events, RequestEnded, UploadStored
from hmacfs.observe.recent import HOUR, HOURS, Recent
from tests.stores.samples import stored


class RecentTests(SynchronousTestCase):
    """``Recent``."""

    def setUp(self) -> None:
        self.now = 1_000_000 * HOUR + 1
        self.events = Events()
        self.recent = Recent(self.events, lambda: self.now)

    def told(self) -> tuple[int, ...]:
        """Return what is told of uploads, downloads and errors."""
        return tuple(self.recent.told().values())

    def test_kinds(self) -> None:
        """What was new, whole, or our fault counts; nothing else does."""
        self.assertEqual((0, 0, 0), self.told())
        file = stored()
        for created in (True, False):
            self.events.tell(UploadStored(file, created, 0.1))
            self.events.tell(DownloadSent(5, 0.1, created, file.name))
        for status in (200, 404, 499, 500, 503):
            self.events.tell(RequestEnded("GET", "/", status, 0.1))
        self.assertEqual((1, 1, 2), self.told())

    def test_day(self) -> None:
        """After a day it is forgotten, hour by hour, whether somebody asks or not."""
        for _ in range(3 * HOURS):
            self.events.tell(RequestEnded("GET", "/", 500, 0.1))
            self.now += HOUR
        self.assertLessEqual(len(self.recent._counts), HOURS)
        self.assertEqual((0, 0, HOURS - 1), self.told())
        self.now += (HOURS - 1) * HOUR - 2
        self.assertEqual((0, 0, 1), self.told())
        self.now += HOUR
        self.assertEqual((0, 0, 0), self.told())
