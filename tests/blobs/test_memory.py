"""Tests of the files in memory, also beside those of a local file system."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from threading import Barrier
from typing import cast

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import (
    Blobs,
    NameExists,
    OpenBlob,
    StagedBlob,
    StorageFailed,
    StorageFull,
)
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool, ThreadedPool
from tests.blobs.blobs_suite import make_blobs_tests
from tests.blobs.descriptors import close_below
from tests.blobs.faulty import never_synced
from tests.blobs.samples import content, named, published, staged, store
from tests.flow.awaiting import now
from tests.octets import octets

reactor = cast(IReactorFromThreads, global_reactor)

THREADS = 4

NAMES = tuple(named(name) for name in ("a", "a/b", "a/b/c", "d/e"))
"""Few names that are often in each other's way."""

WHICH = st.integers(0, 9)
"""Which of those that there are."""


class InlineStorage:
    """A storage in memory, which a crash of its user does not harm."""

    def __init__(self, _: Path) -> None:
        self.blobs = MemoryBlobs(InlinePool())

    async def open(self) -> Blobs:
        """Begin to use it."""
        return self.blobs

    async def crash(self) -> None:
        """Let go of it."""

    async def close(self) -> None:
        """Let go of it after the test."""


class ThreadedStorage(InlineStorage):
    """One whose user has threads."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.threads = ThreadedPool(reactor, "memory", THREADS)
        self.threads.start()
        self.blobs = MemoryBlobs(self.threads)

    async def crash(self) -> None:
        """Let go of it when the threads have nothing to do, nor what they have done leads to."""
        for _ in range(2):
            # Only when each thread has a part of this, none does anything else.
            together = Barrier(THREADS)
            await gatherResults([self.threads.run(together.wait) for _ in range(THREADS)])
            await deferLater(cast(IReactorTime, global_reactor), 0)

    async def close(self) -> None:
        """Let the threads go."""
        self.threads.stop()


BlobsTests = make_blobs_tests(InlineStorage)
ThreadedBlobsTests = make_blobs_tests(ThreadedStorage, "ThreadedBlobsTests")


class CapacityTests(SynchronousTestCase):
    """What has room in memory."""

    def setUp(self) -> None:
        self.blobs = MemoryBlobs(InlinePool(), capacity=10)

    def test_full(self) -> None:
        """What has no room is refused; what has just room is not."""
        now(staged(self.blobs, b"x" * 10))
        with self.assertRaises(StorageFull):
            now(staged(self.blobs, b"x"))
        self.assertEqual(now(self.blobs.free_bytes()), 0)

    def test_written_in_part(self) -> None:
        """As on a disk, the part for which there was room takes it until the stage settles."""
        blob = now(self.blobs.stage())
        with self.assertRaises(StorageFull):
            now(blob.lane.run(blob.write, b"x" * 11))
        self.assertEqual(now(self.blobs.free_bytes()), 0)
        now(self.blobs.settle(blob))
        self.assertEqual(now(self.blobs.free_bytes()), 10)

    def test_published_counts_once(self) -> None:
        """Bytes that are staged and published count once, and until they are removed."""
        blob = now(published(self.blobs, "a", b"1234"))
        self.assertEqual(now(self.blobs.free_bytes()), 6)
        now(self.blobs.settle(blob))
        self.assertEqual(now(self.blobs.free_bytes()), 6)
        now(self.blobs.remove(named("a")))
        self.assertEqual(now(self.blobs.free_bytes()), 10)

    def test_cleared(self) -> None:
        """What a crash left takes room until it is cleared."""
        now(staged(self.blobs, b"1234"))
        now(self.blobs.leftovers())
        self.assertEqual(now(self.blobs.free_bytes()), 10)

    def test_change(self) -> None:
        """The capacity may change, also to less than is stored; that stays."""
        now(store(self.blobs, "a", b"1234"))
        self.blobs.capacity = 3
        self.assertEqual(now(self.blobs.free_bytes()), 0)
        with self.assertRaises(StorageFull):
            now(staged(self.blobs, b"x"))
        self.assertEqual(now(content(self.blobs, named("a"))), b"1234")
        self.blobs.capacity = 5
        self.assertEqual(now(self.blobs.free_bytes()), 1)

    def test_foreign_stage(self) -> None:
        """The stage of another storage is a mistake of the program."""

        class Foreign:
            lane = None

        with self.assertRaises(TypeError):
            self.blobs.settle(Foreign())  # type: ignore[arg-type]


def outcome(result: Awaitable[object]) -> object:
    """Return a result, or the kind of its refusal."""
    try:
        return now(result)
    except (NameExists, StorageFailed) as error:
        return type(error)


class TwinMachine(RuleBasedStateMachine):
    """Whatever is asked in whatever order, memory and disk give the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.memory = MemoryBlobs(InlinePool())
        self.local = LocalBlobs(self.path, InlinePool())
        self.stages: list[tuple[StagedBlob, StagedBlob]] = []
        self.readers: list[tuple[OpenBlob, OpenBlob]] = []
        now(self.local.start())

    def agree(self, memory: Awaitable[object], local: Awaitable[object]) -> None:
        """Check that both outcomes are the same."""
        assert outcome(memory) == outcome(local)

    @rule()
    def stage(self) -> None:
        """A file is begun."""
        self.stages.append((now(self.memory.stage()), now(self.local.stage())))

    @precondition(lambda self: self.stages)
    @rule(which=WHICH, data=octets(min_size=1, max_size=5))
    def write(self, which: int, data: bytes) -> None:
        """Bytes are written, or refused when the stage is closed."""
        memory, local = self.stages[which % len(self.stages)]
        self.agree(memory.lane.run(memory.write, data), local.lane.run(local.write, data))

    @precondition(lambda self: self.stages)
    @rule(which=WHICH, name=st.sampled_from(NAMES), intent=octets(max_size=5))
    def publish(self, which: int, name: StoredName, intent: bytes) -> None:
        """A file is published, or refused."""
        memory, local = self.stages[which % len(self.stages)]
        self.agree(
            self.memory.publish(memory, name, intent), self.local.publish(local, name, intent)
        )

    @precondition(lambda self: self.stages)
    @rule(which=WHICH)
    def settle(self, which: int) -> None:
        """A stage settles, once."""
        memory, local = self.stages[which % len(self.stages)]
        self.agree(self.memory.settle(memory), self.local.settle(local))

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: StoredName) -> None:
        """A file is removed, if there is one."""
        self.agree(self.memory.remove(name), self.local.remove(name))

    @rule(name=st.sampled_from(NAMES))
    def open(self, name: StoredName) -> None:
        """A file is opened, if there is one."""
        memory, local = now(self.memory.open(name)), now(self.local.open(name))
        assert (memory is None) == (local is None)
        if memory is not None and local is not None:
            assert memory.size == local.size
            self.readers.append((memory, local))

    @precondition(lambda self: self.readers)
    @rule(which=WHICH, offset=st.integers(0, 8), length=st.integers(0, 8))
    def read(self, which: int, offset: int, length: int) -> None:
        """An open file is read, whatever has become of its name; a closed one is not."""
        memory, local = self.readers[which % len(self.readers)]
        self.agree(
            memory.lane.run(memory.read_at, offset, length),
            local.lane.run(local.read_at, offset, length),
        )

    @precondition(lambda self: self.readers)
    @rule(which=WHICH)
    def close(self, which: int) -> None:
        """An open file is closed; to do so again changes nothing."""
        for blob in self.readers[which % len(self.readers)]:
            now(blob.lane.run(blob.close))

    @rule(forgets=st.booleans())
    def crash(self, forgets: bool) -> None:
        """The process ends; the same is left, and the one that comes after may deal with it."""
        self.stages.clear()
        self.readers.clear()
        close_below(self.path)
        self.local = LocalBlobs(self.path, InlinePool())
        now(self.local.start())
        memory, local = now(self.memory.leftovers()), now(self.local.leftovers())
        assert Counter(each.intent for each in memory) == Counter(each.intent for each in local)
        if forgets:
            for leftover in memory:
                now(self.memory.forget(leftover))
            for leftover in local:
                now(self.local.forget(leftover))

    @invariant()
    def same_files(self) -> None:
        """Each name has the same bytes in both."""
        for name in NAMES:
            self.agree(content(self.memory, name), content(self.local, name))

    def teardown(self) -> None:
        """Clean up."""
        close_below(self.path)
        shutil.rmtree(self.path)


class TwinTests(SynchronousTestCase):
    """The machine."""

    def test_twins(self) -> None:
        """After any sequence of requests memory and disk hold the same."""
        never_synced().install(self)
        run_state_machine_as_test(TwinMachine)
