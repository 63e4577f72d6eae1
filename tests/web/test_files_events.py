"""What is told of downloads."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import UNFORESEEN, DownloadFailed, DownloadSent
from hmacfs.flow.source import READ_SIZE, Truncated
from tests.blobs.samples import named
from tests.flow.held_pool import HeldPool
from tests.web.wire import Conversation, Server, mac_v, request

X = named("x")
BODY = bytes(range(256)) * (3 * READ_SIZE // 256)


class DownloadCase(SynchronousTestCase):
    """A server with one large file, ``x``, and a disk that the test holds back."""

    def setUp(self) -> None:
        self.pool = HeldPool()
        self.server = Server(Path(self.mktemp()), pool=self.pool)
        self.pool.run_all()
        conversation = self.server.connect()
        conversation.send(request("PUT", f"/upload/x?v={mac_v('x', len(BODY))}", (), BODY))
        self.pool.run_all()
        self.assertEqual(conversation.response().status, 201)
        conversation.close()
        self.told: list[DownloadSent | DownloadFailed] = []
        self.server.events.listen(DownloadSent, self.told.append)
        self.server.events.listen(DownloadFailed, self.told.append)

    def ask(self, method: str, target: str, *headers: str) -> Conversation:
        """Send a request and let the disk work."""
        conversation = self.server.connect()
        conversation.send(request(method, target, headers))
        self.pool.run_all()
        return conversation

    def begin(self) -> Conversation:
        """Ask for the file and run until its first bytes are out."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/x"))
        while not conversation.output():
            self.pool.run_next()
        return conversation


class SentTests(DownloadCase):
    """Downloads that went well."""

    def test_whole(self) -> None:
        """A file is told with its size and how long it took to send."""
        self.begin()
        self.server.clock.advance(5)
        self.assertEqual(self.told, [])
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadSent(len(BODY), 5.0, complete=True, name=X)])

    def test_parts(self) -> None:
        """Of a range, only its bytes count; of several, what stands between them too."""
        self.ask("GET", "/x", "Range: bytes=10-19")
        self.assertEqual(self.told, [DownloadSent(10, 0.0, complete=True, name=X)])
        conversation = self.ask("GET", "/x", "Range: bytes=0-9,20000-20009")
        size = int(conversation.response().headers["content-length"])
        self.assertGreater(size, 20)
        self.assertEqual(self.told[1:], [DownloadSent(size, 0.0, complete=True, name=X)])

    def test_empty_file(self) -> None:
        """A file without bytes is sent as well."""
        self.server.connect().send(request("PUT", f"/upload/e?v={mac_v('e', 0)}", (), b""))
        self.pool.run_all()
        self.ask("GET", "/e")
        self.assertEqual(self.told, [DownloadSent(0, 0.0, complete=True, name=named("e"))])

    def test_no_download(self) -> None:
        """HEAD, and answers that have no part of the file, are no downloads."""
        etag = self.ask("HEAD", "/x").response("HEAD").headers["etag"]
        self.ask("HEAD", "/nothing")
        for header in (f"If-None-Match: {etag}", 'If-Match: "y"', f"Range: bytes={len(BODY)}-"):
            self.ask("GET", "/x", header)
        self.assertEqual(self.told, [])


class FailedTests(DownloadCase):
    """Downloads that did not."""

    def test_refused(self) -> None:
        """A file that is not there is told by the code of the refusal."""
        self.ask("GET", "/nothing")
        self.assertEqual(self.told, [DownloadFailed("not-found")])

    def test_no_name(self) -> None:
        """A path that can be no file's is none that was asked for."""
        self.ask("GET", "/.hmacfs/lock")
        self.assertEqual(self.told, [])

    def test_client_gone(self) -> None:
        """A client that goes away in the middle is told with what it had been sent."""
        conversation = self.begin()
        conversation.lose()
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadSent(READ_SIZE, 0.0, complete=False, name=X)])

    def test_paused_client_gone(self) -> None:
        """The same holds for one that took nothing any more."""
        conversation = self.begin()
        conversation.channel.pauseProducing()
        self.pool.run_all()
        conversation.lose()
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadSent(READ_SIZE, 0.0, complete=False, name=X)])

    def test_client_gone_at_once(self) -> None:
        """A client that goes away before the file was found had nothing."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/x"))
        conversation.lose()
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadSent(0, 0.0, complete=False, name=X)])

    def test_client_gone_at_the_end(self) -> None:
        """Who goes away with the last byte has had it all."""
        conversation = self.begin()
        while len(conversation.output()) < len(BODY):
            self.pool.run_next()
        self.assertTrue(self.pool.busy, "the file is still to be closed")
        self.assertEqual(self.told, [])
        conversation.lose()
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadSent(len(BODY), 0.0, complete=True, name=X)])

    def test_disk_fails(self) -> None:
        """A file that cannot be read to its end is our failure."""
        self.begin()
        (self.server.root / "x").write_bytes(b"")
        self.pool.run_all()
        self.assertEqual(self.told, [DownloadFailed(UNFORESEEN)])
        self.assertEqual(len(self.flushLoggedErrors(Truncated)), 1)
