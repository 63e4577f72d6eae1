"""Tests of hmacfs.rules.quota."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import QuotaExceeded
from hmacfs.rules.quota import Quota
from hmacfs.stores.memory import MemoryIndex
from tests.flow.awaiting import now
from tests.stores.samples import stored


class QuotaTests(SynchronousTestCase):
    """:meth:`Quota.check`, where romeo has five bytes."""

    def setUp(self) -> None:
        index = MemoryIndex()
        now(index.add(stored("a", size=5, owner="romeo")))
        now(index.add(stored("b", size=50)))
        self.quota = Quota(index)

    def test_fits(self) -> None:
        """An owner may have as much as the quota, and a file of no bytes even more."""
        now(self.quota.check("romeo", 5, 10))
        now(self.quota.check("romeo", 0, 5))

    def test_too_much(self) -> None:
        """Not one byte more; the refusal tells what is used, allowed and wanted."""
        with self.assertRaises(QuotaExceeded) as caught:
            now(self.quota.check("romeo", 6, 10))
        self.assertEqual(caught.exception.facts, {"used": 5, "limit": 10, "requested": 6})

    def test_used_up(self) -> None:
        """Who has more than the quota, since it was made smaller, may not add anything."""
        with self.assertRaises(QuotaExceeded):
            now(self.quota.check("romeo", 0, 4))

    def test_none(self) -> None:
        """Without an owner, or a limit, there is no quota."""
        now(self.quota.check(None, 500, 1))
        now(self.quota.check("romeo", 500, None))

    def test_nothing_allowed(self) -> None:
        """A quota of nothing is a quota."""
        with self.assertRaises(QuotaExceeded):
            now(self.quota.check("juliet", 1, 0))
