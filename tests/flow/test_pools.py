"""Tests of the pools, and of what is built on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.base.errors import ClientGone, Unknown
from hmacfs.flow.pools import InlinePool, Lane, ThreadedPool, acquire, shielded
from tests.flow.held_pool import Crashed, HeldPool
from tests.stores.pump import Pump

PATIENCE = 60.0
"""Seconds after which a thread is taken to hang."""


def raises(error: Exception) -> Callable[[], None]:
    """Make a work that fails."""

    def work() -> None:
        raise error

    return work


class InlinePoolTests(SynchronousTestCase):
    """:class:`InlinePool`."""

    def test_result(self) -> None:
        """A work has ended when ``run`` returns; it is given its arguments."""
        self.assertEqual(self.successResultOf(InlinePool().run(int, "ff", base=16)), 255)

    def test_failure(self) -> None:
        """What a work raises is told to whoever waits, not raised by ``run``."""
        result = InlinePool().run(raises(KeyError("lost")))
        self.assertEqual(self.failureResultOf(result, KeyError).value.args, ("lost",))


class ThreadedPoolTests(SynchronousTestCase):
    """:class:`ThreadedPool`, with two threads."""

    def setUp(self) -> None:
        self.pump = Pump()
        self.pool = ThreadedPool(self.pump, "disk", 2)
        self.pool.start()
        self.stopped = False
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop the pool, once."""
        if not self.stopped:
            self.stopped = True
            self.pool.stop()

    def test_result(self) -> None:
        """A work is given its arguments, and its result is told."""
        self.assertEqual(self.pump.wait(self.pool.run(int, "ff", base=16)), 255)

    def test_failure(self) -> None:
        """What a work raises is told."""
        with self.assertRaises(KeyError):
            self.pump.wait(self.pool.run(raises(KeyError())))

    def test_thread(self) -> None:
        """A work runs on a thread that is named after the purpose of the pool."""
        thread = self.pump.wait(self.pool.run(threading.current_thread))
        self.assertIsNot(thread, threading.current_thread())
        self.assertIn("disk", thread.name)

    def test_side_by_side(self) -> None:
        """As many works run at once as there are threads."""
        meeting = threading.Barrier(2, timeout=PATIENCE)
        results = [self.pool.run(meeting.wait) for _ in range(2)]
        self.assertEqual(sorted(self.pump.wait(result) for result in results), [0, 1])

    def test_no_more(self) -> None:
        """No more works run at once than there are threads."""
        go = threading.Semaphore(0)
        begun = threading.Semaphore(0)
        third = threading.Event()

        def work() -> None:
            begun.release()
            go.acquire(timeout=PATIENCE)

        running = [self.pool.run(work), self.pool.run(work)]
        for _ in running:
            self.assertTrue(begun.acquire(timeout=PATIENCE))
        waiting = self.pool.run(third.set)
        self.assertFalse(third.is_set())
        self.assertTrue(self.pool.is_crowded)
        go.release()
        self.pump.wait(waiting)
        self.assertFalse(self.pool.is_crowded)
        go.release()
        for result in running:
            self.pump.wait(result)

    def test_cancel(self) -> None:
        """Who cancels only stops waiting: the work is done."""
        go, done = threading.Event(), threading.Event()

        def work() -> None:
            go.wait(PATIENCE)
            done.set()

        result = self.pool.run(work)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        go.set()
        self.assertTrue(done.wait(PATIENCE))

    def test_stop(self) -> None:
        """A stop lets the works end that were asked for."""
        done: list[int] = []
        for number in range(20):
            self.pool.run(done.append, number)
        self.stop()
        self.assertEqual(sorted(done), list(range(20)))


class LaneTests(SynchronousTestCase):
    """:class:`Lane`."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.lane = Lane(self.pool)
        self.done: list[object] = []

    def test_one_at_a_time(self) -> None:
        """A work is begun when the one before it has ended; they keep their order."""
        results = [self.lane.run(self.done.append, number) for number in range(3)]
        for number, result in enumerate(results):
            self.assertEqual(len(self.pool.held), 1)
            self.assertNoResult(result)
            self.pool.run_next()
            self.successResultOf(result)
            self.assertEqual(self.done, list(range(number + 1)))
        self.assertFalse(self.pool.busy)

    def test_results(self) -> None:
        """Each result goes to whoever asked for it; works are given their arguments."""
        first, second = self.lane.run(int, "7"), self.lane.run(int, "ff", base=16)
        self.pool.run_all()
        self.assertEqual([self.successResultOf(first), self.successResultOf(second)], [7, 255])

    def test_failure(self) -> None:
        """A work that fails does not stop those after it."""
        failing = self.lane.run(raises(KeyError()))
        after = self.lane.run(self.done.append, 1)
        self.pool.run_all()
        self.failureResultOf(failing, KeyError)
        self.successResultOf(after)
        self.assertEqual(self.done, [1])

    def test_cancel_running(self) -> None:
        """A work that runs when it is cancelled is done, and only then the next one begins."""
        running, after = self.lane.run(self.done.append, 1), self.lane.run(self.done.append, 2)
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(len(self.pool.held), 1)
        self.pool.do_next()
        self.assertEqual((self.done, len(self.pool.held)), ([1], 0))
        self.pool.tell_next()
        self.pool.run_all()
        self.successResultOf(after)
        self.assertEqual(self.done, [1, 2])

    def test_cancel_waiting(self) -> None:
        """A work that still waits when it is cancelled is done in its turn."""
        works = [self.lane.run(self.done.append, number) for number in range(3)]
        works[1].cancel()
        self.failureResultOf(works[1], CancelledError)
        self.pool.run_all()
        self.assertEqual(self.done, [0, 1, 2])

    def test_close_waits(self) -> None:
        """What is asked for last, as a close is, comes after all works, wanted or not."""
        writes = [self.lane.run(self.done.append, "write") for _ in range(2)]
        closing = self.lane.run(self.done.append, "close")
        for write in writes:
            write.cancel()
            self.failureResultOf(write, CancelledError)
        self.pool.run_all()
        self.successResultOf(closing)
        self.assertEqual(self.done, ["write", "write", "close"])

    def test_asked_for_on_the_way(self) -> None:
        """What is asked for when a work is told comes after what waits."""
        first = self.lane.run(self.done.append, 1)
        first.addCallback(lambda _: self.lane.run(self.done.append, 3))
        self.lane.run(self.done.append, 2)
        self.pool.run_all()
        self.assertEqual(self.done, [1, 2, 3])

    def test_again(self) -> None:
        """A lane that ran out of works takes more."""
        for number in range(3):
            self.lane.run(self.done.append, number)
            self.pool.run_all()
        self.assertEqual(self.done, [0, 1, 2])

    def test_wanted(self) -> None:
        """Whoever runs can see that others wait: for the same thing, or for the pool."""
        self.lane.run(self.done.append, 1)
        self.assertFalse(self.lane.is_wanted)
        self.pool.is_crowded = True
        self.assertTrue(self.lane.is_wanted)
        self.pool.is_crowded = False
        self.lane.run(self.done.append, 2)
        self.assertTrue(self.lane.is_wanted)
        self.pool.run_next()
        self.assertFalse(self.lane.is_wanted)
        self.pool.run_all()

    def test_pool_is_gone(self) -> None:
        """Where the pool cannot run the works, all who wait are told."""
        works = [self.lane.run(self.done.append, number) for number in range(3)]
        with self.pool.crash():
            for work in works:
                self.failureResultOf(work, Crashed)
        self.assertEqual(self.done, [])

    @given(st.lists(st.integers(0, 2)), st.data())
    def test_lanes_side_by_side(self, asked: list[int], data: st.DataObject) -> None:
        """Lanes do not wait for each other, and each keeps its order, however threads run."""
        pool = HeldPool()
        lanes = [Lane(pool) for _ in range(3)]
        done: list[tuple[int, int]] = []
        for number, lane in enumerate(asked):
            lanes[lane].run(done.append, (lane, number))
        self.assertEqual(len(pool.held), len(set(asked)))
        while pool.held:
            pool.held.rotate(data.draw(st.integers(0, len(pool.held) - 1)))
            pool.run_next()
        for lane in range(3):
            numbers = [number for name, number in done if name == lane]
            self.assertEqual(numbers, [number for number, name in enumerate(asked) if name == lane])


class AcquireTests(SynchronousTestCase):
    """:func:`acquire`."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.disposed: list[str] = []

    def acquire(self, make: Callable[[], str] = lambda: "thing") -> Deferred[str]:
        """Begin to make a thing."""
        return acquire(self.pool, make, self.disposed.append)

    def test_wanted(self) -> None:
        """What was made is told, and is not disposed of."""
        wanted = self.acquire()
        self.assertNoResult(wanted)
        self.pool.run_all()
        self.assertEqual(self.successResultOf(wanted), "thing")
        wanted.cancel()
        self.pool.run_all()
        self.assertEqual(self.disposed, [])

    def test_failure(self) -> None:
        """What went wrong is told."""

        def make() -> str:
            raise KeyError

        wanted = self.acquire(make)
        self.pool.run_all()
        self.failureResultOf(wanted, KeyError)
        self.assertEqual(self.disposed, [])

    def test_error_of_who_waits(self) -> None:
        """What fails behind the one who waited is not told twice, and disposes of nothing."""
        wanted = self.acquire()
        wanted.addCallback(lambda _: raises(KeyError())())
        self.pool.run_all()
        self.failureResultOf(wanted, KeyError)
        self.assertEqual(self.disposed, [])

    def test_cancelled_before(self) -> None:
        """What nobody waits for any more when it is made is disposed of, on the pool."""
        wanted = self.acquire()
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        self.pool.run_next()
        self.assertEqual(self.disposed, [])
        self.pool.run_next()
        self.assertEqual(self.disposed, ["thing"])

    def test_cancelled_between(self) -> None:
        """So is what was made already when the one who waited went, before being told."""
        wanted = self.acquire()
        self.pool.do_next()
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        self.pool.run_all()
        self.assertEqual(self.disposed, ["thing"])

    def test_cancelled_failure(self) -> None:
        """Where nothing was made, nothing is disposed of, and nobody hears of the error."""

        def make() -> str:
            raise KeyError

        wanted = self.acquire(make)
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        self.pool.run_all()
        self.assertEqual(self.disposed, [])
        self.assertEqual(self.flushLoggedErrors(), [])


class ShieldedTests(SynchronousTestCase):
    """:func:`shielded`."""

    def test_failure_of_abandoned_work(self) -> None:
        """What fails when nobody waits any more is logged, not lost."""
        work: Deferred[None] = Deferred()
        wanted = shielded(work)
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        work.errback(KeyError("lost"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_left(self) -> None:
        """Whoever has to know is told that nobody waits any more, and only then."""
        left: list[str] = []
        shielded(succeed(7), lambda: left.append("never"))
        wanted = shielded(Deferred[None](), lambda: left.append("once"))
        self.assertEqual(left, [])
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        self.assertEqual(left, ["once"])

    def test_client_gone(self) -> None:
        """What fails because the client has gone is expected when nobody waits any more."""
        for error in (ClientGone(), CancelledError(), ConnectionLost()):
            work: Deferred[None] = Deferred()
            wanted = shielded(work)
            wanted.cancel()
            self.failureResultOf(wanted, CancelledError)
            work.errback(error)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_result(self) -> None:
        """The result of the work is told."""
        self.assertEqual(self.successResultOf(shielded(succeed(7))), 7)

    def test_failure(self) -> None:
        """What went wrong is told."""
        self.failureResultOf(shielded(fail(KeyError())), KeyError)

    def test_cancel(self) -> None:
        """Who cancels only stops waiting; the work is not disturbed and may end as it will."""
        for end in (lambda work: work.callback(7), lambda work: work.errback(Unknown("x"))):
            disturbed: list[object] = []
            work: Deferred[int] = Deferred(disturbed.append)
            wanted = shielded(work)
            wanted.cancel()
            self.failureResultOf(wanted, CancelledError)
            self.assertEqual(disturbed, [])
            end(work)
        self.assertEqual(self.flushLoggedErrors(), [])


class ResizeTests(TestCase):
    """Pools that get other sizes while they work."""

    async def test_resize(self) -> None:
        """A pool that grows runs more at once, one that shrinks fewer, and no work is lost."""
        pool = ThreadedPool(cast(IReactorFromThreads, reactor), "test", 1)
        pool.start()
        self.addCleanup(pool.stop)
        for size in (1, 3, 1):
            pool.resize(size)
            self.assertEqual(pool.size, size)
            crowd = Crowd(size)
            await gatherResults([pool.run(crowd.work) for _ in range(3 * size)])
            self.assertEqual(crowd.most, size)


class Crowd:
    """Works that wait for each other, so many at a time, and count how many they are."""

    def __init__(self, size: int) -> None:
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._met = threading.Barrier(size)

    def work(self) -> None:
        """Wait until enough do the same."""
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        self._met.wait(PATIENCE)
        with self._lock:
            self._running -= 1
