"""Uploads, repetitions, conflicts, deletions, failures and crashes, in any order."""

from __future__ import annotations

from collections import Counter

from attrs import frozen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import NameTaken
from hmacfs.base.names import StoredName
from hmacfs.base.values import Tombstone
from hmacfs.ingest.publication import Receipt
from hmacfs.stores.interfaces import StoreFailed
from tests.blobs.faulty import never_synced
from tests.blobs.samples import named
from tests.flow.awaiting import now
from tests.flow.held_pool import Crashed
from tests.ingest.bench import TOMBSTONE_AGE, Bench, Delivery, Disk, LocalDisk, MemoryDisk

NAMES = tuple(named(name) for name in ("a", "a/b", "c"))
"""Few names, of which two are in each other's way."""

CONTENTS = (b"", b"one", b"two", b"three")
"""Few contents, of which two have the same size."""

WHICH = st.integers(0, 9)
"""Which of the uploads that are under way."""

STEPS = st.integers(1, 30)
"""How much happens: the longest upload takes fewer steps."""


@frozen
class Upload:
    """An upload that was begun."""

    name: StoredName
    content: bytes
    body: Delivery
    result: Deferred[Receipt]


def related(one: StoredName, other: StoredName) -> bool:
    """Tell whether two names are the same, or one is that of a folder of the other."""
    shorter = min(len(one.segments), len(other.segments))
    return one.segments[:shorter] == other.segments[:shorter]


class IntakeMachine(RuleBasedStateMachine):
    """A file is whole or absent, and what an upload was told stays true."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.make_disk())
        self.running: list[Upload] = []
        self.offered: set[tuple[StoredName, bytes]] = set()
        self.deleted: set[StoredName] = set()
        self.visible: dict[StoredName, bytes] = {}
        self.promised: dict[StoredName, bytes] = {}
        self.created: Counter[StoredName] = Counter()
        self.faults: list[Exception] = []

    def make_disk(self) -> Disk:
        """Make an empty disk."""
        raise NotImplementedError

    # What happens

    @precondition(lambda self: len(self.running) < 4)
    @rule(name=st.sampled_from(NAMES), content=st.sampled_from(CONTENTS), cut=st.integers(0, 5))
    def begin(self, name: StoredName, content: bytes, cut: int) -> None:
        """An upload begins, or one is repeated."""
        body = Delivery(content[:cut], content[cut:], held=True)
        upload = Upload(name, content, body, self.bench.upload(str(name), body, len(content)))
        self.offered.add((name, content))
        self.running.append(upload)
        upload.result.addBoth(self.ended, upload)

    @precondition(lambda self: self.running or self.bench.pool.busy)
    @rule(steps=STEPS, which=WHICH, network_first=st.booleans())
    def go_on(self, steps: int, which: int, network_first: bool) -> None:
        """Bytes come, and the disk and the index work; one is faster than the other."""
        for _ in range(steps):
            bodies = [upload.body for upload in self.running if upload.body.ready]
            if bodies and (network_first or not self.bench.pool.busy):
                bodies[which % len(bodies)].come()
            elif self.bench.pool.busy:
                self.bench.pool.step()
            # What was taken back, and what came after it, are told apart only here.
            self.whole_or_absent()

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        """All that is under way ends; then the disk and the index agree, and nothing is left."""
        while self.bench.pool.busy or any(upload.body.ready for upload in self.running):
            self.go_on(1, 0, network_first=True)
        assert not self.running
        self.bench.check_agreement(NAMES)

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        """The connection of an upload is lost, and what waits for it is cancelled."""
        self.running[which % len(self.running)].result.cancel()

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def break_off(self, which: int) -> None:
        """A body breaks."""
        self.running[which % len(self.running)].body.break_off()

    @precondition(lambda self: self.running)
    @rule(name=st.sampled_from(NAMES))
    def break_index(self, name: StoredName) -> None:
        """The index cannot record a name."""
        self.bench.index.broken[name] = StoreFailed("broken")

    @precondition(lambda self: self.bench.index.broken)
    @rule()
    def mend_index(self) -> None:
        """It can again."""
        self.bench.index.broken.clear()

    @precondition(lambda self: self.visible and not self.running and not self.bench.pool.busy)
    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: StoredName) -> None:
        """A file is deleted."""
        tombstone = Tombstone(name, self.bench.clock.seconds(), "deleted")
        now(self.bench.index.stored.bury(tombstone))
        self.bench.at_once(lambda: self.bench.blobs.remove(name))
        self.deleted.add(name)
        self.visible.pop(name, None)
        self.promised.pop(name, None)
        self.created.pop(name, None)

    @precondition(lambda self: self.deleted)
    @rule()
    def forget_deletions(self) -> None:
        """So much time passes that deleted names may be used again."""
        self.bench.clock.advance(TOMBSTONE_AGE)

    @precondition(lambda self: self.running or self.bench.pool.busy)
    @rule(steps=STEPS, which=WHICH, network_first=st.booleans())
    def crash(self, steps: int, which: int, network_first: bool) -> None:
        """After a while the process ends, and another one recovers what it left."""
        self.go_on(steps, which, network_first)
        with self.bench.pool.crash():
            for upload in tuple(self.running):
                upload.result.cancel()
        assert not self.running
        self.bench.disk.end()
        self.bench.begin()
        self.bench.index.broken.clear()
        self.bench.recover()
        self.bench.check_agreement(NAMES)

    # What holds

    def ended(self, outcome: Receipt | Failure, upload: Upload) -> None:
        """Check what an upload is told; a fault is kept, for a callback cannot raise it."""
        self.running.remove(upload)
        try:
            self.check_told(outcome, upload)
        except Exception as error:
            self.faults.append(error)

    def check_told(self, outcome: Receipt | Failure, upload: Upload) -> None:
        """Check what an upload is told."""
        if isinstance(outcome, Failure):
            outcome.trap(NameTaken, StoreFailed, CancelledError, ConnectionLost, Crashed)
            if outcome.check(NameTaken):
                assert self.has_rival(upload)
            return
        assert self.bench.bytes_of(upload.name) == upload.content
        assert self.bench.row_of(upload.name) == outcome.file
        self.promised[upload.name] = upload.content
        self.created[upload.name] += outcome.created
        assert self.created[upload.name] <= 1

    def has_rival(self, upload: Upload) -> bool:
        """Tell whether there may be a reason to refuse the name of an upload."""
        return upload.name in self.deleted or any(
            (name, content) != (upload.name, upload.content) and related(name, upload.name)
            for name, content in self.offered
        )

    @invariant()
    def whole_or_absent(self) -> None:
        """What is visible was uploaded, whole, and does not change; what was promised is there."""
        for fault in self.faults:
            raise fault
        for name in NAMES:
            found = self.bench.bytes_of(name)
            if found is None:
                assert name not in self.promised
                self.visible.pop(name, None)
            else:
                assert (name, found) in self.offered
                assert self.visible.setdefault(name, found) == found
                assert self.promised.get(name, found) == found

    def teardown(self) -> None:
        """At the end too all that is under way can end."""
        self.bench.index.broken.clear()
        if self.running or self.bench.pool.busy:
            self.finish()


class MemoryMachine(IntakeMachine):
    """Over files in memory."""

    def make_disk(self) -> MemoryDisk:
        """Make an empty disk."""
        return MemoryDisk()


class LocalMachine(IntakeMachine):
    """Over a local file system."""

    def make_disk(self) -> LocalDisk:
        """Make an empty disk."""
        self.disk = LocalDisk()
        return self.disk

    def teardown(self) -> None:
        """At the end too all that is under way can end."""
        try:
            super().teardown()
        finally:
            self.disk.clear()


class MachineTests(SynchronousTestCase):
    """The machine."""

    def tearDown(self) -> None:
        """Take what is logged of uploads that a crash cut short, with nobody left to tell."""
        self.flushLoggedErrors(Crashed, StoreFailed)

    def test_memory(self) -> None:
        """It holds over files in memory."""
        run_state_machine_as_test(MemoryMachine)

    def test_local(self) -> None:
        """It holds over a local file system."""
        never_synced().install(self)
        # Slower, and the memory is as honest: see the tests of both beside each other.
        fewer = settings(max_examples=settings().max_examples // 3)
        run_state_machine_as_test(LocalMachine, settings=fewer)
