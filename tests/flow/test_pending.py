"""Tests of what waits for the end of what is under way."""

from __future__ import annotations

from contextlib import ExitStack

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.flow.pending import Pending


class PendingTests(SynchronousTestCase):
    """:class:`Pending`."""

    def setUp(self) -> None:
        self.pending = Pending()

    def test_nothing(self) -> None:
        """Where nothing is under way, nobody waits."""
        self.assertEqual(self.pending.count, 0)
        self.successResultOf(self.pending.idle())

    def test_waits(self) -> None:
        """All who wait are told when the last has ended, and not before."""
        with self.pending:
            with self.pending:
                self.assertEqual(self.pending.count, 2)
                waiting = [self.pending.idle(), self.pending.idle()]
            for idle in waiting:
                self.assertNoResult(idle)
        self.assertEqual([self.successResultOf(idle) for idle in waiting], [None, None])

    def test_any_order(self) -> None:
        """What began first may end first."""
        first, second = ExitStack(), ExitStack()
        first.enter_context(self.pending)
        second.enter_context(self.pending)
        idle = self.pending.idle()
        first.close()
        self.assertNoResult(idle)
        second.close()
        self.successResultOf(idle)

    def test_failure_ends(self) -> None:
        """What fails has ended too, and its failure goes on."""
        with self.assertRaises(ZeroDivisionError), self.pending:
            idle = self.pending.idle()
            raise ZeroDivisionError
        self.assertEqual(self.pending.count, 0)
        self.successResultOf(idle)

    def test_again(self) -> None:
        """After it was idle, it can be waited for again."""
        with self.pending:
            self.pending.idle()
        with self.pending:
            idle = self.pending.idle()
            self.assertNoResult(idle)
        self.successResultOf(idle)

    def test_cancelled(self) -> None:
        """Who waits no longer does not keep the others from being told."""
        with self.pending:
            leaving, staying = self.pending.idle(), self.pending.idle()
            leaving.cancel()
            self.failureResultOf(leaving, CancelledError)
        self.successResultOf(staying)

    def test_begins_when_told(self) -> None:
        """Whoever is told may begin something at once."""
        with self.pending:
            idle = self.pending.idle()
            idle.addCallback(lambda _: self.pending.__enter__())
        self.assertEqual(self.pending.count, 1)
        self.assertNoResult(self.pending.idle())
