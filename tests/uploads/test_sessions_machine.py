"""Uploads that begin, break, go on, are taken over, expire, crash and end, in any order."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from attrs import define, field
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

from hmacfs.base.errors import (
    BytesDiffer,
    ClientGone,
    DigestMismatch,
    Gone,
    Incomplete,
    NameTaken,
    OffsetWrong,
    Unknown,
    UploadOver,
)
from hmacfs.base.spans import Span
from hmacfs.uploads.live import Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from tests.blobs.faulty import never_synced
from tests.flow.awaiting import now
from tests.flow.held_pool import Crashed
from tests.ingest.bench import Delivery
from tests.uploads.bench import LIMITS, Bench, LocalBench

SIZE = 12
NAMES = ("a", "b")
CONTENTS = (b"0123456789ab", b"ABCDEFGHIJKL")
"""Few names and contents, so that uploads are often in each other's way."""

EXPECTED = (
    OffsetWrong,
    DigestMismatch,
    ClientGone,
    Gone,
    Unknown,
    UploadOver,
    ConnectionLost,
    CancelledError,
    Crashed,
)
"""What a request that brings bytes may be told."""

WHICH = st.integers(0, 9)
PLACES = st.integers(0, SIZE)


@define(eq=False)
class Sending:
    """A request that brings bytes."""

    body: Delivery
    result: Deferred[Session]


@define(eq=False)
class Upload:
    """A session, and what is known of it."""

    id: str
    name: str
    content: bytes
    told: Session
    sendings: list[Sending] = field(factory=list)


class SessionsMachine(RuleBasedStateMachine):
    """The file is exact or absent, and what was told of an upload never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = self.make_bench()
        self.uploads: list[Upload] = []
        self.stored: dict[str, bytes] = {}
        self.faults: list[BaseException] = []

    def make_bench(self) -> Bench:
        """Begin with nothing."""
        raise NotImplementedError

    def chosen(self, which: int) -> Upload:
        """Tell one of the uploads."""
        return self.uploads[which % len(self.uploads)]

    # What happens

    @precondition(lambda self: len(self.uploads) < 4)
    @rule(name=st.sampled_from(NAMES), content=st.sampled_from(CONTENTS))
    def begin(self, name: str, content: bytes) -> None:
        """An upload begins."""
        try:
            session = self.bench.create(name, SIZE)
        except NameTaken:
            assert name in self.stored
            return
        self.uploads.append(Upload(session.id, name, content, session))

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH, start=PLACES, stop=PLACES, cut=PLACES, sequential=st.booleans())
    def send(self, which: int, start: int, stop: int, cut: int, sequential: bool) -> None:
        """A request comes that brings some bytes, in two pieces."""
        upload = self.chosen(which)
        if sequential:
            start = upload.told.offset
        data = upload.content[start : max(start, stop)]
        self.sent(upload, start, data, cut, sequential=sequential)

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH, cut=PLACES)
    def send_rubbish(self, which: int, cut: int) -> None:
        """A request comes whose bytes are not those that it announced."""
        upload = self.chosen(which)
        right = upload.content[upload.told.offset :]
        check = Check("sha256", lambda: hashlib.sha256(right).digest())
        self.sent(upload, upload.told.offset, right[::-1], cut, (BytesDiffer,), check=check)

    @precondition(lambda self: any(upload.told.received for upload in self.uploads))
    @rule(which=WHICH)
    def send_others(self, which: int) -> None:
        """A request brings other bytes than those that were told to be here."""
        upload = self.chosen(which)
        if not upload.told.received or not upload.told.state.takes_bytes:
            return
        span = upload.told.stored.spans[-1]
        data = bytes(byte ^ 1 for byte in upload.content[span.start : span.stop])
        try:
            self.bench.append(upload.id, span.start, data, sequential=False)
        except (BytesDiffer, Gone, Unknown, UploadOver):
            self.look(upload)
            return
        raise AssertionError("other bytes were taken")

    def sent(
        self,
        upload: Upload,
        start: int,
        data: bytes,
        cut: int,
        told: tuple[type[Exception], ...] = (),
        **how: Any,
    ) -> None:
        """Begin a request, which may be told this besides what each may."""
        body = Delivery(data[:cut], data[cut:], held=True)
        sending = Sending(body, self.bench.send(upload.id, start, body, size=len(data), **how))
        upload.sendings.append(sending)
        sending.result.addBoth(self.ended, (*EXPECTED, *told))

    def ended(self, outcome: Session | Failure, expected: tuple[type[Exception], ...]) -> None:
        """Hear what became of a request."""
        if isinstance(outcome, Failure) and not outcome.check(*expected):
            assert outcome.value is not None
            self.faults.append(outcome.value)

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH, other=WHICH)
    def come(self, which: int, other: int) -> None:
        """A piece of a body comes, or its end."""
        ready = [each for each in self.chosen(which).sendings if each.body.ready]
        if ready:
            ready[other % len(ready)].body.come()

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH, other=WHICH, cancelled=st.booleans())
    def break_off(self, which: int, other: int, cancelled: bool) -> None:
        """A connection is lost."""
        ready = [each for each in self.chosen(which).sendings if each.body.ready]
        if ready and cancelled:
            ready[other % len(ready)].result.cancel()
        elif ready:
            ready[other % len(ready)].body.break_off()

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH)
    def take_over(self, which: int) -> None:
        """A newer request asks where to go on, and no older one goes on after that."""
        upload = self.chosen(which)
        try:
            self.note(upload, now(self.bench.sessions.rest(upload.id)))
        except Unknown:
            return
        assert not any(each.body.ready for each in upload.sendings)

    @rule()
    def crash(self) -> None:
        """The process dies, and another begins."""
        self.bench.restart()

    @rule(seconds=st.sampled_from((1, 60, 400)))
    def wait(self, seconds: int) -> None:
        """Time goes by, and what has expired is swept."""
        self.bench.clock.advance(seconds)
        now(self.bench.sessions.sweep())

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        """A client wants an upload no more."""
        with contextlib.suppress(Unknown):
            self.note(self.chosen(which), now(self.bench.sessions.cancel(self.chosen(which).id)))

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH)
    def finish(self, which: int) -> None:
        """A client wants the file."""
        upload = self.chosen(which)
        try:
            receipt = self.bench.finish(upload.id)
        except (Incomplete, Gone, Unknown):
            return
        except NameTaken:
            assert self.stored[upload.name] != upload.content
            return
        assert receipt.file.sha256 == hashlib.sha256(upload.content).digest()
        assert self.stored.setdefault(upload.name, upload.content) == upload.content

    @precondition(lambda self: self.uploads)
    @rule(which=WHICH)
    def forget(self, which: int) -> None:
        """The test looks at an upload no more."""
        upload = self.chosen(which)
        for sending in upload.sendings:
            if sending.body.ready:
                sending.body.break_off()
        self.uploads.remove(upload)

    # What is always so

    def look(self, upload: Upload) -> None:
        """Ask what is known of an upload."""
        try:
            self.note(upload, self.bench.find(upload.id, over=True))
        except Unknown:
            assert self.bench.clock.seconds() >= upload.told.expires_at

    def note(self, upload: Upload, session: Session) -> None:
        """Compare what is told with what was."""
        before = upload.told
        assert session.offset >= before.offset
        assert all(session.stored.add(span) == session.stored for span in before.stored.spans)
        assert not (before.state is not State.OPEN and session.state is State.OPEN)
        if session.state is State.COMPLETE:
            assert session.stored.spans == (Span(0, SIZE),)
        upload.told = session

    @invariant()
    def exact_or_absent(self) -> None:
        """A file is what was told to be stored, or is not there; no fault was told."""
        for fault in self.faults:
            raise fault
        for upload in self.uploads:
            self.look(upload)
        for name in NAMES:
            assert self.bench.bytes_of(name) == self.stored.get(name)
        if not any(body.ready for body in self.bench.sending):
            assert self.bench.space.reserved == 0
            assert self.bench.intake.pending.count == 0

    def teardown(self) -> None:
        """Whatever happened, each upload that rests can be brought to its end."""
        try:
            for number, upload in enumerate(self.uploads):
                self.take_over(number)
                if upload.told.state.takes_bytes and not self.is_due(upload):
                    self.bench.append(upload.id, 0, upload.content, sequential=False)
                    self.finish(number)
                    assert upload.name in self.stored
        finally:
            self.bench.die()
            self.bench.clear()

    def is_due(self, upload: Upload) -> bool:
        """Tell whether an upload has expired."""
        return upload.told.expires_at <= self.bench.clock.seconds()


class MemoryMachine(SessionsMachine):
    """In memory."""

    def make_bench(self) -> Bench:
        """Begin with nothing."""
        return Bench(LIMITS)


class LocalMachine(SessionsMachine):
    """On a local file system."""

    def make_bench(self) -> Bench:
        """Begin with nothing."""
        return LocalBench(LIMITS)


class MachineTests(SynchronousTestCase):
    """The machine."""

    def test_memory(self) -> None:
        """It holds in memory."""
        run_state_machine_as_test(MemoryMachine)

    def test_local(self) -> None:
        """It holds on a local file system."""
        never_synced().install(self)
        fewer = settings(max_examples=max(1, settings().max_examples // 3))
        run_state_machine_as_test(LocalMachine, settings=fewer)
