"""What is told of an upload, whatever happens to it."""

from __future__ import annotations

from hashlib import sha256

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import ClientGone, NameTaken, NoSpace, SignatureWrong
from hmacfs.base.events import ABORTED, UNFORESEEN, Events, UploadFailed, UploadStored
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.ingest.account import Account, code_of
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from tests.blobs.samples import named
from tests.ingest.bench import NOW, Bench, Delivery, MemoryDisk

FILE = StoredFile(named("a"), 7, sha256(b"content").digest(), "text/plain", NOW)


class CodeTests(SynchronousTestCase):
    """``code_of``."""

    def test_refusals(self) -> None:
        """A refusal is counted under its own code."""
        self.assertEqual(code_of(NameTaken("")), "name-taken")
        self.assertEqual(code_of(NoSpace("")), "no-space")

    def test_full(self) -> None:
        """Storage or an index without room is no space, which a client is told too."""
        for error in (StorageFull(), StoreFull()):
            self.assertEqual(code_of(error), "no-space")

    def test_gone(self) -> None:
        """A client that went away, however that showed, has aborted."""
        for error in (CancelledError(), ClientGone(), ConnectionLost(), ConnectionDone()):
            self.assertEqual(code_of(error), ABORTED)

    def test_other(self) -> None:
        """Everything else is our fault."""
        for error in (StorageFailed(), StoreFailed(), ZeroDivisionError(), SystemExit()):
            self.assertEqual(code_of(error), UNFORESEEN)


class AccountTests(SynchronousTestCase):
    """``Account``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[object] = []
        self.events = Events()
        for kind in (UploadStored, UploadFailed):
            self.events.listen(kind, self.told.append)

    def account(self) -> Account:
        """Begin to follow an upload."""
        return Account(self.events, self.clock.seconds)

    def test_stored(self) -> None:
        """Success is told with its duration."""
        with self.account() as account:
            self.clock.advance(2.5)
            account.stored(FILE, created=True)
        self.assertEqual(self.told, [UploadStored(FILE, True, 2.5)])

    def test_failed(self) -> None:
        """An error is told, and goes its way."""
        with self.assertRaises(NameTaken), self.account():
            raise NameTaken("")
        self.assertEqual(self.told, [UploadFailed("name-taken")])

    def test_given_up(self) -> None:
        """An upload that ends without either was not one: its bytes led to no file."""
        with self.account():
            self.clock.advance(1)
        self.assertEqual(self.told, [])

    def test_failed_commit(self) -> None:
        """A commit that fails is told once, though whoever waits for it hears of it too."""
        with self.assertRaises(StoreFailed), self.account() as account, account.settling():
            raise StoreFailed
        self.assertEqual(self.told, [UploadFailed(UNFORESEEN)])

    def test_client_gone_during_commit(self) -> None:
        """Once the commit has begun, only its end counts, and not that nobody waits for it."""
        account = self.account()
        with account.settling():
            with self.assertRaises(CancelledError), account:
                raise CancelledError
            self.assertEqual(self.told, [])
            account.stored(FILE, created=True)
        self.assertEqual(self.told, [UploadStored(FILE, True, 0.0)])


class IntakeTests(SynchronousTestCase):
    """What an intake tells: of each upload exactly one end."""

    def setUp(self) -> None:
        self.bench = Bench(MemoryDisk())
        self.told: list[UploadStored | UploadFailed] = []
        self.bench.intake.events.listen(UploadStored, self.told.append)
        self.bench.intake.events.listen(UploadFailed, self.told.append)

    def ends(self) -> list[bool | str]:
        """Tell the ends so far: whether a file was created, or the code of a failure."""
        return [
            event.created if isinstance(event, UploadStored) else event.code for event in self.told
        ]

    def test_stored(self) -> None:
        """A file that is stored is told with the time from its grant on."""
        body = Delivery(b"content", held=True)
        upload = self.bench.upload("a", body, 7)
        self.bench.pool.run_all()
        self.bench.clock.advance(3)
        body.come()
        body.come()
        self.bench.pool.run_all()
        receipt = self.successResultOf(upload)
        self.assertEqual(self.told, [UploadStored(receipt.file, True, 3.0)])

    def test_told_when_done(self) -> None:
        """Nothing is told before the file is stored for good."""
        upload = self.bench.upload("a", Delivery(b"content"), 7)
        while self.bench.pool.busy:
            self.assertEqual(self.told, [])
            self.bench.pool.step()
        self.successResultOf(upload)
        self.assertEqual(self.ends(), [True])

    def test_repeated(self) -> None:
        """The same bytes again succeed, and created nothing."""
        self.bench.store("a", b"content")
        self.bench.store("a", b"content")
        self.assertEqual(self.ends(), [True, False])

    def test_refused(self) -> None:
        """A refusal, before the body or after it, is told by its code."""
        self.bench.store("a", b"content")
        for body in (b"another", b"longer than the other"):
            upload = self.bench.upload("a", Delivery(body), len(body))
            self.bench.pool.run_all()
            self.failureResultOf(upload, NameTaken)
        self.assertEqual(self.ends(), [True, "name-taken", "name-taken"])

    def test_not_admitted(self) -> None:
        """What is refused before there is a grant has failed too."""
        with self.assertRaises(SignatureWrong), self.bench.intake.admission():
            raise SignatureWrong("")
        with self.assertRaises(ConnectionLost), self.bench.intake.admission():
            raise ConnectionLost
        self.assertEqual(self.ends(), ["signature-wrong", ABORTED])

    def test_broken_off(self) -> None:
        """A connection that is lost in the body has aborted the upload."""
        self.failureResultOf(self.bench.broken_off("a", b"con", b"tent"), ConnectionLost)
        self.assertEqual(self.ends(), [ABORTED])

    def test_cancelled_anywhere(self) -> None:
        """Cancelled at whatever step, an upload is told once: aborted, or stored if it is."""
        seen = set()
        for step in range(50):
            self.setUp()
            upload = self.bench.upload("a", Delivery(b"content"), 7)
            for _ in range(step):
                if self.bench.pool.busy:
                    self.bench.pool.step()
            ended = not self.bench.pool.busy
            upload.cancel()
            upload.addErrback(lambda failure: failure.trap(CancelledError))
            self.bench.pool.run_all()
            stored = self.bench.bytes_of(named("a")) is not None
            self.assertEqual(self.ends(), [True] if stored else [ABORTED], step)
            seen.add((stored, ended))
        self.assertEqual(seen, {(False, False), (True, False), (True, True)})

    def test_index_fails(self) -> None:
        """A failure of the index is one of ours."""
        self.bench.index.broken[named("a")] = StoreFailed("on fire")
        upload = self.bench.upload("a", Delivery(b"content"), 7)
        self.bench.pool.run_all()
        self.failureResultOf(upload, StoreFailed)
        self.assertEqual(self.ends(), [UNFORESEEN])

    def test_no_room(self) -> None:
        """An index without room is told as what the client hears, once."""
        self.bench.index.broken[named("a")] = StoreFull("full")
        upload = self.bench.upload("a", Delivery(b"content"), 7)
        self.bench.pool.run_all()
        self.failureResultOf(upload, NoSpace)
        self.assertEqual(self.ends(), ["no-space"])
