"""Tests of waiting for threads without a reactor."""

from __future__ import annotations

import os
import signal

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.calls import Calls
from hmacfs.flow.pools import ThreadedPool


class CallsTests(SynchronousTestCase):
    """``Calls``."""

    def setUp(self) -> None:
        self.calls = Calls()
        self.pool = ThreadedPool(self.calls, "test", 2)
        self.pool.start()
        self.addCleanup(self.pool.stop)

    def test_result(self) -> None:
        """What threads do is waited for, one thing after another."""

        async def work() -> int:
            first = await self.pool.run(int, "20")
            return first + await self.pool.run(int, "3")

        self.assertEqual(self.calls.wait(work()), 23)

    def test_again(self) -> None:
        """It can be used again, and needs no thread at all."""

        async def work() -> str:
            return "done"

        self.assertEqual([self.calls.wait(work()) for _ in range(2)], ["done", "done"])

    def test_error(self) -> None:
        """An error comes out as it is."""

        async def work() -> int:
            return await self.pool.run(int, "x")

        with self.assertRaises(ValueError):
            self.calls.wait(work())

    def test_interrupt(self) -> None:
        """An interrupt ends the work, which still can let go of what it holds."""
        told: list[str] = []

        async def work() -> None:
            never: Deferred[None] = Deferred()
            self.pool.run(os.kill, os.getpid(), signal.SIGINT)
            try:
                await never
            except CancelledError:
                told.append(await self.pool.run(str, "let go"))
                raise

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        with self.assertRaises(KeyboardInterrupt):
            self.calls.wait(work())
        self.assertEqual(told, ["let go"])
