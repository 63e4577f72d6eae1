"""
What everything must do that keeps unfinished uploads, as tests.

An implementation proves itself by handing :func:`make_unfinished_tests` a way to make one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.interfaces import (
    Blobs,
    NameExists,
    StorageFailed,
    Unfinished,
    UnfinishedBlob,
)
from tests.blobs.samples import content, named
from tests.flow.awaiting import now


class Keeping(Protocol):
    """A storage that outlives the process that uses it."""

    def open(self) -> tuple[Blobs, Unfinished]:
        """Begin to use it; it is empty, or as a crash left it."""

    def crash(self) -> None:
        """Let go of it as a process does that is gone."""


class _UnfinishedTests(SynchronousTestCase):
    """The rules that hold for all."""

    keeping: Keeping

    def restart(self) -> None:
        """Begin again after a crash."""
        self.keeping.crash()
        self.blobs, self.unfinished = self.keeping.open()

    def opened(self, key: str) -> UnfinishedBlob:
        """Open what is there."""
        blob = now(self.unfinished.open(key))
        assert blob is not None
        return blob

    def test_begin(self) -> None:
        """What was begun is there, with its facts and no bytes, after a crash too."""
        now(self.unfinished.begin("key", b"facts"))
        for _ in range(2):
            self.assertEqual(now(self.unfinished.find("key")), b"facts")
            self.assertEqual(self.opened("key").read_at(0, 10), b"")
            self.assertEqual(list(now(self.unfinished.keys())), ["key"])
            self.restart()

    def test_begin_twice(self) -> None:
        """A key is used once."""
        now(self.unfinished.begin("key", b"facts"))
        with self.assertRaises(NameExists):
            now(self.unfinished.begin("key", b"others"))
        self.assertEqual(now(self.unfinished.find("key")), b"facts")

    def test_nothing(self) -> None:
        """What was never begun is not there."""
        self.assertIsNone(now(self.unfinished.find("key")))
        self.assertIsNone(now(self.unfinished.open("key")))
        now(self.unfinished.forget("key"))
        self.assertEqual(list(now(self.unfinished.keys())), [])

    def test_write(self) -> None:
        """Bytes are put in any order; gaps read as zeros."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(6, b"gh")
        blob.write_at(0, memoryview(b"abc"))
        self.assertEqual(blob.read_at(0, 100), b"abc\0\0\0gh")
        self.assertEqual(blob.read_at(1, 2), b"bc")
        blob.write_at(1, b"xyz")
        self.assertEqual(blob.read_at(0, 4), b"axyz")

    def test_keep(self) -> None:
        """What was kept is there after a crash, the last facts with it."""
        blob = now(self.unfinished.begin("key", b"facts"))
        for number in range(3):
            blob.write_at(number, b"%d" % number)
            blob.keep(b"facts %d" % number)
        self.restart()
        self.assertEqual(now(self.unfinished.find("key")), b"facts 2")
        self.assertEqual(self.opened("key").read_at(0, 9), b"012")

    def test_go_on(self) -> None:
        """What rested goes on."""
        now(self.unfinished.begin("key", b"facts")).close()
        for number in range(3):
            blob = self.opened("key")
            blob.write_at(number, b"%d" % number)
            blob.keep(b"facts %d" % number)
            blob.close()
            self.restart()
        self.assertEqual(now(self.unfinished.find("key")), b"facts 2")
        self.assertEqual(self.opened("key").read_at(0, 9), b"012")

    def test_conclude(self) -> None:
        """What is concluded has facts, and no bytes."""
        now(self.unfinished.begin("key", b"facts")).close()
        now(self.unfinished.conclude("key", b"the end"))
        for _ in range(2):
            self.assertEqual(now(self.unfinished.find("key")), b"the end")
            self.assertIsNone(now(self.unfinished.open("key")))
            self.restart()

    def test_forget(self) -> None:
        """What is forgotten is not there, and its key is free."""
        now(self.unfinished.begin("key", b"facts")).close()
        now(self.unfinished.forget("key"))
        self.restart()
        self.assertIsNone(now(self.unfinished.find("key")))
        self.assertIsNone(now(self.unfinished.open("key")))
        self.assertEqual(now(self.unfinished.begin("key", b"")).read_at(0, 9), b"")

    def test_closed(self) -> None:
        """What is closed takes nothing."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.close()
        blob.close()
        with self.assertRaises(StorageFailed):
            blob.write_at(0, b"a")
        with self.assertRaises(StorageFailed):
            blob.read_at(0, 1)

    def test_hand_over(self) -> None:
        """The bytes become a stored file, and are here until they are concluded."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(0, b"content")
        staged = now(self.unfinished.hand_over(blob, 7))
        now(self.blobs.publish(staged, named("file"), b"intent"))
        now(self.blobs.settle(staged))
        self.assertEqual(now(content(self.blobs, named("file"))), b"content")
        blob.close()
        self.assertEqual(self.opened("key").read_at(0, 9), b"content")
        now(self.unfinished.conclude("key", b"the end"))
        self.assertEqual(now(content(self.blobs, named("file"))), b"content")

    def test_hand_over_again(self) -> None:
        """What was not published can be handed over again."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(0, b"content")
        now(self.blobs.settle(now(self.unfinished.hand_over(blob, 7))))
        staged = now(self.unfinished.hand_over(blob, 7))
        now(self.blobs.publish(staged, named("file"), b"intent"))
        self.assertEqual(now(content(self.blobs, named("file"))), b"content")

    def test_hand_over_cut(self) -> None:
        """What was written behind the end, and never counted, does not get into the file."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(0, b"other bytes")
        blob.write_at(0, b"content")
        staged = now(self.unfinished.hand_over(blob, 7))
        now(self.blobs.publish(staged, named("file"), b"intent"))
        self.assertEqual(now(content(self.blobs, named("file"))), b"content")

    def test_crash_before_publication(self) -> None:
        """A crash between the two leaves no file, and the bytes here."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(0, b"content")
        blob.keep(b"facts")
        now(self.unfinished.hand_over(blob, 7))
        self.restart()
        self.assertEqual(now(self.blobs.leftovers()), [])
        self.assertEqual(self.opened("key").read_at(0, 9), b"content")

    def test_crash_after_publication(self) -> None:
        """A crash after it leaves the file, and what it is for the sweep."""
        blob = now(self.unfinished.begin("key", b"facts"))
        blob.write_at(0, b"content")
        staged = now(self.unfinished.hand_over(blob, 7))
        now(self.blobs.publish(staged, named("file"), b"intent"))
        self.restart()
        (leftover,) = now(self.blobs.leftovers())
        self.assertEqual(leftover.intent, b"intent")
        now(self.blobs.forget(leftover))
        self.assertEqual(now(content(self.blobs, named("file"))), b"content")


def make_unfinished_tests(made: Callable[[Path], Keeping], name: str) -> type[SynchronousTestCase]:
    """
    Make the tests of an implementation.

    :param made: makes an empty storage; if it needs a directory, the one of this path.
    :param name: what the tests are called in the module that ``made`` is of.
    """

    class UnfinishedTests(_UnfinishedTests):
        """The rules that hold for all."""

        def setUp(self) -> None:
            self.keeping = made(Path(self.mktemp()).resolve())
            self.blobs, self.unfinished = self.keeping.open()
            self.addCleanup(self.keeping.crash)

    UnfinishedTests.__module__ = made.__module__
    UnfinishedTests.__name__ = UnfinishedTests.__qualname__ = name
    return UnfinishedTests
