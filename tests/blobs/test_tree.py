"""Tests of the directory tree that cannot be left."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import NameExists, StorageFailed, StorageFull
from hmacfs.blobs.tree import open_directory, open_file, open_root, parent_of, storage_errors
from tests.blobs.descriptors import open_below
from tests.blobs.samples import named
from tests.octets import octets


class TreeCase(SynchronousTestCase):
    """A tree, and beside it what is none of its business."""

    def setUp(self) -> None:
        base = Path(self.mktemp()).resolve()
        self.path = base / "tree"
        self.outside = base / "outside"
        for each in (self.path, self.outside):
            each.mkdir(parents=True)
        (self.outside / "secret").write_bytes(b"secret")
        self.root = open_root(self.path)
        self.addCleanup(self.check_descriptors)

    def check_descriptors(self) -> None:
        """After each test the root is all that is open."""
        self.assertEqual(open_below(self.path), [self.root])
        os.close(self.root)
        self.assertEqual(open_below(self.outside), [])


class StorageErrorsTests(SynchronousTestCase):
    """:func:`storage_errors`."""

    def test_full(self) -> None:
        """No space and no quota left both mean that the storage is full."""
        for code in (errno.ENOSPC, errno.EDQUOT):
            with self.assertRaises(StorageFull), storage_errors("write"):
                raise OSError(code, "")

    def test_failed(self) -> None:
        """Any other error of the system tells what was being done, and why it failed."""
        with self.assertRaises(StorageFailed) as caught, storage_errors("open x"):
            raise PermissionError(errno.EACCES, "no")
        self.assertEqual(str(caught.exception), "cannot open x: Permission denied")
        self.assertIsInstance(caught.exception.__cause__, PermissionError)

    def test_without_a_number(self) -> None:
        """An error without a number is told in its own words."""
        with self.assertRaises(StorageFailed) as caught, storage_errors("open x"):
            raise OSError("odd")
        self.assertEqual(str(caught.exception), "cannot open x: odd")

    def test_others(self) -> None:
        """What is no error of the system passes, and so does nothing."""
        with self.assertRaises(KeyError), storage_errors("open x"):
            raise KeyError
        with storage_errors("open x"):
            pass


class OpenRootTests(SynchronousTestCase):
    """:func:`open_root`."""

    def test_made(self) -> None:
        """The root is made with all that is above it, closed to strangers, and kept if there."""
        path = Path(self.mktemp()) / "a" / "b"
        for _ in range(2):
            os.close(open_root(path))
            self.assertEqual(path.stat().st_mode & 0o007, 0)

    def test_symbolic_link(self) -> None:
        """The root itself may be a symbolic link, for administrators move storages."""
        real, link = Path(self.mktemp()), Path(self.mktemp())
        real.mkdir()
        link.symlink_to(real.resolve())
        root = open_root(link)
        self.addCleanup(os.close, root)
        self.assertEqual(os.fstat(root).st_ino, real.stat().st_ino)

    def test_no_directory(self) -> None:
        """A root that is no directory is told by its path."""
        path = Path(self.mktemp())
        path.touch()
        with self.assertRaisesRegex(StorageFailed, f"cannot open the directory {path}: "):
            open_root(path)


class OpenDirectoryTests(TreeCase):
    """:func:`open_directory`."""

    def test_made(self) -> None:
        """A directory is made where it is wanted, closed to strangers, and else opened."""
        for create in (True, True, False):
            os.close(open_directory(self.root, "folder", create=create))
        self.assertEqual((self.path / "folder").stat().st_mode & 0o007, 0)

    def test_missing(self) -> None:
        """One that is not there, and not to be made, is not."""
        with self.assertRaises(FileNotFoundError):
            open_directory(self.root, "folder", create=False)
        self.assertFalse((self.path / "folder").exists())

    def test_planted(self) -> None:
        """What is no directory is not opened as one, nor is a symbolic link to one followed."""
        (self.path / "file").touch()
        (self.path / "link").symlink_to(self.outside)
        (self.path / "dangling").symlink_to(self.outside / "new")
        os.mkfifo(self.path / "fifo")
        for segment in ("file", "link", "dangling", "fifo"):
            for create in (True, False):
                with self.assertRaises(OSError):
                    open_directory(self.root, segment, create=create)
        self.assertFalse((self.outside / "new").exists())


class ParentTests(TreeCase):
    """:func:`parent_of`."""

    def inode(self, name: str, *, create: bool = False) -> int:
        """Return the inode of the directory of a name."""
        with parent_of(self.root, named(name), create=create) as parent:
            return os.fstat(parent).st_ino

    def test_top(self) -> None:
        """A name of one segment lies in the root."""
        self.assertEqual(self.inode("file"), self.path.stat().st_ino)

    def test_deep(self) -> None:
        """The folders on the way are made when they are to be, and found later."""
        with self.assertRaises(FileNotFoundError):
            self.inode("a/b/c")
        self.assertEqual(list(self.path.iterdir()), [])
        made = self.inode("a/b/c", create=True)
        self.assertEqual(made, (self.path / "a/b").stat().st_ino)
        self.assertEqual(self.inode("a/b/c"), made)
        self.assertFalse((self.path / "a/b/c").exists())

    def test_error_inside(self) -> None:
        """What is raised by the one who has the directory goes on, and it is closed."""
        with self.assertRaises(KeyError), parent_of(self.root, named("a/b"), create=True):
            raise KeyError

    def test_planted(self) -> None:
        """A file, a link or a pipe on the way is in the way, at whatever depth."""
        (self.path / "a/b").mkdir(parents=True)
        for place in (self.path, self.path / "a", self.path / "a/b"):
            (place / "file").touch()
            (place / "link").symlink_to(self.outside)
            os.mkfifo(place / "fifo")
            below = place.relative_to(self.path)
            for segment in ("file", "link", "fifo"):
                for create in (True, False):
                    with self.assertRaises(NameExists):
                        self.inode(f"{below / segment}/secret", create=create)
        self.assertEqual([each.name for each in self.outside.iterdir()], ["secret"])

    def test_nothing_is_made_behind(self) -> None:
        """Behind a link that is in the way no folder is made."""
        (self.path / "link").symlink_to(self.outside)
        with self.assertRaises(NameExists):
            self.inode("link/new/file", create=True)
        self.assertFalse((self.outside / "new").exists())


class OpenFileTests(TreeCase):
    """:func:`open_file`."""

    def test_file(self) -> None:
        """A regular file is opened to read."""
        (self.path / "file").write_bytes(b"content")
        descriptor = open_file(self.root, "file")
        assert descriptor is not None
        self.addCleanup(os.close, descriptor)
        self.assertEqual(os.read(descriptor, 100), b"content")
        with self.assertRaises(OSError):
            os.write(descriptor, b"x")

    def test_nothing_else(self) -> None:
        """Nothing else is: no link, folder, pipe or socket, and nothing that is not there."""
        (self.path / "link").symlink_to(self.outside / "secret")
        (self.path / "dangling").symlink_to(self.outside / "new")
        (self.path / "folder").mkdir()
        os.mkfifo(self.path / "fifo")
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        # By a relative path, for the names of sockets are short.
        listening.bind(os.path.relpath(self.path / "socket"))
        for leaf in ("link", "dangling", "folder", "fifo", "socket", "missing", "link/secret"):
            self.assertIsNone(open_file(self.root, leaf), leaf)


SEGMENTS = st.sampled_from(
    [b"..", b".", b"", b"...", b"a", b"\0", b".hmacfs", b"\xff", b"a\\..", b"%2e%2e", b"\xc0\xae"]
)


class ContainmentTests(TreeCase):
    """Names and the tree together."""

    @given(st.lists(SEGMENTS | octets(max_size=4), min_size=1, max_size=6).map(b"/".join))
    @example(b"../outside/secret")
    @example(b"a/../../outside/secret")
    @example(b"/etc/passwd")
    def test_below_the_root(self, path: bytes) -> None:
        """Whatever a request asks for, what has a name at all lies below the root."""
        try:
            name = StoredName.parse(path)
        except NameRefused:
            return
        with parent_of(self.root, name, create=True) as parent:
            place = Path(f"/proc/self/fd/{parent}").readlink()
        self.assertEqual(place, self.path.joinpath(*name.segments[:-1]))
        self.assertNotIn("..", name.segments)
        self.assertNotIn("/", name.leaf)
