"""The server is killed in the middle of uploads: every file is whole or absent after it."""

from __future__ import annotations

import contextlib
import enum
import itertools
import os
import pathlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import attrs

from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, NoAnswer, ask, put
from tests.real.daemon import Daemon

UPLOADS: Final = 100
CLIENTS: Final = 8
ROUNDS: Final = 40 if os.environ.get("HMACFS_LONG") else 6
PIECE: Final = 64 * KILOBYTE


@attrs.frozen
class Upload:
    """One of the files of a round."""

    name: str
    size: int

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return noise(self.size, self.name)


def random_uploads(chance: random.Random, number: int) -> list[Upload]:
    """Return the uploads of a round: most are small, some take a while."""
    sizes = (
        lambda: 0,
        lambda: chance.randrange(1, 4 * KILOBYTE),
        lambda: chance.randrange(1, 4 * KILOBYTE),
        lambda: chance.randrange(32 * KILOBYTE, MEGABYTE),
        lambda: chance.randrange(MEGABYTE, 4 * MEGABYTE),
    )
    folders = [f"round-{number}/{chance.randrange(1 << 32):08x}" for _ in range(UPLOADS // 2)]
    return [
        Upload(f"{chance.choice(folders)}/file {index}.bin", chance.choice(sizes)())
        for index in range(UPLOADS)
    ]


class Moment(enum.Enum):
    """What is counted until the server is killed."""

    SENT = "bytes that clients have sent"
    ANSWERED = "uploads that were answered with 201"
    PUBLISHED = "files seen with their name, whose upload is not at its end"


class Crowd:
    """Clients that upload, until the server is killed under them.

    :param moment: what is counted.
    :param count: how much of that the server lives to see.
    """

    def __init__(self, daemon: Daemon, uploads: list[Upload], moment: Moment, count: int) -> None:
        self._daemon = daemon
        self._uploads = uploads
        self._moment = moment
        self._left = count
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.stored: set[Upload] = set()

    def run(self) -> None:
        """Upload all, or until the server is gone; it is, when this returns."""
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            watching = threads.submit(self._watch)
            for _ in threads.map(self._put, self._uploads):
                pass
            self._over.set()
            watching.result()
        if self._daemon.running:
            self._daemon.kill9()

    def _put(self, upload: Upload) -> None:
        target = self._daemon.target(upload.name, upload.size)
        try:
            with Connection(self._daemon.port) as connection:
                connection.begin("PUT", target, {"Content-Length": upload.size})
                for piece in pieces(upload.data):
                    connection.send(piece)
                    self._count(Moment.SENT, len(piece))
                answer = connection.answer("PUT")
        except (OSError, NoAnswer):
            # What the server had not answered may be there or not.
            return
        if answer.status == 201:
            self.stored.add(upload)
            self._count(Moment.ANSWERED, 1)

    def _watch(self) -> None:
        seen: set[pathlib.Path] = set()
        while self._moment is Moment.PUBLISHED and self._left > 0 and not self._over.is_set():
            new = published(self._daemon) - seen
            seen |= new
            self._count(Moment.PUBLISHED, len(new))

    def _count(self, moment: Moment, number: int) -> None:
        with self._lock:
            if moment is self._moment and self._left > 0:
                self._left -= number
                if self._left <= 0:
                    self._daemon.kill9()


def published(daemon: Daemon) -> set[pathlib.Path]:
    """Return the stages whose bytes have their name already, and which are still there."""
    found = set()
    for stage in daemon.stages():
        with contextlib.suppress(FileNotFoundError):
            if stage.stat().st_nlink > 1:
                found.add(stage)
    return found


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes into what clients send at once."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


class CrashTests(ServerCase):
    """``kill -9`` at random moments of a hundred uploads, again and again in one storage."""

    def test_whole_or_absent(self) -> None:
        """A file is there with all its bytes or not at all, and every upload that got 201 is."""
        chance = random.Random(20_000)
        daemon = self.start()
        unfinished = unrecorded = 0
        for number, moment in zip(range(ROUNDS), itertools.cycle(Moment), strict=False):
            uploads = random_uploads(chance, number)
            size = sum(upload.size for upload in uploads)
            most = {Moment.SENT: size, Moment.ANSWERED: UPLOADS, Moment.PUBLISHED: UPLOADS // 4}
            crowd = Crowd(daemon, uploads, moment, chance.randrange(1, most[moment]))
            crowd.run()
            self.assert_whole(daemon, uploads)
            unfinished += len(daemon.stages())
            unrecorded += len(published(daemon))
            daemon.restart()
            self.assert_recovered(daemon, uploads, crowd.stored)
            self.assert_repeatable(daemon, uploads)
        self.assertGreater(unfinished, unrecorded, "no upload was cut before its file was visible")
        self.assertGreater(unrecorded, 0, "no upload was cut between that and its record")

    def assert_whole(self, daemon: Daemon, uploads: list[Upload]) -> None:
        """Fail if a visible file of these has other bytes than were sent."""
        visible = daemon.stored()
        for upload in uploads:
            path = visible.get(upload.name)
            if path is not None and path.read_bytes() != upload.data:
                self.fail(f"{upload} has {path.stat().st_size} bytes, not those that were sent")

    def assert_recovered(self, daemon: Daemon, uploads: list[Upload], stored: set[Upload]) -> None:
        """Fail if storage, index and what the clients were told do not agree after a restart."""
        self.assertEqual([], daemon.stages())
        self.assert_whole(daemon, uploads)
        visible = daemon.stored()
        for upload in uploads:
            answer = ask(daemon.port, "HEAD", daemon.place(upload.name))
            self.assert_status(200 if upload.name in visible else 404, answer, upload)
            if upload in stored:
                self.assertIn(upload.name, visible)

    def assert_repeatable(self, daemon: Daemon, uploads: list[Upload]) -> None:
        """Fail unless every client can send its file again, and gets it back."""

        def repeat(upload: Upload) -> Answer:
            return put(daemon.port, daemon.target(upload.name, upload.size), upload.data)

        with ThreadPoolExecutor(CLIENTS) as clients:
            for upload, answer in zip(uploads, clients.map(repeat, uploads), strict=True):
                self.assert_status(201, answer, upload)
        for upload in uploads:
            self.assert_comes_back(daemon, daemon.place(upload.name), upload.data)
        self.assertEqual([], daemon.stages())
