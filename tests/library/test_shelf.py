"""Tests of hmacfs.library.shelf."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.library.pictures import Picture
from hmacfs.library.shelf import Shelf

ONE, OTHER = bytes(range(32)), bytes(range(31)) + b"\0"
BOX, WIDE = (64, 64), (200, 100)


class ShelfTests(SynchronousTestCase):
    """Pictures of two digests that begin alike."""

    def setUp(self) -> None:
        self.shelf = Shelf(Path(self.mktemp()))
        self.pictures = [Picture(BOX, "image/png", b"png"), Picture(WIDE, "image/jpeg", b"jpeg")]

    def test_put(self) -> None:
        """What was put is found by its box, and nothing else is."""
        self.assertIsNone(self.shelf.find(ONE, BOX))
        self.shelf.put(ONE, self.pictures)
        for picture in self.pictures:
            self.assertEqual(self.shelf.find(ONE, picture.box), picture)
        self.assertIsNone(self.shelf.find(ONE, (64, 65)))
        self.assertIsNone(self.shelf.find(OTHER, BOX))

    def test_knows(self) -> None:
        """All boxes must be there, or the mark that there can be none."""
        self.shelf.put(ONE, self.pictures[:1])
        self.assertTrue(self.shelf.knows(ONE, (BOX,)))
        self.assertFalse(self.shelf.knows(ONE, (BOX, WIDE)))
        self.shelf.put(OTHER, [])
        self.assertTrue(self.shelf.knows(OTHER, (BOX, WIDE)))
        self.assertTrue(self.shelf.is_none(OTHER))
        self.assertFalse(self.shelf.is_none(ONE))

    def test_modes(self) -> None:
        """Nobody but the server and its group may look for pictures."""
        self.shelf.put(ONE, self.pictures)
        for path in (self.shelf.directory, *self.shelf.directory.rglob("*")):
            self.assertEqual(path.stat().st_mode & 0o007, 0)

    def test_crash(self) -> None:
        """What a crash leaves of a picture is not given out, and goes with the others."""
        broken = mock.patch.multiple(
            Path, replace=mock.Mock(side_effect=OSError), unlink=mock.Mock()
        )
        with broken, self.assertRaises(OSError):
            self.shelf.put(ONE, self.pictures)
        self.assertIsNone(self.shelf.find(ONE, BOX))
        self.assertEqual(list(self.shelf.folders()), [frozenset({ONE})])
        self.shelf.forget(ONE)
        self.assertEqual(list(self.shelf.directory.glob("*/*")), [])

    def test_forget(self) -> None:
        """What is forgotten is gone, all of it and nothing else, and may be forgotten again."""
        self.shelf.put(ONE, self.pictures)
        self.shelf.put(OTHER, [])
        self.assertEqual(list(self.shelf.folders()), [frozenset({ONE, OTHER})])
        for _ in range(2):
            self.shelf.forget(ONE)
        self.shelf.forget(b"\xff" * 32)
        self.assertEqual(list(self.shelf.folders()), [frozenset({OTHER})])
        self.assertEqual(len(list(self.shelf.directory.rglob("*.*"))), 1)
