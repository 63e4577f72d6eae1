"""Tests of hmacfs.stores.backups."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.values import StoredFile
from hmacfs.stores import backups, rows
from hmacfs.stores.database import Done, Failed, Reader, Writer
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.upgrades import create
from tests.stores.samples import stored

NOON = 1_700_000_000.0
"""14 November 2023, 22:13:20 UTC."""


class BackupsCase(SynchronousTestCase):
    """An index in a directory."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.path = self.directory / "index.sqlite"
        self.kept = self.directory / "backup"

    def add(self, *names: str) -> None:
        """Record files and close the index."""
        with closing(Writer.open(self.path, 1.0)) as writer:
            self.record(writer, *names)

    def record(self, writer: Writer, *names: str) -> None:
        """Record files."""
        outcomes = writer.perform([partial(rows.add, file=stored(name)) for name in names])
        self.assertFalse([each for each in outcomes if isinstance(each, Failed)])

    def names(self, path: Path) -> list[str]:
        """Return the names that an index knows."""
        with closing(Reader.open(path, 1.0)) as reader:
            (outcome,) = reader.perform([partial(rows.page, start="", limit=99)])
        assert isinstance(outcome, Done)
        return [str(file.name) for file in cast(list[StoredFile], outcome.value)]

    def listing(self) -> list[str]:
        """Return the names of the files beside the index, but for logs."""
        return sorted(
            each.name for each in self.directory.iterdir() if each.suffix != ".sqlite-shm"
        )


class SaveTests(BackupsCase):
    """Copying."""

    def test_in_use(self) -> None:
        """A copy has all that was committed, also what lies in the log of who writes just now."""
        target = self.directory / "copy"
        with closing(Writer.open(self.path, 1.0)) as writer:
            self.record(writer, "a")
            backups.save(self.path, target)
            self.record(writer, "b")
        self.assertEqual(self.names(target), ["a"])

    def test_mode(self) -> None:
        """Only its owner may read a copy, whatever the umask and the file it replaces."""
        self.add("a")
        target = self.directory / "copy"
        target.touch(0o644)
        self.addCleanup(os.umask, os.umask(0))
        backups.save(self.path, target)
        self.assertEqual(target.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.names(target), ["a"])

    def test_no_index(self) -> None:
        """Without an index nothing is copied, and none is made."""
        with self.assertRaisesRegex(StoreFailed, "there is no index"):
            backups.save(self.path, self.directory / "copy")
        self.assertEqual(self.listing(), [])

    def test_itself(self) -> None:
        """The index is no place for its own copy."""
        self.add("a")
        (self.directory / "link").symlink_to(self.path)
        for target in (self.path, self.directory / "link"):
            with self.assertRaisesRegex(StoreFailed, "the index itself"):
                backups.save(self.path, target)
        self.assertEqual(self.names(self.path), ["a"])

    def test_cannot_write(self) -> None:
        """A place that does not exist is said, and nothing is left."""
        self.add("a")
        with self.assertRaisesRegex(StoreFailed, "nowhere/copy cannot be opened"):
            backups.save(self.path, self.directory / "nowhere" / "copy")
        self.assertEqual(self.listing(), ["index.sqlite"])

    def test_foreign(self) -> None:
        """A database of another program is not copied as an index."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE t (x)")
        with self.assertRaisesRegex(StoreFailed, "not an index of this server"):
            backups.save(self.path, self.directory / "copy")


class KeepTests(BackupsCase):
    """Copies in a number."""

    def test_names(self) -> None:
        """A copy is named after its time, in a directory for the owner alone."""
        self.add("a")
        copy = backups.keep(self.path, self.kept, NOON, 2)
        self.assertEqual(copy, self.kept / "index-20231114T221320Z.sqlite")
        self.assertEqual(self.kept.stat().st_mode & 0o7777, 0o700)
        self.assertEqual(backups.made_at(copy), NOON)

    def test_count(self) -> None:
        """The last copies stay, the newest first; other files are left alone."""
        self.add("a")
        copies = [backups.keep(self.path, self.kept, NOON + n, 2) for n in range(4)]
        (self.kept / "mine.sqlite").touch()
        self.assertEqual(backups.kept(self.kept), [copies[3], copies[2]])
        backups.keep(self.path, self.kept, NOON + 9, 1)
        self.assertTrue((self.kept / "mine.sqlite").exists())
        self.assertEqual(len(backups.kept(self.kept)), 1)

    def test_failure_keeps_the_old(self) -> None:
        """When no copy can be made, the old ones stay."""
        self.add("a")
        copy = backups.keep(self.path, self.kept, NOON, 1)
        self.path.unlink()
        with self.assertRaises(StoreFailed):
            backups.keep(self.path, self.kept, NOON + 1, 1)
        self.assertEqual(backups.kept(self.kept), [copy])

    def test_none(self) -> None:
        """Where there is no directory there are no copies."""
        self.assertEqual(backups.kept(self.kept), [])

    def test_made_at(self) -> None:
        """A name that tells no time is older than all that do."""
        for name in ("other", "index-20239999T999999Z.sqlite"):
            self.assertEqual(backups.made_at(Path(name)), float("-inf"))


class RestoreTests(BackupsCase):
    """Putting a copy back."""

    def setUp(self) -> None:
        super().setUp()
        self.add("old")
        self.copy = self.directory / "copy"
        backups.save(self.path, self.copy)
        self.add("new")

    def test_restore(self) -> None:
        """The index is what the copy was; the one before is kept beside it, whole."""
        old = backups.restore(self.copy, self.path)
        self.assertEqual(old, self.directory / "index.sqlite.replaced-1")
        assert old is not None
        self.assertEqual((self.names(self.path), self.names(old)), (["old"], ["new", "old"]))
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o600)

    def test_again(self) -> None:
        """No kept index is replaced by another, and the copy can be used again."""
        backups.restore(self.copy, self.path)
        old = backups.restore(self.copy, self.path)
        self.assertEqual(old, self.directory / "index.sqlite.replaced-2")
        self.assertEqual(self.names(self.copy), ["old"])

    def test_log_goes_along(self) -> None:
        """The log of the old index is not taken for one of the new: it stays with the old."""
        writer = Writer.open(self.path, 1.0)
        self.addCleanup(writer.close)
        self.record(writer, "in the log")
        old = backups.restore(self.copy, self.path)
        assert old is not None
        self.assertFalse(Path(f"{self.path}-wal").exists())
        self.assertEqual(self.names(self.path), ["old"])
        self.assertIn("in the log", self.names(old))

    def test_damaged_index(self) -> None:
        """An index that cannot be opened is set aside with its log, as they are."""
        self.path.write_bytes(b"damaged")
        Path(f"{self.path}-wal").write_bytes(b"log")
        old = backups.restore(self.copy, self.path)
        self.assertEqual(self.names(self.path), ["old"])
        assert old is not None
        kept = old.read_bytes(), Path(f"{old}-wal").read_bytes()
        self.assertEqual(kept, (b"damaged", b"log"))

    def test_cut_short(self) -> None:
        """Until the copy takes its place, in the last step, the index is there with all it knew."""

        def refused(path: Path, target: Path) -> Path:
            raise OSError(5, "Input/output error")

        self.patch(Path, "replace", refused)
        with self.assertRaisesRegex(StoreFailed, "Input/output error"):
            backups.restore(self.copy, self.path)
        self.assertEqual(self.names(self.path), ["new", "old"])

    def test_log_of_the_copy(self) -> None:
        """A copy made by hand, with its log beside it, is restored with what the log has."""
        writer = Writer.open(self.path, 1.0)
        self.addCleanup(writer.close)
        self.record(writer, "in the log")
        elsewhere = self.directory / "elsewhere"
        elsewhere.mkdir()
        for part in ("", "-wal"):
            (elsewhere / f"x{part}").write_bytes(Path(f"{self.path}{part}").read_bytes())
        backups.restore(elsewhere / "x", self.path)
        self.assertIn("in the log", self.names(self.path))

    def test_no_index(self) -> None:
        """An index that is gone is put back."""
        self.path.unlink()
        self.assertIsNone(backups.restore(self.copy, self.path))
        self.assertEqual(self.names(self.path), ["old"])

    def refused(self, reason: str) -> None:
        """Check that the copy is refused, and that the index is as it was."""
        before = self.listing()
        with self.assertRaisesRegex(StoreFailed, reason):
            backups.restore(self.copy, self.path)
        self.assertEqual(self.names(self.path), ["new", "old"])
        self.assertEqual(self.listing(), before)

    def test_missing(self) -> None:
        """A copy that is not there is said."""
        self.copy.unlink()
        self.refused("there is no file")

    def test_not_sqlite(self) -> None:
        """A file that is no database is refused."""
        self.copy.write_bytes(b"no database at all" * 100)
        self.refused("is damaged, or is no copy of an index")

    def test_foreign(self) -> None:
        """A database of another program is refused."""
        self.copy.unlink()
        with closing(sqlite3.connect(self.copy)) as connection:
            connection.execute("CREATE TABLE t (x)")
        self.refused("not an index of this server")

    def test_newer(self) -> None:
        """A copy that a newer release made is refused."""
        self.copy.unlink()
        create(self.copy, [*packaged_steps(), "CREATE TABLE newer (x);"], 1.0)
        self.refused("written by a newer release")

    def test_older(self) -> None:
        """A copy that an older release made is taken, and upgraded when it is opened."""
        self.copy.unlink()
        create(self.copy, packaged_steps()[:1], 1.0)
        backups.restore(self.copy, self.path)
        self.add("again")
        self.assertEqual(self.names(self.path), ["again"])

    def test_fault_of_another(self) -> None:
        """What fails while a copy is held is not taken for a fault of the copy."""
        with self.assertRaises(BrokenPipeError), backups.copied(self.copy, self.directory):
            raise BrokenPipeError(32, "Broken pipe")
        self.assertNotIn(".new", "".join(self.listing()))

    def test_damaged(self) -> None:
        """A copy with a page that was overwritten is refused."""
        with self.copy.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096 * 3)
        self.refused("is damaged")
