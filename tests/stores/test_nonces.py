"""Tests of signatures that count once, in the shared state."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.replay import Replays
from hmacfs.stores.interfaces import PAGE
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.nonces import StateReplays
from hmacfs.stores.state import START
from tests.auth import replay_suite
from tests.flow.awaiting import now


class StateReplaysTests(replay_suite.ReplayTests):
    """They are kept as the rules say."""

    def make_replays(self, clock: Clock) -> Replays:
        """Make an empty memory."""
        return StateReplays(MemoryState(clock.seconds))


class ForgetTests(SynchronousTestCase):
    """``StateReplays.forget``."""

    def test_forget(self) -> None:
        """Records that are meant are forgotten, and nothing else."""
        state = MemoryState(Clock().seconds)
        replays = StateReplays(state)
        for kind in ("a", "nonces"):
            now(state.put(kind, "x", b"hers", 9.0))
        for number in range(PAGE + 2):
            now(replays.claim(f"{number:04}", 9.0, b"his" if number == 5 else b"hers"))
        self.assertEqual(now(replays.forget(lambda record: record == b"hers")), PAGE + 1)
        self.assertEqual(now(replays.forget(lambda record: record == b"hers")), 0)
        left = now(state.entries(START, 10))
        self.assertEqual([each.kind for each in left], ["a", "nonce", "nonces"])
