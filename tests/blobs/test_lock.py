"""Tests of hmacfs.blobs.lock."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from threading import Event, Thread

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs import lock
from hmacfs.blobs.interfaces import StorageFailed


class LockTests(SynchronousTestCase):
    """``hold`` and ``is_held``."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.directory = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, self.directory)

    def hold(self) -> int:
        """Take the lock as a server does."""
        return lock.hold(self.directory, self.path)

    def test_life(self) -> None:
        """Who has the lock is seen, and keeps others out, until it is given back."""
        self.assertFalse(lock.is_held(self.path))
        held = self.hold()
        self.assertTrue(lock.is_held(self.path))
        with self.assertRaisesRegex(StorageFailed, "another hmac-file-server is running"):
            self.hold()
        os.close(held)
        self.assertFalse(lock.is_held(self.path))

    def test_looking(self) -> None:
        """Whoever looks, and however often, no server is refused for that."""
        stop = Event()

        def look() -> None:
            while not stop.is_set():
                lock.is_held(self.path)

        lookers = [Thread(target=look) for _ in range(2)]
        for looker in lookers:
            looker.start()
        try:
            for _ in range(50):
                os.close(self.hold())
        finally:
            stop.set()
            for looker in lookers:
                looker.join()

    def test_waits(self) -> None:
        """A server that starts waits for who looks just then."""
        looks = os.open(self.path / lock.LOCK_FILE, os.O_RDWR | os.O_CREAT)
        fcntl.flock(looks, fcntl.LOCK_SH)
        self.patch(lock, "sleep", lambda _: os.close(looks))
        os.close(self.hold())

    def test_never_ends(self) -> None:
        """A server does not wait for ever for what is no server."""
        looks = os.open(self.path / lock.LOCK_FILE, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, looks)
        fcntl.flock(looks, fcntl.LOCK_SH)
        self.patch(lock, "sleep", lambda _: None)
        with self.assertRaisesRegex(StorageFailed, "a program that is no server"):
            self.hold()

    def test_cannot_lock(self) -> None:
        """A file system that cannot lock is told of in a sentence."""

        def flock(descriptor: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "")

        self.patch(fcntl, "flock", flock)
        with self.assertRaisesRegex(StorageFailed, "cannot lock .*: No locks available"):
            self.hold()
