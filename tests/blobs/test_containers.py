"""Tests of writing and reading containers, with the programs of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.blobs import containers
from hmacfs.blobs.containers import RESERVE, SUMS, Rooms, Stopped, names_in, read, write
from hmacfs.blobs.interfaces import StorageFailed
from tests.blobs.samples import need_container_program

NAMES = (
    "a/b/c/d/e/f/g/h/i/j/deep.txt",
    "x" * 255,
    "y" * 251 + ".jpg",
    "ü" * 120 + ".jpg",
    "dir/A.txt",
    "dir/a.txt",
    "emoji 😀 名前.png",
    "-o",
    "a=b\\c=d",
    "\\",
    "back\\/slash\\",
    "=",
    "w/\\=",
    "$(x)`y`'\"",
    ".hidden/..x",
    "semi;1",
    "é, é",
    "/".join("n" * 200 for _ in range(5)),
)


def named(name: str) -> StoredName:
    """Make a name."""
    return StoredName.parse(name.encode())


class ContainersCase(SynchronousTestCase):
    """Files, and a place for a container."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.root = self.directory / "files"
        self.target = self.directory / "a.iso"
        self.files: dict[StoredName, bytes] = {}
        self.environ = dict(os.environ)
        self.addCleanup(os.environ.update, self.environ)

    def only(self, *programs: str) -> None:
        """Let there be just these programs, besides nice."""
        place = self.directory / "bin"
        place.mkdir(parents=True)
        for program in (*programs, "nice"):
            found = shutil.which(program)
            if found is None:
                raise SkipTest(f"needs {program}")
            (place / program).symlink_to(found)
        os.environ["PATH"] = os.fspath(place)

    def store(self, *names: str) -> Mapping[StoredName, bytes]:
        """Make files, and return their digests."""
        for number, name in enumerate(names):
            content = f"content {number}".encode()
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.files[named(name)] = sha256(content).digest()
        return self.files

    def read_back(self) -> None:
        """Fail unless all files are in the container, under their names."""
        entries = read(self.target)
        self.assertEqual(names_in(self.target, entries), self.files)
        self.assertLessEqual(set(self.files.values()), {entry.sha256 for entry in entries})
        data = self.target.read_bytes()
        for entry in entries:
            piece = data[entry.start : entry.start + entry.size]
            self.assertEqual(sha256(piece).digest(), entry.sha256)


class WriteTests(ContainersCase):
    """What is written."""

    def test_names(self) -> None:
        """Every name that a file can have is kept, in whatever character set."""
        self.only("xorriso")
        files = self.store(*NAMES)
        for charset in ("utf-8", "iso-8859-1", "us-ascii"):
            write(self.root, files, self.target, charset)
            self.read_back()
            self.target.unlink()

    def test_charset(self) -> None:
        """The names for other systems are in the character set that was asked for."""
        self.only("xorriso")
        files = self.store("grün.txt")
        for charset in ("utf-8", "iso-8859-1", "cp437"):
            write(self.root, files, self.target, charset)
            paths = {entry.path for entry in read(self.target)}
            self.assertEqual(paths, {"grün.txt".encode(charset).decode("latin-1"), SUMS})
            self.target.unlink()
        with self.assertRaisesRegex(StorageFailed, "nonsense"):
            write(self.root, files, self.target, "nonsense")
        self.assertFalse(self.target.exists())

    def test_genisoimage(self) -> None:
        """Where there is no xorriso genisoimage will do, but for some names and character sets."""
        self.only("genisoimage")
        program = containers.Program.found()
        self.store(*(name for name in NAMES if program.takes(named(name))))
        self.assertEqual(len(self.files), len(NAMES) - 4)
        write(self.root, self.files, self.target, "UTF-8")
        self.read_back()
        with self.assertRaisesRegex(StorageFailed, "xorriso"):
            write(self.root, self.files, self.target, "iso-8859-1")

    def test_no_program(self) -> None:
        """Without a program that writes containers there is a sentence that says so."""
        self.only()
        with self.assertRaisesRegex(StorageFailed, "install"):
            write(self.root, self.store("a"), self.target, "utf-8")

    def test_vanished(self) -> None:
        """A file that is gone when it is its turn leaves no container."""
        need_container_program()
        self.store("a", "b")
        (self.root / "b").unlink()
        with self.assertRaisesRegex(StorageFailed, "failed with exit code"):
            write(self.root, self.files, self.target, "utf-8")
        self.assertFalse(self.target.exists())

    def test_stopped(self) -> None:
        """A program that is still writing when nobody wants the container any more is killed."""
        place = self.directory / "bin"
        place.mkdir(parents=True)
        slow = place / "xorriso"
        slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="ascii")
        slow.chmod(0o700)
        os.environ["PATH"] = f"{place}:{os.environ['PATH']}"
        began = time.monotonic()
        answers = iter([True, True, False])
        with self.assertRaises(Stopped):
            write(self.root, self.store("a"), self.target, "utf-8", lambda: next(answers))
        self.assertLess(time.monotonic() - began, 20)
        self.assertFalse(self.target.exists())

    def test_sums(self) -> None:
        """sha256sum compares what other programs take out of a container."""
        self.only("xorriso", "sha256sum", "chmod")
        write(self.root, self.store(*NAMES), self.target, "utf-8")
        out = self.directory / "out"
        image = os.fspath(self.target)
        take = ["xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", os.fspath(out)]
        subprocess.run(take, check=True, capture_output=True)
        subprocess.run(["chmod", "-R", "u+rwX", out], check=True)
        check = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
        done = subprocess.run(check, cwd=out, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)


class RoomsTests(ContainersCase):
    """How much fits into a container is known before."""

    def test_no_larger(self) -> None:
        """Files that have room in a container make none that is larger."""
        need_container_program()
        shapes = (
            [f"{number:064}/{'ü' * 100}" for number in range(150)],
            [f"{'d' * 200}/{'e' * 200}/{number:0200}" for number in range(300)],
            [f"{number}/{number}/{number}/{number}/{number}" for number in range(60)],
        )
        for number, names in enumerate(shapes):
            self.files.clear()
            self.root = self.directory / f"files-{number}"
            size = 1024**2
            rooms = Rooms(size)
            taken = [name for name in names if rooms.take(named(name), len(f"content {number}"))]
            self.assertLess(1, len(taken))
            write(self.root, self.store(*taken), self.target, "utf-8")
            self.assertLessEqual(self.target.stat().st_size, size)
            self.target.unlink()

    def test_full(self) -> None:
        """What has no room takes none."""
        rooms = Rooms(RESERVE + 100_000)
        self.assertFalse(rooms.take(named("a/b"), 100_000))
        self.assertTrue(rooms.take(named("a/b"), 80_000))
        self.assertFalse(rooms.take(named("a/c"), 20_000))


class ReadTests(ContainersCase):
    """What is read."""

    def test_not_one(self) -> None:
        """What is no container, or only the beginning of one, is told."""
        need_container_program()
        self.directory.mkdir()
        write(self.root, self.store("a", "b"), self.target, "utf-8")
        data = self.target.read_bytes()
        for content in (b"", b"x" * 100_000, data[:40_000], data[:32_800]):
            self.target.write_bytes(content)
            with self.assertRaises(StorageFailed):
                read(self.target)
        with self.assertRaises(StorageFailed):
            read(self.directory / "missing")
