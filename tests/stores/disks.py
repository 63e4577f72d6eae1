"""Places to test with: full ones, ones that cannot be written, files that others hold."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

LOG_HEADER = 32
"""Bytes before the first frame of a write-ahead log (sqlite.org/fileformat2.html#walformat)."""

FRAME_HEADER = 24
"""Bytes before the page in each frame."""


def small_disk(case: SynchronousTestCase, size: int) -> Path:
    """Mount an empty file system of so many bytes until the end of the test."""
    if os.geteuid() != 0:
        raise SkipTest("only root can mount a small file system")
    place = Path(case.mktemp())
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        raise SkipTest(f"a file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    place = place.absolute()
    case.addCleanup(lambda: subprocess.run(["umount", place], check=True))
    return place


def fill(ballast: Path) -> None:
    """Make a file that takes all the room of its disk."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def place_to_freeze(case: SynchronousTestCase) -> Path:
    """Make an empty directory that :func:`make_read_only` can be used with."""
    if os.geteuid() == 0:
        return small_disk(case, 1 << 20)
    place = Path(case.mktemp())
    place.mkdir(parents=True)
    return place.absolute()


def make_read_only(case: SynchronousTestCase, directory: Path) -> None:
    """Let nothing in a directory be written until the end of the test."""
    if os.geteuid() == 0:
        # Modes do not bind root.
        subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
        return
    for path in [*directory.iterdir(), directory]:
        case.addCleanup(path.chmod, path.stat().st_mode)
        path.chmod(0o500)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of a file of SQLite, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def commits(path: Path) -> int:
    """Count the transactions in the write-ahead log of a file, of which nothing was moved yet."""
    log = path.with_name(f"{path.name}-wal").read_bytes()
    if not log:
        return 0
    frame = FRAME_HEADER + int.from_bytes(log[8:12])
    heads = (log[start : start + FRAME_HEADER] for start in range(LOG_HEADER, len(log), frame))
    # The last frame of a transaction tells how many pages the file then has, the others zero.
    return sum(int.from_bytes(head[4:8]) != 0 for head in heads)
