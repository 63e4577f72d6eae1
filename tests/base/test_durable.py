"""Tests of hmacfs.base.durable."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.durable import sync


class SyncTests(SynchronousTestCase):
    """``sync``."""

    def test_synced(self) -> None:
        """A file and a directory are synced, each by a descriptor that is closed again."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "file").touch()
        synced: list[tuple[int, int]] = []
        fsync = os.fsync

        def note(descriptor: int) -> None:
            fsync(descriptor)
            synced.append((descriptor, os.fstat(descriptor).st_ino))

        self.patch(os, "fsync", note)
        paths = [directory / "file", directory]
        for path in paths:
            sync(path)
        self.assertEqual([inode for _, inode in synced], [path.stat().st_ino for path in paths])
        for descriptor, _ in synced:
            self.assertRaises(OSError, os.fstat, descriptor)
