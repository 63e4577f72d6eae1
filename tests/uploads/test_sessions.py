"""Tests of the upload sessions, in memory and on a local file system."""

from __future__ import annotations

import hashlib
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import (
    AddressChanged,
    BytesDiffer,
    ClientGone,
    DigestMismatch,
    Gone,
    Incomplete,
    Infected,
    LengthChanged,
    NameTaken,
    NoSpace,
    OffsetWrong,
    QuotaExceeded,
    RetriesExhausted,
    SizeMismatch,
    TooLarge,
    TooManyUploads,
    Unavailable,
    Unknown,
    UploadOver,
)
from hmacfs.base.events import SessionsCounted, UploadResumed, UploadTakenOver
from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span
from hmacfs.base.values import Grant
from hmacfs.blobs.interfaces import StorageFull
from hmacfs.blobs.local_unfinished import LocalUnfinishedBlob
from hmacfs.blobs.memory_unfinished import MemoryUnfinishedBlob
from hmacfs.ingest.intake import Intake
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.rule import Material, Rule, Rules
from hmacfs.rules.space import LOOK_INTERVAL
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.whereabouts import StateWhereabouts
from hmacfs.uploads import delivery
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.live import Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from tests.blobs.descriptors import open_below
from tests.blobs.faulty import never_synced
from tests.flow.awaiting import begun, now
from tests.ingest.bench import Delivery
from tests.uploads.bench import LARGEST, LIMITS, NOW, Bench, LocalBench

CONTENT = b"0123456789"


class SessionCase(SynchronousTestCase):
    """Has sessions in memory."""

    def setUp(self) -> None:
        self.bench = self.opened()
        self.addCleanup(self.bench.clear)

    def opened(self, limits: Limits = LIMITS) -> Bench:
        """Begin with nothing."""
        return Bench(limits)


class SessionTests(SessionCase):
    """What sessions do."""

    # One request after another

    def test_create(self) -> None:
        """A new session has nothing, and all that was asked for."""
        session = self.bench.create(length=10, owner="ann", facts={"some": "fact"})
        self.assertEqual((session.state, session.offset, session.length), (State.OPEN, 0, 10))
        self.assertEqual((session.created_at, session.expires_at), (NOW, NOW + 100))
        found = self.bench.find(session.id)
        self.assertEqual(found, session)
        self.assertEqual(found.missing, (Span(0, 10),))

    def test_append(self) -> None:
        """Bytes are appended request by request; then the session becomes the file."""
        id = self.bench.create().id
        self.assertEqual(self.bench.append(id, 0, CONTENT[:4]).offset, 4)
        session = self.bench.append(id, 4, CONTENT[4:])
        self.assertEqual((session.offset, session.state), (10, State.COMPLETE))
        self.assertIsNone(self.bench.bytes_of("a"))
        receipt = self.bench.finish(id)
        self.assertTrue(receipt.created)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)
        self.assertEqual(receipt.file.sha256, hashlib.sha256(CONTENT).digest())
        self.assertEqual(self.bench.row_of("a"), receipt.file)
        self.assertEqual(self.bench.find(id).state, State.STORED)

    def test_finish_again(self) -> None:
        """Finishing is told the same again, also after a restart."""
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT)
        receipt = self.bench.finish(id)
        self.assertEqual(self.bench.finish(id), receipt)
        self.bench.restart()
        self.assertEqual(self.bench.finish(id), receipt)

    def test_empty(self) -> None:
        """A session of no bytes is complete when it begins."""
        session = self.bench.create(length=0)
        self.assertEqual(session.state, State.COMPLETE)
        self.bench.finish(session.id)
        self.assertEqual(self.bench.bytes_of("a"), b"")

    def test_finish_too_early(self) -> None:
        """What lacks bytes cannot be finished, and goes on."""
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT[:4])
        with self.assertRaises(Incomplete):
            self.bench.finish(id)
        self.bench.append(id, 4, CONTENT[4:])
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_break(self) -> None:
        """What came before a break counts, and is there after a restart."""
        id = self.bench.create().id
        body = Delivery(CONTENT[:4], CONTENT[4:], held=True)
        sent = self.bench.send(id, 0, body)
        body.come()
        body.break_off()
        self.failureResultOf(sent, ConnectionLost)
        self.assertEqual(self.bench.find(id).offset, 4)
        self.bench.restart()
        self.assertEqual(self.bench.find(id).offset, 4)
        self.bench.append(id, 4, CONTENT[4:])
        self.bench.restart()
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_cancelled_request(self) -> None:
        """What came before the request was cancelled counts."""
        id = self.bench.create().id
        body = Delivery(CONTENT[:4], CONTENT[4:], held=True)
        sent = self.bench.send(id, 0, body)
        body.come()
        sent.addErrback(lambda _: None)
        sent.cancel()
        self.assertEqual(self.bench.find(id).offset, 4)
        self.bench.append(id, 4, CONTENT[4:])

    def test_wrong_offset(self) -> None:
        """Bytes go where those before end, and the refusal tells where."""
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT[:4])
        for offset in (0, 3, 5, 10):
            with self.assertRaises(OffsetWrong) as caught:
                self.bench.append(id, offset, b"")
            self.assertEqual(caught.exception.facts, {"offset": 4})
        self.assertEqual(self.bench.find(id).offset, 4)

    def test_beyond(self) -> None:
        """A body that goes beyond the length is refused, announced or not."""
        id = self.bench.create().id
        with self.assertRaises(SizeMismatch):
            self.bench.append(id, 0, CONTENT + b"x")
        with self.assertRaises(SizeMismatch):
            self.bench.append(id, 11, b"", sequential=False)
        self.failureResultOf(self.bench.send(id, 0, Delivery(CONTENT + b"x")), SizeMismatch)
        self.assertEqual(self.bench.find(id).offset, 0)

    # Chunks

    def test_chunks(self) -> None:
        """Chunks come in any order, and the digest is right."""
        id = self.bench.create(conditions=Conditions(hashlib.sha256(CONTENT).digest())).id
        self.bench.append(id, 6, CONTENT[6:], sequential=False)
        self.bench.append(id, 2, CONTENT[2:4], sequential=False)
        session = self.bench.find(id)
        self.assertEqual((session.offset, session.received), (0, 6))
        self.assertEqual(session.missing, (Span(0, 2), Span(4, 6)))
        self.bench.restart()
        self.bench.append(id, 0, CONTENT[:5], sequential=False)
        self.bench.append(id, 4, CONTENT[4:], sequential=False)
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_other_bytes(self) -> None:
        """Where there are bytes others are refused; those that agree are not harmed."""
        id = self.bench.create().id
        self.bench.append(id, 2, CONTENT[2:5], sequential=False)
        with self.assertRaises(BytesDiffer):
            self.bench.append(id, 0, b"01x", sequential=False)
        self.bench.append(id, 0, CONTENT, sequential=False)
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_parallel(self) -> None:
        """Chunks come beside each other."""
        id = self.bench.create().id
        bodies = [Delivery(CONTENT[at : at + 2], held=True) for at in range(0, 10, 2)]
        sent = [
            self.bench.send(id, 2 * place, body, size=2, sequential=False)
            for place, body in enumerate(bodies)
        ]
        for body in reversed(bodies):
            body.come()
        for body in bodies:
            body.come()
        for each in sent:
            self.successResultOf(each)
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_last_chunks(self) -> None:
        """Of the last chunks the first to end does not take the others for interrupted."""
        id = self.bench.create().id
        first, second = (Delivery(each, held=True) for each in (CONTENT[:5], CONTENT[5:]))
        sent = [
            self.bench.send(id, 5 * place, body, size=5, sequential=False)
            for place, body in enumerate((first, second))
        ]
        second.come()
        first.come()
        first.come()
        self.assertIs(self.successResultOf(sent[0]).state, State.COMPLETE)
        self.assertNoResult(sent[1])
        self.bench.finish(id)
        self.assertIs(self.successResultOf(sent[1]).state, State.COMPLETE)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_checkpoints(self) -> None:
        """While bytes come what has come is made durable now and then."""
        self.patch(delivery, "CHECKPOINT_BYTES", 2)
        id = self.bench.create().id
        body = Delivery(CONTENT[:4], CONTENT[4:], held=True)
        self.bench.send(id, 0, body).addErrback(lambda _: None)
        body.come()
        self.assertEqual(self.bench.find(id).offset, 4)
        self.bench.restart()
        self.assertEqual(self.bench.find(id).offset, 4)
        self.bench.append(id, 4, CONTENT[4:])
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_checkpoint_in_time(self) -> None:
        """Slow bytes are made durable too."""
        id = self.bench.create().id
        body = Delivery(CONTENT[:2], CONTENT[2:4], CONTENT[4:], held=True)
        self.bench.send(id, 0, body).addErrback(lambda _: None)
        body.come()
        self.assertEqual(self.bench.find(id).offset, 0)
        self.bench.clock.advance(delivery.CHECKPOINT_SECONDS)
        body.come()
        self.assertEqual(self.bench.find(id).offset, 4)

    def test_checkpoint_that_fails(self) -> None:
        """What could not be made durable ends the request, and counts as never written."""
        self.patch(delivery, "CHECKPOINT_BYTES", 2)
        bench = self.bench
        id = bench.create().id
        bench.append(id, 0, CONTENT[:2])
        body = Delivery(b"ab", b"cd", CONTENT[4:], held=True)
        sending = bench.send(id, 2, body)
        body.come()
        self.assertEqual(bench.find(id).offset, 4)

        def full(*_: object) -> None:
            for each in patches:
                each.restore()
            raise StorageFull("there is no room")

        kinds = (LocalUnfinishedBlob, MemoryUnfinishedBlob)
        patches = [self.patch(kind, "keep", full) for kind in kinds]
        body.come()
        self.failureResultOf(sending, NoSpace)
        self.assertEqual(bench.find(id).offset, 4)
        # Others may come in their place, which the digest is made of.
        bench.append(id, 4, CONTENT[4:])
        receipt = bench.finish(id)
        whole = CONTENT[:2] + b"ab" + CONTENT[4:]
        self.assertEqual(bench.bytes_of("a"), whole)
        self.assertEqual(receipt.file.sha256, hashlib.sha256(whole).digest())

    def test_end_that_nobody_told(self) -> None:
        """Of what may end anywhere room is held for what comes next, and not for the largest."""
        self.patch(delivery, "CHECKPOINT_BYTES", 2)
        self.patch(delivery, "AHEAD_BYTES", 6)
        bench = self.bench
        id = bench.create(length=None).id
        body = Delivery(b"ab", b"cd", b"ef", held=True)
        self.patch(bench.space, "_free_bytes", lambda: succeed(9))
        bench.clock.advance(LOOK_INTERVAL)
        sending = bench.send(id, 0, body)
        self.assertEqual(bench.space.reserved, 6)
        body.come()
        self.assertEqual(bench.space.reserved, 6)
        body.come()
        self.failureResultOf(sending, NoSpace)
        self.assertEqual(bench.space.reserved, 0)
        self.assertEqual(bench.find(id).offset, 4)
        bench.append(id, 4, b"e")

    # A newer request

    def test_older_waited(self) -> None:
        """A request that is held up since it came ends no newer one, which goes on."""
        id = self.bench.create().id
        sessions = self.bench.sessions
        older, newer = sessions.rank(), sessions.rank()
        self.assertEqual(now(sessions.rest(id, rank=newer)).offset, 0)
        body = Delivery(CONTENT, held=True)
        sent = begun(sessions.append(id, 0, body, size=10, rank=newer))
        with self.assertRaises(ClientGone):
            now(sessions.rest(id, rank=older))
        with self.assertRaises(ClientGone):
            now(sessions.append(id, 0, Delivery(CONTENT[:2]), size=10, rank=older))
        body.come()
        body.come()
        self.assertEqual(self.successResultOf(sent).state, State.COMPLETE)

    def test_take_over(self) -> None:
        """A newer request ends one that hangs; what that has brought counts."""
        self.bench.hear(UploadTakenOver, UploadResumed)
        id = self.bench.create().id
        hanging = Delivery(CONTENT[:4], CONTENT[4:], held=True)
        old = self.bench.send(id, 0, hanging)
        hanging.come()
        self.assertEqual(now(self.bench.sessions.rest(id)).offset, 4)
        self.failureResultOf(old, ClientGone)
        self.bench.append(id, 4, CONTENT[4:])
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)
        self.assertEqual(self.bench.told, [UploadTakenOver(), UploadResumed()])

    def test_take_over_by_append(self) -> None:
        """A newer request that knows no better than the older one is told the offset."""
        id = self.bench.create().id
        hanging = Delivery(CONTENT[:4], CONTENT[4:], held=True)
        old = self.bench.send(id, 0, hanging)
        hanging.come()
        with self.assertRaises(OffsetWrong):
            self.bench.append(id, 0, CONTENT)
        self.failureResultOf(old, ClientGone)
        self.assertEqual(self.bench.append(id, 4, CONTENT[4:]).state, State.COMPLETE)

    def test_take_over_chunk(self) -> None:
        """A chunk that is sent again ends only the request that brings the same."""
        id = self.bench.create().id
        first, second = (Delivery(b"", held=True) for _ in range(2))
        old = self.bench.send(id, 0, first, size=5, sequential=False)
        other = self.bench.send(id, 5, second, size=5, sequential=False)
        self.bench.append(id, 0, CONTENT[:5], sequential=False)
        self.failureResultOf(old, ClientGone)
        self.assertNoResult(other)
        second.break_off()
        self.failureResultOf(other, ConnectionLost)

    # Checks

    def test_check(self) -> None:
        """Bytes that fail their check are dropped, all of them; those that pass are kept."""
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT[:2])
        right = hashlib.new("sha1", CONTENT[2:5], usedforsecurity=False).digest()
        check = Check("sha1", lambda: right)
        with self.assertRaises(DigestMismatch):
            self.bench.append(id, 2, b"xyz", check=check)
        self.assertEqual(self.bench.find(id).offset, 2)
        self.bench.append(id, 2, CONTENT[2:5], check=check)
        self.bench.append(id, 5, CONTENT[5:])
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_check_broken(self) -> None:
        """What broke off before it could be checked does not count."""
        id = self.bench.create().id
        check = Check("md5", lambda: hashlib.md5(CONTENT, usedforsecurity=False).digest())
        body = Delivery(b"xyz", CONTENT, held=True)
        sent = self.bench.send(id, 0, body, check=check)
        body.come()
        body.break_off()
        self.failureResultOf(sent, ConnectionLost)
        self.assertEqual(self.bench.find(id).offset, 0)
        self.bench.append(id, 0, CONTENT, check=check)
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_wanted_digest(self) -> None:
        """A file that is not the one announced is refused, and so again."""
        id = self.bench.create(conditions=Conditions(bytes(32))).id
        self.bench.append(id, 0, CONTENT)
        for _ in range(2):
            with self.assertRaises(DigestMismatch):
                self.bench.finish(id)
        session = self.bench.find(id)
        self.assertEqual((session.state, session.code), (State.FAILED, DigestMismatch.code))
        self.assertIsNone(self.bench.bytes_of("a"))

    def test_infected(self) -> None:
        """Infected bytes go with their refusal, and are not scanned again."""
        scans: list[StoredName] = []

        class Infecting(Rule):
            async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
                scans.append(grant.name)
                raise Infected("the file is infected")

        intake = evolve(self.bench.intake, rules=Rules((Infecting(),)))
        self.bench.sessions = evolve(self.bench.sessions, intake=intake)
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT)
        for _ in range(2):
            with self.assertRaises(Infected):
                self.bench.finish(id)
        self.assertEqual((self.bench.find(id).state, len(scans)), (State.FAILED, 1))
        self.assertIsNone(now(self.bench.unfinished.open(id)))

    # Lengths

    def test_deferred_length(self) -> None:
        """A length may be told later, once, and not less than is here."""
        id = self.bench.create(length=None).id
        self.bench.append(id, 0, CONTENT[:4])
        with self.assertRaises(LengthChanged):
            now(self.bench.sessions.set_length(id, 3))
        with self.assertRaises(Incomplete):
            self.bench.finish(id)
        now(self.bench.sessions.set_length(id, 10))
        now(self.bench.sessions.set_length(id, 10))
        with self.assertRaises(LengthChanged):
            now(self.bench.sessions.set_length(id, 11))
        self.bench.append(id, 4, CONTENT[4:])
        self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_length_of_what_is_here(self) -> None:
        """If the length is what is here already, the session is complete."""
        id = self.bench.create(length=None).id
        self.bench.append(id, 0, CONTENT)
        session = now(self.bench.sessions.set_length(id, 10))
        self.assertEqual(session.state, State.COMPLETE)

    def test_facts(self) -> None:
        """A dialect may note something anew, durably, until the session is over."""
        id = self.bench.create(length=10).id
        for value in ("1", "1", "2"):
            now(self.bench.sessions.set_fact(id, "last", value))
            self.bench.restart()
            self.assertEqual(self.bench.find(id).draft.facts["last"], value)
        now(self.bench.sessions.cancel(id))
        session = now(self.bench.sessions.set_fact(id, "last", "3"))
        self.assertEqual(session.draft.facts["last"], "2")

    def test_too_long(self) -> None:
        """No session is longer than files may be."""
        with self.assertRaises(TooLarge):
            self.bench.create(length=LARGEST + 1)
        id = self.bench.create(length=None).id
        with self.assertRaises(TooLarge):
            now(self.bench.sessions.set_length(id, LARGEST + 1))
        with self.assertRaises(TooLarge):
            self.bench.append(id, 0, bytes(LARGEST + 1))

    # The end

    def test_cancel(self) -> None:
        """What was cancelled is gone, with its bytes, and then unknown."""
        session = self.bench.create()
        self.bench.append(session.id, 0, CONTENT[:4])
        cancelled = now(self.bench.sessions.cancel(session.id))
        self.assertEqual(cancelled.state, State.CANCELLED)
        for _ in range(2):
            with self.assertRaises(Gone):
                self.bench.find(session.id)
            with self.assertRaises(Gone):
                self.bench.append(session.id, 4, b"")
            self.bench.restart()
        self.assertIs(self.bench.find(session.id, over=True).state, State.CANCELLED)
        self.bench.clock.advance(LIMITS.remembered)
        now(self.bench.sessions.sweep())
        with self.assertRaises(Unknown):
            self.bench.find(session.id)

    def test_expire(self) -> None:
        """A session ends some time after its last byte, before the sweep finds it."""
        session = self.bench.create()
        self.bench.clock.advance(99)
        self.assertEqual(self.bench.append(session.id, 0, b"0").expires_at, NOW + 199)
        self.bench.clock.advance(99)
        self.assertEqual(self.bench.find(session.id).offset, 1)
        self.bench.clock.advance(1)
        with self.assertRaises(Gone):
            self.bench.append(session.id, 1, b"1")
        with self.assertRaises(Gone):
            self.bench.find(session.id)

    def test_oldest(self) -> None:
        """However often bytes come, a session ends some time after its beginning."""
        session = self.bench.create()
        for offset in range(10):
            self.bench.clock.advance(95)
            session = self.bench.append(session.id, offset, CONTENT[offset : offset + 1])
        self.assertEqual(session.expires_at, NOW + 1000)

    def test_full_disk(self) -> None:
        """To cancel or to expire takes no room; that it happened is known for a while."""
        ended = []
        for moment in (0.0, LIMITS.timeout):
            id = self.bench.create(f"{moment}").id
            ended.append(id)
            self.bench.append(id, 0, CONTENT[:4])
            patch = self.patch(self.bench.unfinished, "conclude", lambda *_: fail(StorageFull()))
            if moment:
                self.bench.clock.advance(moment)
                now(self.bench.sessions.sweep())
            else:
                now(self.bench.sessions.cancel(id))
            patch.restore()
            with self.assertRaises(Gone):
                self.bench.find(id)
        self.assertEqual(now(self.bench.unfinished.keys()), [])
        self.bench.clock.advance(LIMITS.remembered)
        now(self.bench.sessions.sweep())
        self.assertEqual(self.bench.table.known, {})

    def test_sweep(self) -> None:
        """The sweep ends what has expired, also of an earlier process."""
        self.bench.create("a")
        self.bench.restart()
        self.bench.hear(SessionsCounted)
        self.bench.clock.advance(100)
        young = self.bench.create("b")
        self.assertEqual(now(self.bench.sessions.sweep()), 1)
        last = self.bench.told[-1]
        assert isinstance(last, SessionsCounted)
        self.assertEqual((last.counts["open"], last.counts["expired"]), (1, 1))
        self.assertEqual(self.bench.find(young.id), young)

    def test_over(self) -> None:
        """What is stored takes no bytes, and cannot be cancelled."""
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT)
        self.bench.finish(id)
        with self.assertRaises(UploadOver):
            self.bench.append(id, 10, b"")
        self.assertIs(now(self.bench.sessions.cancel(id)).state, State.STORED)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_little_of_what_is_over(self) -> None:
        """Of a session that is over only that and when it is forgotten stays in memory."""
        id = self.bench.create(owner="ann").id
        self.assertEqual(self.bench.table.known[id].owner, "ann")
        now(self.bench.sessions.cancel(id))
        summary = self.bench.table.known[id]
        self.assertEqual((summary.state, summary.expires_at), (State.CANCELLED, NOW + 300))
        self.assertEqual((summary.owner, summary.name, summary.length), (None, None, 0))

    def test_name_taken(self) -> None:
        """Other bytes under a name that has some are refused; the same are a success."""
        for wanted in (True, False):
            id = self.bench.create().id
            self.bench.append(id, 0, CONTENT)
            self.assertEqual(self.bench.finish(id).created, wanted)
        id = self.bench.create().id
        self.bench.append(id, 0, CONTENT[::-1])
        with self.assertRaises(NameTaken):
            self.bench.finish(id)
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_unknown(self) -> None:
        """There is no session that was not made, and none of another dialect."""
        with self.assertRaises(Unknown):
            self.bench.find("x" * 43)
        id = self.bench.create(kind="other").id
        with self.assertRaises(Unknown):
            self.bench.find(id)

    # Others

    def test_limits(self) -> None:
        """There are only so many sessions of one owner, and of all."""
        bench = self.opened(Limits(most=3, most_of_owner=2))
        self.addCleanup(bench.clear)
        first = bench.create("a", owner="ann")
        bench.create("b", owner="ann")
        with self.assertRaises(TooManyUploads):
            bench.create("c", owner="ann")
        bench.create("c", owner="bob")
        with self.assertRaises(TooManyUploads):
            bench.create("d")
        now(bench.sessions.cancel(first.id))
        bench.create("d", owner="ann")

    def test_many(self) -> None:
        """A thousand sessions of one owner hurt nobody: each is found, and the next is refused."""
        bench = self.opened(Limits())
        self.addCleanup(bench.clear)
        never_synced().install(self)
        ids = [bench.create(f"file {number}", owner="ann").id for number in range(1000)]
        with self.assertRaises(TooManyUploads):
            bench.create("one more", owner="ann")
        bench.create("another's", owner="bob")
        bench.restart()
        now(bench.sessions.sweep())
        with self.assertRaises(TooManyUploads):
            bench.create("one more", owner="ann")
        for id in ids[::100]:
            self.assertEqual(bench.append(id, 0, CONTENT).state, State.COMPLETE)
            bench.finish(id)
        bench.create("one more", owner="ann")

    def test_announced(self) -> None:
        """All sessions together may announce only so many bytes."""
        bench = self.opened(Limits(most_bytes=25))
        self.addCleanup(bench.clear)
        bench.create("a")
        last = bench.create("b")
        with self.assertRaises(NoSpace):
            bench.create("c")
        now(bench.sessions.cancel(last.id))
        bench.create("c")

    def test_quota(self) -> None:
        """What an owner is about to bring counts against the quota, for a while."""
        conditions = Conditions(quota=15)
        self.bench.create("a", owner="ann", conditions=conditions)
        with self.assertRaises(QuotaExceeded):
            self.bench.create("b", owner="ann", conditions=conditions)
        self.bench.create("c", owner="bob", conditions=conditions)
        self.bench.clock.advance(LIMITS.quota_claim)
        self.bench.create("b", owner="ann", conditions=conditions)

    def test_quota_of_unknown_length(self) -> None:
        """What has no length is refused as soon as it is too much, or a length is told that is."""
        conditions = Conditions(quota=15)
        self.bench.create("a", 5, owner="ann", conditions=conditions)
        id = self.bench.create("b", None, owner="ann", conditions=conditions).id
        self.bench.append(id, 0, CONTENT[:8])
        with self.assertRaises(QuotaExceeded):
            self.bench.append(id, 8, CONTENT[:3])
        with self.assertRaises(QuotaExceeded):
            now(self.bench.sessions.set_length(id, 11))
        self.bench.append(id, 8, CONTENT[8:])
        self.assertIs(now(self.bench.sessions.set_length(id, 10)).state, State.COMPLETE)
        self.bench.finish(id)

    def test_name_claim(self) -> None:
        """While an upload may come back nobody else may begin one of its name."""
        self.bench.create("a", owner="ann")
        with self.assertRaises(NameTaken):
            self.bench.create("a", owner="bob")
        self.bench.create("a", owner="ann")
        self.bench.clock.advance(LIMITS.name_claim)
        self.bench.create("a", owner="bob")

    def test_claims_after_a_start(self) -> None:
        """What was interrupted before a start keeps its claims for a while, whenever that was."""
        conditions = Conditions(quota=15)
        self.bench.create("a", owner="ann", conditions=conditions)
        self.bench.clock.advance(60)
        self.bench.limits = evolve(LIMITS, grace=5.0, started_at=NOW + 60)
        self.bench.restart()
        now(self.bench.sessions.sweep())
        with self.assertRaises(NameTaken):
            self.bench.create("a", owner="bob")
        with self.assertRaises(QuotaExceeded):
            self.bench.create("b", owner="ann", conditions=conditions)
        self.bench.clock.advance(5)
        self.bench.create("a", owner="bob")
        self.bench.create("b", owner="ann", conditions=conditions)

    def test_retries(self) -> None:
        """One that broke off more often than it may is over, and its bytes are gone."""
        bench = self.opened(evolve(LIMITS, retries=2))
        self.addCleanup(bench.clear)
        id = bench.create().id
        for offset in range(3):
            body = Delivery(CONTENT[offset : offset + 1], b"", held=True)
            sent = bench.send(id, offset, body)
            body.come()
            body.break_off()
            self.failureResultOf(sent, ConnectionLost)
        bench.restart()
        with self.assertRaises(RetriesExhausted) as caught:
            bench.append(id, 3, CONTENT[3:])
        self.assertEqual(caught.exception.facts, {"limit": 2})
        session = bench.find(id)
        self.assertEqual((session.state, session.code), (State.FAILED, "retries-exhausted"))
        with self.assertRaises(RetriesExhausted):
            bench.finish(id)

    def test_parts_are_no_retries(self) -> None:
        """Requests that end well do not count, nor do those that brought nothing."""
        bench = self.opened(evolve(LIMITS, retries=1))
        self.addCleanup(bench.clear)
        bench.hear(UploadResumed)
        id = bench.create().id
        for offset in range(9):
            bench.append(id, offset, CONTENT[offset : offset + 1])
            self.assertEqual(bench.told, [])
            body = Delivery(held=True)
            sent = bench.send(id, offset + 1, body)
            body.break_off()
            self.failureResultOf(sent, ConnectionLost)
            bench.append(id, offset + 1, b"")
            self.assertEqual(bench.told.pop(), UploadResumed())
        bench.append(id, 9, CONTENT[9:])
        bench.finish(id)
        self.assertEqual(bench.bytes_of("a"), CONTENT)

    def test_places(self) -> None:
        """Bytes may come from so many other places, and only newer requests from those rule."""
        bench = self.opened(evolve(LIMITS, moves=1))
        self.addCleanup(bench.clear)
        id = bench.create().id
        bench.append(id, 0, CONTENT[:1], place="x")
        bench.append(id, 1, CONTENT[1:2], place="y")
        bench.append(id, 2, CONTENT[2:3], place="x")
        bench.restart()
        hanging = Delivery(CONTENT[3:4], CONTENT[4:], held=True)
        sent = bench.send(id, 3, hanging, place="y")
        hanging.come()
        with self.assertRaises(AddressChanged):
            now(bench.sessions.rest(id, "z"))
        with self.assertRaises(AddressChanged):
            bench.append(id, 4, CONTENT[4:], place="z")
        self.assertNoResult(sent)
        hanging.come()
        hanging.come()
        self.assertEqual(self.successResultOf(sent).places, ("x", "y"))
        bench.finish(id)
        self.assertEqual(bench.bytes_of("a"), CONTENT)
        # How it ended may be asked from anywhere.
        self.assertIs(now(bench.sessions.rest(id, "z")).state, State.STORED)

    def test_any_place(self) -> None:
        """Where it does not matter it is not noted."""
        id = self.bench.create().id
        for offset in range(10):
            part = CONTENT[offset : offset + 1]
            self.bench.append(id, offset, part, place=f"192.0.2.{offset}")
        self.assertEqual(self.bench.find(id).places, ())

    def test_another_attempt(self) -> None:
        """What cannot be stored now can be asked for again, unless the limits are against it."""
        for tries_again, state in ((True, State.COMPLETE), (False, State.FAILED)):
            bench = self.opened(evolve(LIMITS, tries_again=tries_again))
            self.addCleanup(bench.clear)
            id = bench.create().id
            bench.append(id, 0, CONTENT)

            async def refuse(*_: object) -> None:
                raise Unavailable("not now")

            patched = self.patch(Intake, "store", refuse)
            with self.assertRaises(Unavailable):
                bench.finish(id)
            patched.restore()
            self.assertIs(bench.find(id).state, state)
            if tries_again:
                bench.finish(id)
                self.assertEqual(bench.bytes_of("a"), CONTENT)
            else:
                with self.assertRaises(Unavailable):
                    bench.finish(id)

    def test_clear(self) -> None:
        """All may be let go of at once, also what an earlier process has left."""
        id = self.bench.create("a").id
        self.bench.restart()
        other = self.bench.create("b").id
        now(self.bench.table.clear())
        for each in (id, other):
            with self.assertRaises(Unknown):
                self.bench.find(each)
        self.assertEqual(self.bench.table.unfinished_count, 0)

    def test_elsewhere(self) -> None:
        """Of what another host has one is told to try again, and not that there is none."""
        state = MemoryState(self.bench.clock.seconds)
        other = self.opened()
        self.addCleanup(other.clear)
        for bench, host in ((self.bench, "one"), (other, "two")):
            told = StateWhereabouts(state, host, self.bench.clock.seconds)
            bench.sessions = evolve(bench.sessions, whereabouts=told)
            now(told.beat())
        id = self.bench.create().id
        with self.assertRaises(Unavailable) as caught:
            other.find(id)
        self.assertEqual(caught.exception.facts, {"retry_after": 1})
        self.assertEqual(self.bench.find(id).id, id)
        with self.assertRaises(Unknown):
            now(self.bench.sessions.find(id, "other"))
        with self.assertRaises(Unknown):
            other.find("x" * 43)

    def test_watch(self) -> None:
        """Who watches a session is told of its bytes and its end."""
        id = self.bench.create().id
        seen: list[tuple[int, State]] = []

        def see(session: Session, received: int) -> None:
            seen.append((received, session.state))

        stop = self.bench.sessions.watch(id, see)
        self.bench.append(id, 0, CONTENT)
        self.bench.finish(id)
        self.assertEqual(seen[0], (10, State.OPEN))
        self.assertEqual(seen[-1], (10, State.STORED))
        stop()
        self.bench.restart()

    # Parts

    def part(self, *contents: bytes) -> Any:
        """Begin a session that is a part, and bring it so much."""
        session = self.bench.create(None, sum(map(len, contents)))
        return session.id

    def test_parts(self) -> None:
        """A session may be made of others, which are complete."""
        ids = []
        for piece in (CONTENT[:4], CONTENT[4:]):
            id = self.part(piece)
            self.bench.append(id, 0, piece)
            ids.append(id)
        session = self.bench.create("a", None, parts=tuple(ids))
        self.assertEqual((session.state, session.length), (State.STORED, 10))
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_unfinished_parts(self) -> None:
        """It may be made before they are, and is stored with the last byte of the last."""
        ids = [self.part(CONTENT[:4]), self.part(CONTENT[4:])]
        session = self.bench.create("a", None, parts=tuple(ids))
        self.assertEqual((session.state, session.length), (State.OPEN, None))
        self.bench.append(ids[1], 0, CONTENT[4:])
        self.assertEqual(self.bench.find(session.id).state, State.OPEN)
        self.assertEqual(self.bench.table.joining, {session.id})
        self.bench.append(ids[0], 0, CONTENT[:4])
        self.assertEqual(self.bench.find(session.id).state, State.STORED)
        self.assertEqual(self.bench.table.joining, set())
        self.assertEqual(self.bench.bytes_of("a"), CONTENT)

    def test_parts_that_are_none(self) -> None:
        """Parts are known, and only parts."""
        for part in ("x" * 43, self.bench.create("b").id):
            with self.assertRaises(Unknown):
                self.bench.create("a", None, parts=(part,))


class LocalSessionTests(SessionTests):
    """They do the same on a local file system."""

    def opened(self, limits: Limits = LIMITS) -> LocalBench:
        """Begin with nothing."""
        return LocalBench(limits)

    def test_left_at_its_beginning(self) -> None:
        """A session whose client goes away while it is begun holds no file open."""
        bench = self.opened()
        self.addCleanup(bench.clear)
        before = open_below(bench.path)
        disk: Deferred[None] = Deferred()
        begin = bench.unfinished.begin
        self.patch(
            bench.unfinished, "begin", lambda *what: disk.addCallback(lambda _: begin(*what))
        )
        for length in (10, 0):
            creating = begun(bench.sessions.create(bench.draft(length=length, id=f"id{length}")))
            creating.cancel()
            self.failureResultOf(creating, CancelledError)
        disk.callback(None)
        self.assertEqual(bench.find("id0").state, State.COMPLETE)
        self.assertEqual(open_below(bench.path), before)

    def test_made_way_for(self) -> None:
        """Of two that let one of its id begin anew the slower does not end that of the other."""
        bench = self.opened()
        self.addCleanup(bench.clear)
        draft = bench.draft(id="id")
        now(bench.sessions.create(draft))
        now(bench.sessions.cancel("id"))
        forget = bench.unfinished.forget
        held: list[Deferred[object]] = []

        def forget_later(key: str) -> Deferred[object]:
            later: Deferred[object] = Deferred()
            held.append(later)
            return later.addCallback(lambda _: forget(key))

        self.patch(bench.unfinished, "forget", forget_later)
        ways = [begun(bench.sessions.make_way("id")) for _ in range(2)]
        anew = begun(bench.sessions.create(draft))
        ways.append(begun(bench.sessions.make_way("id")))
        for each in held:
            each.callback(None)
        for way in ways:
            self.successResultOf(way)
        self.successResultOf(anew)
        self.assertEqual(bench.append("id", 0, CONTENT).state, State.COMPLETE)

    def test_left_at_its_end(self) -> None:
        """A session whose client goes away while it is cancelled is cancelled."""
        bench = self.opened()
        self.addCleanup(bench.clear)
        id = bench.create().id
        disk: Deferred[None] = Deferred()
        conclude = bench.unfinished.conclude
        self.patch(
            bench.unfinished, "conclude", lambda *what: disk.addCallback(lambda _: conclude(*what))
        )
        cancelling = begun(bench.sessions.cancel(id))
        cancelling.cancel()
        self.failureResultOf(cancelling, CancelledError)
        disk.callback(None)
        self.assertIs(bench.find(id, over=True).state, State.CANCELLED)
