"""Tests of hmacfs.stores.state."""

from __future__ import annotations

from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.state import LONGEST_STEP_BACK, Advancing, next_sequence

NOON = 1_800_000_000.0


class AdvancingTests(SynchronousTestCase):
    """A clock of which no two moments are alike."""

    def setUp(self) -> None:
        self.time = NOON
        self.now = Advancing(lambda: self.time)

    def test_alike(self) -> None:
        """Moments of the same time follow each other, and so do their sequences."""
        sequences = [next_sequence(self.now(), 0) for _ in range(1000)]
        for before, after in pairwise(sequences):
            self.assertLess(before, after)
        self.assertLess(self.now() - NOON, 0.01)

    def test_goes(self) -> None:
        """It goes with the other one."""
        self.now()
        self.time += 5
        self.assertEqual(self.now(), NOON + 5)

    def test_set_back(self) -> None:
        """Set back by a little it waits; by more it is believed, or nothing would end."""
        before = self.now()
        self.time -= LONGEST_STEP_BACK / 2
        self.assertLess(before, self.now())
        self.time -= 3600
        self.assertEqual(self.now(), self.time)
