"""Tests of the index in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from hypothesis.stateful import run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.interfaces import Index
from hmacfs.stores.memory import MemoryIndex
from tests.stores.index_suite import IndexMachine, make_index_tests
from tests.stores.pump import Pump

T = TypeVar("T")


async def open_memory(_: Path) -> Index:
    """Make an index."""
    return MemoryIndex()


IndexTests = make_index_tests(open_memory)


class MemoryMachine(IndexMachine):
    """The index in memory beside the model."""

    def open(self) -> Index:
        """Make an index."""
        return MemoryIndex()

    def wait(self, result: Deferred[T]) -> T:
        """Return a result, which has fired."""
        return Pump().wait(result)


class MemoryMachineTests(SynchronousTestCase):
    """The machine."""

    def test_model(self) -> None:
        """After any sequence of requests the index knows what the model knows."""
        run_state_machine_as_test(MemoryMachine)
