"""Tests of hmacfs.rules.days, and of hmacfs.stores.days, which keeps the same in a store."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.rules.days import DAY, Days, OwnDays
from hmacfs.stores.days import StateDays
from hmacfs.stores.memory_state import MemoryState
from tests.flow.awaiting import now

TODAY = 20_000 * DAY


class OwnDaysTests(SynchronousTestCase):
    """What holds for all days."""

    def setUp(self) -> None:
        self.time = TODAY + 5.0

    def make(self) -> Days:
        """Make days of which nothing is known."""
        return OwnDays()

    def test_sum(self) -> None:
        """An owner's day is the sum of what came, of which each counts once."""
        days = self.make()
        for upload, size in (("a", 5), ("b", 7), ("a", 5)):
            now(days.add("romeo", TODAY, upload, size))
        now(days.add("juliet", TODAY, "a", 1))
        self.assertEqual(now(days.total("romeo", TODAY)), 12)
        self.assertEqual(now(days.total("juliet", TODAY)), 1)
        self.assertEqual(now(days.total("nurse", TODAY)), 0)

    def test_over(self) -> None:
        """A new day begins at nothing, and what is late for its own day does not count to it."""
        days = self.make()
        now(days.add("romeo", TODAY, "a", 5))
        self.time += DAY
        now(days.add("romeo", TODAY + DAY, "b", 1))
        now(days.add("romeo", TODAY, "c", 7))
        self.assertEqual(now(days.total("romeo", TODAY + DAY)), 1)

    def test_forget(self) -> None:
        """An owner's day can be counted anew; those of others stay."""
        days = self.make()
        for owner in ("juliet", "romeo"):
            for number in range(3):
                now(days.add(owner, TODAY, str(number), 5))
        for _ in range(2):
            now(days.forget("romeo", TODAY))
            self.assertEqual(now(days.total("romeo", TODAY)), 0)
        self.assertEqual(now(days.total("juliet", TODAY)), 15)

    def test_names(self) -> None:
        """An owner and an upload may have any name, however long."""
        days = self.make()
        now(days.add("ü" * 5000, TODAY, "\0" * 5000, 5))
        self.assertEqual(now(days.total("ü" * 5000, TODAY)), 5)


class StateDaysTests(OwnDaysTests):
    """Days in the shared state."""

    def make(self) -> Days:
        """Make days in an empty store."""
        return StateDays(MemoryState(lambda: self.time))
