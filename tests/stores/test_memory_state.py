"""Tests of the shared state in memory, which is the model of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.state import State
from tests.stores.state_suite import make_state_tests


async def open_memory(_: Path, now: Callable[[], float]) -> State:
    """Make a state."""
    return MemoryState(now)


StateTests = make_state_tests(open_memory)
