"""Tests of looking through a tree of files."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.interfaces import Found, Passed
from hmacfs.blobs.walk import walk
from tests.blobs.descriptors import open_below

ATTRIBUTE = "user.hmacfs.test"


class WalkTests(SynchronousTestCase):
    """``walk``."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()
        self.path.mkdir()
        self.root = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, self.root)

    def file(self, name: str | bytes, content: bytes = b"") -> Path:
        """Make a file."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def found(self) -> dict[str, Found]:
        """Return the files that are found, by name."""
        return {
            str(each.name): each for each in walk(self.root, ATTRIBUTE) if isinstance(each, Found)
        }

    def passed(self) -> dict[bytes, str]:
        """Return what is passed over, by path."""
        return {
            each.path: each.reason
            for each in walk(self.root, ATTRIBUTE)
            if isinstance(each, Passed)
        }

    def test_facts(self) -> None:
        """Size and time of a file are those that the file system tells."""
        path = self.file("folder/ü 😀", b"12345")
        os.utime(path, (1.0, 1_600_000_000.5))
        (found,) = self.found().values()
        self.assertEqual((str(found.name), found.size), ("folder/ü 😀", 5))
        self.assertEqual((found.modified_at, found.intent), (1_600_000_000.5, None))

    def test_intent(self) -> None:
        """The intent is read from the attribute that is named."""
        os.setxattr(self.file("file"), ATTRIBUTE, b"facts")
        self.assertEqual(self.found()["file"].intent, b"facts")

    def test_own_directory(self) -> None:
        """The server's own files are passed over without a word; others of that name are not."""
        self.file(".hmacfs/index.sqlite")
        self.file("folder/.hmacfs/file")
        self.assertEqual(list(self.found()), ["folder/.hmacfs/file"])
        self.assertEqual(self.passed(), {})

    def test_links(self) -> None:
        """Symbolic links are not followed, to files, to folders, or in a circle."""
        outside = Path(self.mktemp()).resolve()
        outside.mkdir()
        (outside / "secret").touch()
        (self.path / "folder").symlink_to(outside)
        (self.path / "file").symlink_to(outside / "secret")
        (self.path / "circle").symlink_to(self.path)
        self.assertEqual(self.found(), {})
        self.assertEqual(set(self.passed()), {b"folder", b"file", b"circle"})

    def test_special_files(self) -> None:
        """What is no file is passed over, and nobody waits for it."""
        os.mkfifo(self.path / "fifo")
        with socket.socket(socket.AF_UNIX) as listening:
            before = Path.cwd()
            os.chdir(self.path)
            try:
                listening.bind("socket")
            finally:
                os.chdir(before)
            self.assertEqual(self.found(), {})
            self.assertEqual(set(self.passed()), {b"fifo", b"socket"})

    def test_names(self) -> None:
        """Files whose names nobody could ask for are told with their bytes, and the reason."""
        for name in (b"new\nline", b"latin-\xe9", b"\xff/file"):
            self.file(name)
        self.assertEqual(
            self.passed(),
            {
                b"new\nline": "the path has a control character",
                b"latin-\xe9": "the path is not UTF-8",
                b"\xff/file": "the path is not UTF-8",
            },
        )

    def test_deep(self) -> None:
        """Folders so deep that no name reaches into them are passed over, however deep they go."""
        below = os.open(self.path, os.O_RDONLY)
        for _ in range(600):
            os.mkdir("x", dir_fd=below)
            above, below = below, os.open("x", os.O_RDONLY, dir_fd=below)
            os.close(above)
        os.close(below)
        # Python's own way to remove it goes too deep here.
        self.addCleanup(lambda: subprocess.run(["rm", "-r", self.path], check=True))
        ((path, reason),) = self.passed().items()
        self.assertEqual((len(path), reason), (1025, "its path is too long for a name"))

    def test_unreadable(self) -> None:
        """A folder that cannot be read is told, and the others are read."""
        self.file("closed/file")
        self.file("open/file")
        opened = os.open

        def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if path == "closed":
                raise PermissionError(13, "Permission denied")
            return opened(path, flags, mode, dir_fd=dir_fd)

        with mock.patch("os.open", refusing):
            self.assertEqual(self.passed(), {b"closed": "Permission denied"})
            self.assertEqual(list(self.found()), ["open/file"])

    def test_removed_meanwhile(self) -> None:
        """What goes away while it is looked at is no fault."""
        for number in range(3):
            self.file(f"{number}")
            self.file(f"folder-{number}/file")
        walking = walk(self.root, ATTRIBUTE)
        first = next(walking)
        assert isinstance(first, Found)
        # Its folder was read as a whole before the first was told.
        for path in sorted(self.path.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.assertEqual(list(walking), [])

    def test_lets_go(self) -> None:
        """At its end, and when it is broken off, no descriptor is held."""
        for number in range(5):
            self.file(f"{number}/{number}/file")
        before = len(open_below(self.path))
        list(walk(self.root, ATTRIBUTE))
        self.assertEqual(len(open_below(self.path)), before)
        broken_off = walk(self.root, ATTRIBUTE)
        next(broken_off)
        self.assertGreater(len(open_below(self.path)), before)
        broken_off.close()
        self.assertEqual(len(open_below(self.path)), before)

    def test_twice(self) -> None:
        """Two walks of one directory do not disturb each other."""
        for number in range(50):
            self.file(f"{number}")
        one, other = walk(self.root, ATTRIBUTE), walk(self.root, ATTRIBUTE)
        pairs = list(zip(one, other, strict=True))
        self.assertEqual(len(pairs), 50)
