"""Tests of which host has an upload, in the shared state."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.state import START
from hmacfs.stores.whereabouts import ALIVE, StateWhereabouts
from tests.flow.awaiting import now

ID = "an-id-that-is-a-secret"


class WhereaboutsTests(SynchronousTestCase):
    """Two hosts that share a state."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.state = MemoryState(self.clock.seconds)
        self.one, self.two = (
            StateWhereabouts(self.state, host, self.clock.seconds) for host in ("one", "two")
        )
        now(self.one.beat())
        now(self.one.note(ID, 1000.0))

    def test_elsewhere(self) -> None:
        """What one has is elsewhere for the other, and not for itself."""
        self.assertTrue(now(self.two.elsewhere(ID)))
        self.assertFalse(now(self.one.elsewhere(ID)))
        self.assertFalse(now(self.two.elsewhere("another")))

    def test_dead(self) -> None:
        """A host that does not tell that it is alive has nothing."""
        self.clock.advance(ALIVE + 1)
        self.assertFalse(now(self.two.elsewhere(ID)))
        now(self.one.beat())
        self.assertTrue(now(self.two.elsewhere(ID)))

    def test_forgotten(self) -> None:
        """What is forgotten is nowhere."""
        now(self.one.forget(ID))
        self.assertFalse(now(self.two.elsewhere(ID)))

    def test_over(self) -> None:
        """What is over is nowhere."""
        self.clock.advance(1001)
        now(self.one.beat())
        self.assertFalse(now(self.two.elsewhere(ID)))

    def test_moved(self) -> None:
        """Who noted it last has it."""
        now(self.two.beat())
        now(self.two.note(ID, 1000.0))
        self.assertTrue(now(self.one.elsewhere(ID)))
        self.assertFalse(now(self.two.elsewhere(ID)))

    def test_secret(self) -> None:
        """The id is not in the state."""
        for named in now(self.state.entries(START, 100)):
            self.assertNotIn(ID, f"{named.key} {named.entry.value!r}")

    def test_away(self) -> None:
        """A state that is away hurts nobody."""
        now(self.state.close())
        now(self.two.beat())
        now(self.two.note(ID, 1000.0))
        now(self.two.forget(ID))
        self.assertFalse(now(self.two.elsewhere(ID)))
