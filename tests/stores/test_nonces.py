"""Tests of signatures that count once, in the shared state."""

from __future__ import annotations

from twisted.internet.task import Clock

from hmacfs.auth.replay import Replays
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.nonces import StateReplays
from tests.auth import replay_suite


class StateReplaysTests(replay_suite.ReplayTests):
    """They are kept as the rules say."""

    def make_replays(self, clock: Clock) -> Replays:
        """Make an empty memory."""
        return StateReplays(MemoryState(clock.seconds))
