"""Tests of what the server does by itself."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from attrs import define
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.values import StoredFile
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import InlinePool
from hmacfs.service.chores import (
    KEPT_BACKUPS,
    SWEEP_INTERVAL,
    Chore,
    IndexBackups,
    clearing_versions,
    index_backups,
)
from hmacfs.service.foundation import Foundation, Reactor
from hmacfs.stores import backups
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.upgrades import create
from tests.flow.awaiting import now

NOON = 1_700_000_000.0


class ChoreTests(SynchronousTestCase):
    """``Chore``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pending = Pending()
        self.results: list[Awaitable[None]] = []
        self.begun = 0
        self.chore = Chore("the work", 10.0, self.work, self.clock, self.pending)

    def work(self) -> Awaitable[None]:
        """Begin a work that ends as the test says, or at once."""
        self.begun += 1
        return self.results.pop(0) if self.results else succeed(None)

    def test_again_and_again(self) -> None:
        """The work is done at the start, and each time an interval after it has ended."""
        self.assertEqual(self.begun, 0)
        self.chore.start()
        self.clock.advance(0)
        self.assertEqual(self.begun, 1)
        self.clock.advance(9.9)
        self.assertEqual(self.begun, 1)
        self.clock.pump([0.1, 10, 10])
        self.assertEqual(self.begun, 4)

    def test_one_at_a_time(self) -> None:
        """A work that takes long is not begun a second time meanwhile."""
        slow: Deferred[None] = Deferred()
        self.results = [slow]
        self.chore.start()
        self.clock.pump([0, 100])
        self.assertEqual(self.begun, 1)
        slow.callback(None)
        self.clock.advance(10)
        self.assertEqual(self.begun, 2)

    def test_failure(self) -> None:
        """A work that fails is logged with its name and why, counted, and tried again."""
        self.results = [fail(StoreFailed("the disk is full")), fail(StoreFailed("still"))]
        self.chore.start()
        with capturedLogs() as events:
            self.clock.pump([0, 10, 10])
        self.assertEqual((self.begun, self.chore.failures), (3, 2))
        told = [formatEvent(event) for event in events]
        self.assertEqual(told, ["the work failed: the disk is full", "the work failed: still"])
        self.assertNotIn("log_failure", events[0])

    def test_fault(self) -> None:
        """A work that fails by a fault of the program is logged with where that was."""
        self.results = [fail(ZeroDivisionError())]
        self.chore.start()
        self.clock.pump([0, 10])
        self.assertEqual((self.begun, self.chore.failures), (2, 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_raises(self) -> None:
        """A work that fails before it has begun is treated alike."""

        def broken() -> Awaitable[None]:
            raise ZeroDivisionError

        chore = Chore("the work", 10.0, broken, self.clock, self.pending)
        chore.start()
        self.clock.pump([0, 10])
        self.assertEqual(chore.failures, 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_stop(self) -> None:
        """After a stop nothing is begun, and nothing waits on the clock."""
        self.chore.stop()
        self.chore.start()
        self.clock.advance(0)
        self.chore.stop()
        self.clock.advance(100)
        self.assertEqual((self.begun, self.clock.getDelayedCalls()), (1, []))

    def test_stop_meanwhile(self) -> None:
        """What is under way at a stop counts as pending until it has ended, and is the last."""
        slow: Deferred[None] = Deferred()
        self.results = [slow]
        self.chore.start()
        self.clock.advance(0)
        self.chore.stop()
        self.assertEqual(self.pending.count, 1)
        slow.callback(None)
        self.assertEqual((self.pending.count, self.clock.getDelayedCalls()), (0, []))


@define
class SearchedIndex:
    """Fails as often as it is told, and has nothing."""

    failures: int
    asked: int = 0

    async def page(self, start: str, limit: int) -> list[StoredFile]:
        """Tell that there is no more."""
        self.asked += 1
        if self.asked <= self.failures:
            raise StoreFailed("the disk is full")
        return []


class ClearingTests(SynchronousTestCase):
    """``clearing_versions``."""

    def test_until_it_is_done(self) -> None:
        """What a crash has left is looked for until that has succeeded, and not again."""
        clock, index = Clock(), SearchedIndex(failures=2)
        foundation = SimpleNamespace(
            index=index, blobs=None, started_at=NOON, reactor=clock, pending=Pending()
        )
        chore = clearing_versions(cast(Foundation, foundation))
        chore.start()
        with capturedLogs():
            clock.pump([0, *[SWEEP_INTERVAL] * 5])
        self.assertEqual((3, 2), (index.asked, chore.failures))
        self.assertEqual([], clock.getDelayedCalls())


class IndexBackupsTests(SynchronousTestCase):
    """``IndexBackups``."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.index = directory / "index.sqlite"
        self.copies = directory / "backup"
        create(self.index, packaged_steps(), 1.0)

    def run_at(self, time: float) -> list[float]:
        """Let an hour's copies be made at a time; return the times of all copies, newest first."""
        chore = IndexBackups(self.index, self.copies, 3600.0, InlinePool(), lambda: time)
        now(chore.run())
        return [backups.made_at(copy) for copy in backups.kept(self.copies)]

    def test_first(self) -> None:
        """Without a copy one is made at once."""
        self.assertEqual(self.run_at(NOON), [NOON])

    def test_due(self) -> None:
        """The next one is made when the last is old enough, and no sooner."""
        self.run_at(NOON)
        self.assertEqual(self.run_at(NOON + 3599), [NOON])
        self.assertEqual(self.run_at(NOON + 3600), [NOON + 3600, NOON])

    def test_kept(self) -> None:
        """The last ones stay."""
        times = [NOON + 3600 * n for n in range(5)]
        left = [self.run_at(time) for time in times]
        self.assertEqual(left[-1], times[::-1][:KEPT_BACKUPS])

    def test_wrong_clock(self) -> None:
        """A copy of the future keeps nobody from making one."""
        self.run_at(NOON + 9999)
        self.assertEqual(self.run_at(NOON), [NOON + 9999, NOON])

    def test_failure(self) -> None:
        """What keeps a copy from being made is told to who counts it."""
        self.index.unlink()
        with self.assertRaises(StoreFailed):
            self.run_at(NOON)


class SettingsTests(SynchronousTestCase):
    """``index_backups``."""

    def chores(self, interval: float) -> list[Chore]:
        """Make the chores that settings ask for."""
        root = Path(self.mktemp()).absolute()
        settings = Settings.of(
            {options.SERVER_STORAGE_PATH: root, options.INDEX_BACKUP_INTERVAL: interval}
        )
        foundation = Foundation(settings, cast(Reactor, Clock()))
        return list(index_backups(settings, foundation, Clock()))

    def test_interval(self) -> None:
        """With an interval there is a chore, with none there is none."""
        self.assertEqual(len(self.chores(60.0)), 1)
        self.assertEqual(self.chores(0.0), [])
