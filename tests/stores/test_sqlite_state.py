"""Tests of the shared state in a file of SQLite."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar, cast

from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.sqlite import PATIENCE, SqliteIndex, SqliteState
from hmacfs.stores.state import State
from tests.stores.pump import Pump
from tests.stores.state_suite import LATER, StateMachine, make_state_tests

T = TypeVar("T")

MEMORY = Path("/dev/shm")
reactor = cast(IReactorFromThreads, global_reactor)


async def open_sqlite(path: Path, now: Callable[[], float]) -> State:
    """Open a state in a new file."""
    state = SqliteState(path, reactor, now)
    await state.start()
    return state


StateTests = make_state_tests(open_sqlite)


class SqliteStateMachine(StateMachine):
    """The state in a file beside the model."""

    def open(self) -> State:
        """Open a state in a new file."""
        self.directory = Path(mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.pump = Pump()
        return self.opened()

    def opened(self) -> SqliteState:
        """Open the file."""
        state = SqliteState(self.directory / "state.sqlite", self.pump, self.hands.now)
        self.wait(state.start())
        return state

    def wait(self, result: Deferred[T]) -> T:
        """Make the calls that the threads ask for until a result has fired."""
        return self.pump.wait(result)

    @rule()
    def open_again(self) -> None:
        """What was kept is there after the file was closed and opened again."""
        self.wait(cast(SqliteState, self.state).close())
        self.state = self.opened()

    def teardown(self) -> None:
        """Remove the file."""
        super().teardown()
        shutil.rmtree(self.directory)


class MachineTests(SynchronousTestCase):
    """The machine."""

    def test_model(self) -> None:
        """After any sequence of requests the state knows what the model knows."""
        few = settings(max_examples=settings().max_examples // 4)
        run_state_machine_as_test(SqliteStateMachine, settings=few)


class FileTests(TestCase):
    """What is told of a file that is not what it should be."""

    async def test_index(self) -> None:
        """A file that is the index is not taken for the state, and stays as it is."""
        path = Path(self.mktemp())
        index = SqliteIndex(path, reactor)
        await index.start()
        await index.close()
        state = SqliteState(path, reactor, lambda: LATER)
        with self.assertRaises(StoreFailed):
            await state.start()
        await index.start()
        await index.close()


class DeadlineTests(SynchronousTestCase):
    """A disk that does not answer."""

    def test_hangs(self) -> None:
        """What has no answer in time has failed, and says which file it is; a late one is lost."""
        pump, clock = Pump(), Clock()
        path = Path(self.mktemp()).with_name("state.sqlite")
        state = SqliteState(path, pump, lambda: LATER, clock=clock)
        pump.wait(state.start())
        # Nobody pumps, so no answer comes.
        asked = state.find("a", "b")
        clock.advance(PATIENCE - 1)
        self.assertNoResult(asked)
        clock.advance(1)
        failure = self.failureResultOf(asked, StoreFailed)
        self.assertIn("state.sqlite did not answer within 30 seconds", str(failure.value))
        self.assertIsNone(pump.wait(state.find("a", "b")))
        pump.wait(state.close())
        self.assertEqual(clock.getDelayedCalls(), [])
