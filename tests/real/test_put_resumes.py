"""``hmac-file-server put`` and a server: interrupted, cut off, and called again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.daemon import CHECKOUT, Daemon, eventually

SIZE: Final = 12 * MEGABYTE
RATE: Final = "3MB"
"""Bytes a second: slow enough to be in the middle of it for a while."""


class PutTests(ServerCase):
    """A large file on its way."""

    def setUp(self) -> None:
        self.daemon = self.start({"uploads": {"max_bytes_per_second": RATE}})
        self.data = noise(SIZE)
        self.file = self.directory() / "video.bin"
        self.file.write_bytes(self.data)
        target = self.daemon.target("video.bin", SIZE, "application/octet-stream")
        self.url = self.daemon.base_url + target

    def put(self) -> subprocess.Popen[str]:
        """Begin to upload the file, in a process that ends with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "hmacfs.cli.main", "put", os.fspath(self.file), self.url],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def has_come(self, least: int) -> Callable[[], bool]:
        """Make what tells whether so many bytes of the upload have been written."""

        def look() -> bool:
            journals = sessions(self.daemon).glob("*.journal")
            files = [path.with_suffix("") for path in journals]
            return any(path.exists() and path.stat().st_size >= least for path in files)

        return look

    def assert_ends(self, process: subprocess.Popen[str]) -> str:
        """Fail unless the upload succeeds; return what it said meanwhile."""
        out, err = process.communicate(timeout=60)
        self.assertEqual((0, f"{self.url.partition('?')[0]}\n"), (process.returncode, out), err)
        self.assert_comes_back(self.daemon, self.daemon.place("video.bin"), self.data)
        return err

    def test_interrupted(self) -> None:
        """After ^C the same command goes on where it stopped."""
        first = self.put()
        eventually("bytes that have come", self.has_come(3 * MEGABYTE))
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=60)
        self.assertEqual(1, first.returncode)
        self.assertEqual("interrupted; the same command goes on where it stopped\n", err)
        self.assertEqual({}, self.daemon.stored())
        self.assert_ends(self.put())
        heads = [
            line
            for line in self.daemon.log.splitlines()
            if " HEAD /upload/" in line and " 200 " in line
        ]
        self.assertEqual(1, len(heads), self.daemon.log)

    def test_cut_off(self) -> None:
        """When the server is killed, and comes back, the command goes on by itself."""
        process = self.put()
        eventually("bytes that have come", self.has_come(3 * MEGABYTE))
        self.daemon.kill9()
        self.daemon.start()
        self.assertRegex(self.assert_ends(process), r"; trying again in \d+\.\d s\n")


def sessions(daemon: Daemon) -> Path:
    """Tell where the sessions lie."""
    return daemon.storage / ".hmacfs" / "sessions"
