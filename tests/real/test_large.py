"""A file of a gibibyte goes through the server, which never has much of it in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Connection
from tests.real.daemon import Daemon

BLOCKS: Final = 1024
SIZE: Final = BLOCKS * MEGABYTE
MOST_MEMORY: Final = 80 * MEGABYTE
IDLE_READERS: Final = 8


def blocks() -> Iterator[bytes]:
    """Make the file, a mebibyte at a time, no two alike."""
    block = noise(MEGABYTE)
    for number in range(BLOCKS):
        yield b"%016d" % number + block[16:]


class LargeFileTests(ServerCase):
    """Memory does not grow with the size of a file."""

    def upload(self, daemon: Daemon) -> str:
        """Upload the file; return its SHA-256 in hex."""
        digest = hashlib.sha256()
        with Connection(daemon.port) as connection:
            connection.begin("PUT", daemon.target("large", SIZE), {"Content-Length": SIZE})
            for block in blocks():
                connection.send(block)
                digest.update(block)
            self.assert_status(201, connection.answer("PUT"))
        return digest.hexdigest()

    def test_memory(self) -> None:
        """Up and down with less than 80 MiB, though other clients ask for it and read nothing."""
        daemon = self.unstarted()
        # What it has in memory is then what it needs.
        daemon.is_alone = True
        daemon.start()
        sha256 = self.upload(daemon)
        self.assertLess(daemon.peak_memory(), MOST_MEMORY, "after the upload")
        for _ in range(IDLE_READERS):
            idle = self.connect(daemon)
            idle.begin("GET", daemon.place("large"))
            self.assertFalse(idle.is_silent(20), "the download does not begin")
        with Connection(daemon.port) as connection:
            connection.begin("GET", daemon.place("large"))
            answer = connection.answer(keep=False)
        self.assert_status(200, answer)
        self.assertEqual((str(SIZE), sha256), (answer.headers["content-length"], answer.sha256))
        self.assertLess(daemon.peak_memory(), MOST_MEMORY, "after the download")
