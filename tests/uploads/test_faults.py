"""The process is killed, or the disk fails, at each call of an upload session in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import Refusal
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.uploads.machine import State
from tests.blobs import faulty
from tests.blobs.faulty import FaultyOs, PowerLost
from tests.flow.awaiting import now
from tests.uploads.bench import LocalBench

CONTENT = b"0123456789"


def upload(bench: LocalBench) -> None:
    """Bring a file in two parts."""
    session = bench.create()
    bench.append(session.id, 0, CONTENT[:4])
    bench.append(session.id, 4, CONTENT[4:])
    bench.finish(session.id)


class FaultTests(SynchronousTestCase):
    """Whatever happened, the next process finds what can be brought to its end, or nothing."""

    def test_killed(self) -> None:
        """After a kill at any moment."""
        self.assert_survived(faulty.lost_after)

    def test_broken(self) -> None:
        """After any call that failed."""
        self.assert_survived(faulty.broken_once)

    def assert_survived(self, disk: Callable[[int], FaultyOs]) -> None:
        """Fail unless each session can be finished after a restart, and is exact then."""
        for at in count():
            bench = LocalBench()
            system = disk(at)
            system.install(self)
            ended = False
            with contextlib.suppress(PowerLost, StorageFailed, OSError, Refusal):
                upload(bench)
                ended = True
            system.fails = lambda *_: None
            bench.restart()
            self.assert_exact(bench, at)
            bench.clear()
            if ended and len(system.calls) <= at:
                break
        self.assertGreater(at, 30)

    def assert_exact(self, bench: LocalBench, at: int) -> None:
        """Finish what rests; fail unless the file has all its bytes, or was never begun."""
        ids = now(bench.unfinished.keys())
        for id in ids:
            session = bench.find(id)
            if session.state is State.OPEN:
                bench.append(id, session.offset, CONTENT[session.offset :])
            bench.finish(id)
        self.assertEqual(bench.bytes_of("a"), CONTENT if ids else None, at)
