"""Tests of the thread that does all that waits at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from functools import partial

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.database import Done, Failed, Outcome, Work
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.statements import Connection
from hmacfs.stores.threads import MAX_GROUP, BatchThread
from tests.stores.pump import HANGS, Pump


@define
class Recorder:
    """
    A resource that remembers what was done with it, and stands still while its gate is shut.

    :ivar groups: the number of works done at once, each time.
    :ivar entered: set once the thread has come to the gate.
    """

    connection: sqlite3.Connection = field(factory=lambda: sqlite3.connect(":memory:"))
    groups: list[int] = field(factory=list)
    gate: threading.Event = field(factory=threading.Event)
    entered: threading.Event = field(factory=threading.Event)
    closed_in: str | None = None

    def perform(self, works: Sequence[Work[object]]) -> list[Outcome]:
        """Do the works; one that divides by zero has failed, one without a key raises."""
        self.entered.set()
        assert self.gate.wait(HANGS)
        self.groups.append(len(works))
        return [self.outcome(work) for work in works]

    def outcome(self, work: Work[object]) -> Outcome:
        """Do one work."""
        try:
            return Done(work(self.connection))
        except ZeroDivisionError as error:
            return Failed(error)

    def close(self) -> None:
        """Remember the thread that closes."""
        self.connection.close()
        self.closed_in = threading.current_thread().name


def tell(value: object, _: Connection) -> object:
    """Be a work that tells a value."""
    return value


def divide(_: Connection) -> float:
    """Be a work that fails."""
    return 1 / 0


def look_up(_: Connection) -> None:
    """Be a work that the resource does not expect to fail."""
    raise KeyError("key")


class BatchThreadTests(SynchronousTestCase):
    """The thread, with a resource that remembers."""

    def setUp(self) -> None:
        self.pump = Pump()
        self.opened: list[Recorder] = []
        self.thread = BatchThread(self.pump, "the thread", self.open)
        self.addCleanup(self.stop)

    def open(self) -> Recorder:
        """Open a recorder with its gate open."""
        recorder = Recorder()
        recorder.gate.set()
        self.opened.append(recorder)
        return recorder

    def stop(self) -> None:
        """Stop the thread, whatever holds it."""
        for recorder in self.opened:
            recorder.gate.set()
        self.pump.wait(self.thread.stop())

    def start(self) -> Recorder:
        """Start the thread; return what it opened."""
        self.pump.wait(self.thread.start())
        return self.opened[-1]

    def hold(self) -> tuple[Recorder, Deferred[object]]:
        """Start the thread and hold it in the middle of a work, whose result is returned."""
        recorder = self.start()
        recorder.gate.clear()
        first = self.thread.submit(partial(tell, "first"))
        assert recorder.entered.wait(HANGS)
        return recorder, first

    def test_result(self) -> None:
        """A work's result is told, and so is the error of one that failed."""
        self.start()
        self.assertEqual(self.pump.wait(self.thread.submit(partial(tell, 7))), 7)
        with self.assertRaises(ZeroDivisionError):
            self.pump.wait(self.thread.submit(divide))

    def test_thread(self) -> None:
        """Works are done, and the resource is closed, in one thread of the given name."""
        recorder = self.start()
        for _ in range(2):
            current = self.thread.submit(lambda _: threading.current_thread())
            self.assertEqual(self.pump.wait(current).name, "the thread")
        self.pump.wait(self.thread.stop())
        self.assertEqual(recorder.closed_in, "the thread")

    def test_daemon(self) -> None:
        """A thread that hangs does not keep the process from ending."""
        self.start()
        current = self.thread.submit(lambda _: threading.current_thread())
        self.assertTrue(self.pump.wait(current).daemon)

    def test_group(self) -> None:
        """What comes while the thread is at work is done together, in the order it came."""
        recorder, first = self.hold()
        others = [self.thread.submit(partial(tell, n)) for n in range(5)]
        recorder.gate.set()
        self.assertEqual(self.pump.wait(first), "first")
        self.assertEqual(self.pump.wait(gatherResults(others)), [0, 1, 2, 3, 4])
        self.assertEqual(recorder.groups, [1, 5])

    def test_largest_group(self) -> None:
        """No more than so many works are done at once."""
        recorder, _ = self.hold()
        others = [self.thread.submit(partial(tell, n)) for n in range(MAX_GROUP + 10)]
        recorder.gate.set()
        self.assertEqual(self.pump.wait(gatherResults(others)), list(range(MAX_GROUP + 10)))
        self.assertEqual(recorder.groups, [1, MAX_GROUP, 10])

    def test_mixed_group(self) -> None:
        """Each work of a group is told its own outcome."""
        recorder, _ = self.hold()
        good = self.thread.submit(partial(tell, "good"))
        bad = self.thread.submit(divide)
        good_too = self.thread.submit(partial(tell, "good too"))
        recorder.gate.set()
        with self.assertRaises(ZeroDivisionError):
            self.pump.wait(bad)
        self.assertEqual(self.successResultOf(good), "good")
        self.assertEqual(self.successResultOf(good_too), "good too")

    def test_unexpected(self) -> None:
        """An error that the resource lets through is told to the whole group; work goes on."""
        recorder, _ = self.hold()
        results = [self.thread.submit(work) for work in (partial(tell, 1), look_up)]
        recorder.gate.set()
        for result in results:
            with self.assertRaises(KeyError):
                self.pump.wait(result)
        self.assertEqual(self.pump.wait(self.thread.submit(partial(tell, 2))), 2)

    def test_cancel(self) -> None:
        """Cancelling a result stops the waiting, not the work."""
        recorder, _ = self.hold()
        done: list[object] = []
        result = self.thread.submit(done.append)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        later = self.thread.submit(partial(tell, "later"))
        recorder.gate.set()
        self.assertEqual(self.pump.wait(later), "later")
        self.assertEqual(len(done), 1)

    def test_not_started(self) -> None:
        """A thread that was not started takes no work, and stops at once."""
        self.failureResultOf(self.thread.submit(partial(tell, 1)), StoreFailed)
        self.successResultOf(self.thread.stop())
        self.assertEqual(self.opened, [])

    def test_running(self) -> None:
        """A thread runs from its start until it has closed its resource."""
        self.assertFalse(self.thread.running)
        started = self.thread.start()
        self.assertTrue(self.thread.running)
        self.pump.wait(started)
        self.assertTrue(self.thread.running)
        stopped = self.thread.stop()
        self.assertTrue(self.thread.running)
        self.pump.wait(stopped)
        self.assertFalse(self.thread.running)

    def test_cannot_open(self) -> None:
        """What opening raises is told by the start, and the thread has ended."""
        thread = BatchThread(self.pump, "the thread", lambda: self.fail("no such thing"))
        with self.assertRaises(self.failureException):
            self.pump.wait(thread.start())
        self.assertFalse(thread.running)
        self.failureResultOf(thread.submit(partial(tell, 1)), StoreFailed)
        self.successResultOf(thread.stop())

    def test_stop(self) -> None:
        """What was submitted is done before the resource is closed; nothing more is taken."""
        recorder, first = self.hold()
        second = self.thread.submit(partial(tell, "second"))
        stopped = self.thread.stop()
        self.failureResultOf(self.thread.submit(partial(tell, "third")), StoreFailed)
        self.assertNoResult(stopped)
        recorder.gate.set()
        self.pump.wait(stopped)
        self.assertEqual(self.successResultOf(first), "first")
        self.assertEqual(self.successResultOf(second), "second")
        self.assertEqual(recorder.closed_in, "the thread")

    def test_stop_twice(self) -> None:
        """Whoever asks the thread to stop is told when it has."""
        self.start()
        self.pump.wait(gatherResults([self.thread.stop(), self.thread.stop()]))
        self.successResultOf(self.thread.stop())

    def test_stop_while_opening(self) -> None:
        """A thread that is stopped before it has opened closes again, and takes no work."""
        started = self.thread.start()
        stopped = self.thread.stop()
        self.pump.wait(started)
        self.failureResultOf(self.thread.submit(partial(tell, 1)), StoreFailed)
        self.pump.wait(stopped)
        self.assertEqual(self.opened[0].closed_in, "the thread")

    def test_start_again(self) -> None:
        """A thread that has ended may be started again, however often it was asked to stop."""
        for _ in range(2):
            self.start()
            self.assertEqual(self.pump.wait(self.thread.submit(partial(tell, 1))), 1)
            self.pump.wait(gatherResults([self.thread.stop(), self.thread.stop()]))
        self.assertEqual(len(self.opened), 2)

    def test_start_after_failure(self) -> None:
        """A stop asked of a thread that could not open is not kept for its next start."""
        ready: list[bool] = []

        def open_when_ready() -> Recorder:
            return self.open() if ready else self.fail("not yet")

        thread = BatchThread(self.pump, "the thread", open_when_ready)
        started, stopped = thread.start(), thread.stop()
        with self.assertRaises(self.failureException):
            self.pump.wait(started)
        self.successResultOf(stopped)
        ready.append(True)
        self.pump.wait(thread.start())
        self.assertEqual(self.pump.wait(thread.submit(partial(tell, 1))), 1)
        self.pump.wait(thread.stop())

    def test_close_fails(self) -> None:
        """An error while closing is shown, and the thread has ended all the same."""
        recorder = self.start()
        seen: list[threading.ExceptHookArgs] = []
        self.patch(threading, "excepthook", seen.append)
        self.pump.wait(self.thread.submit(lambda _: recorder.connection.close()))
        recorder.connection = None  # type: ignore[assignment]  # so that closing it fails
        self.pump.wait(self.thread.stop())
        self.assertFalse(self.thread.running)
        self.assertEqual([hook.exc_type for hook in seen], [AttributeError])
