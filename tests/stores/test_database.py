"""Tests of reading and writing the file of the index."""

from __future__ import annotations

# Not by name: trial takes a `suppress` of the module for its own.
import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores import rows
from hmacfs.stores.connections import connect
from hmacfs.stores.database import Done, Failed, Outcome, Reader, Writer, is_older
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.statements import Connection
from hmacfs.stores.upgrades import create
from tests.stores.disks import (
    commits,
    fill,
    locked,
    make_read_only,
    place_to_freeze,
    small_disk,
)
from tests.stores.samples import LARGEST, stored


def ask(query: str, connection: Connection) -> object:
    """Be a work that runs a query."""
    return connection.execute(query).fetchall()


def mistake(_: Connection) -> None:
    """Be a work with a fault."""
    raise KeyError("of ours")


class DatabaseCase(SynchronousTestCase):
    """A directory for the file of an index."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)
        self.path = self.directory / "index.sqlite"

    def writer(self) -> Writer:
        """Open the file to write."""
        writer = Writer.open(self.path, 0.0)
        self.addCleanup(writer.close)
        return writer

    def reader(self) -> Reader:
        """Open the file to read."""
        reader = Reader.open(self.path, 0.0)
        self.addCleanup(reader.close)
        return reader

    def add(self, writer: Writer, *names: str) -> list[Outcome]:
        """Record files of these names together."""
        return writer.perform([partial(rows.add, file=stored(name)) for name in names])

    def names(self) -> list[str]:
        """Return the names of the files that others see."""
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT name FROM files ORDER BY name").fetchall()
        return [name for (name,) in found]

    def failures(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Fail unless all have failed as the store does; return their messages."""
        messages = []
        for outcome in outcomes:
            assert isinstance(outcome, Failed)
            self.assertIsInstance(outcome.error, StoreFailed)
            messages.append(str(outcome.error))
        return messages


class WriterOpenTests(DatabaseCase):
    """What a file must be to be written."""

    def refused(self, path: Path) -> str:
        """Fail unless the file is refused; return the sentence."""
        error = self.assertRaises(StoreFailed, Writer.open, path, 0.0)
        self.assertIn(str(path), str(error))
        return str(error)

    def test_new(self) -> None:
        """A file that is not there is made by the steps of this release."""
        writer = self.writer()
        version = len(packaged_steps())
        self.assertEqual(
            writer.perform([partial(ask, "PRAGMA user_version")]), [Done([(version,)])]
        )

    def test_synced(self) -> None:
        """The log is synced with every commit, unless the administrator does without."""
        for synced, level in ((True, 2), (False, 1)):
            with closing(Writer.open(self.path, 0.0, synced=synced)) as writer:
                self.assertEqual(
                    writer.perform([partial(ask, "PRAGMA synchronous")]), [Done([(level,)])]
                )

    def test_older(self) -> None:
        """A file of an older release is upgraded, after a backup, and can be written."""
        with closing(Writer.open(self.path, 0.0)) as writer:
            self.add(writer, "kept")
        steps = [*packaged_steps(), "ALTER TABLE files ADD COLUMN colour DEFAULT 'blue';"]
        with closing(Writer.open(self.path, 0.0, steps)) as writer:
            self.assertEqual(
                writer.perform([partial(ask, "SELECT name, colour FROM files")]),
                [Done([("kept", "blue")])],
            )
            self.assertEqual(self.add(writer, "new"), [Done(None)])
        version = len(packaged_steps())
        self.assertTrue((self.directory / f"index.sqlite.version-{version}").exists())

    def test_is_older(self) -> None:
        """A file that would be upgraded is told from one that would not, and stays as it is."""
        create(self.path, packaged_steps()[:-1], 0.0)
        for _ in range(2):
            self.assertTrue(is_older(self.path, 0.0))
        Writer.open(self.path, 0.0).close()
        self.assertFalse(is_older(self.path, 0.0))
        self.path.write_bytes(b"no database at all" * 99)
        with self.assertRaisesRegex(StoreFailed, "is no database"):
            is_older(self.path, 0.0)

    def test_newer(self) -> None:
        """A file of a newer release is refused and left as it is."""
        Writer.open(self.path, 0.0).close()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA user_version = 99")
        before = self.path.read_bytes()
        self.assertIn("newer release (schema 99", self.refused(self.path))
        self.assertEqual(self.path.read_bytes(), before)

    def test_foreign(self) -> None:
        """The file of another program is refused and left as it is."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE theirs (value)")
        before = self.path.read_bytes()
        self.assertIn("not an index of this server", self.refused(self.path))
        self.assertEqual(self.path.read_bytes(), before)

    def test_no_database(self) -> None:
        """A file that SQLite cannot read is refused; the sentence says how to go on."""
        self.path.write_bytes(b"\xff" * 8192)
        sentence = self.refused(self.path)
        self.assertIn("damaged", sentence)
        self.assertIn("hmac-file-server reindex", sentence)

    def test_damaged_schema(self) -> None:
        """A file whose first page is damaged is refused."""
        Writer.open(self.path, 0.0).close()
        with self.path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 2000)
        self.assertIn("damaged", self.refused(self.path))

    def test_cut(self) -> None:
        """A file that was cut is refused, or its reading fails; it is never taken for empty."""
        with closing(Writer.open(self.path, 0.0)) as writer:
            self.add(writer, *(f"file-{n}" for n in range(200)))
        with self.path.open("r+b") as file:
            file.truncate(4096)
        self.assertIn("damaged", self.refused(self.path))

    def test_missing_directory(self) -> None:
        """A file cannot be made in a directory that is not there."""
        self.assertIn("directory must exist", self.refused(self.directory / "no" / "index"))

    def test_directory(self) -> None:
        """A directory is not a file."""
        self.assertIn("write access", self.refused(self.directory))

    def test_left_log(self) -> None:
        """The log of a file that was moved away is told about."""
        (self.directory / "index.sqlite-wal").write_bytes(b"left")
        self.assertIn("index.sqlite-wal", self.refused(self.path))

    def test_locked(self) -> None:
        """A file that another program holds for too long is refused for now."""
        Writer.open(self.path, 0.0).close()
        with locked(self.path):
            self.assertIn("stays locked", self.refused(self.path))
        self.writer()

    def test_read_only(self) -> None:
        """A file that cannot be written is refused when it is opened, not at the first upload."""
        directory = place_to_freeze(self)
        path = directory / "index.sqlite"
        Writer.open(path, 0.0).close()
        make_read_only(self, directory)
        self.assertIn("write access", self.refused(path))

    def test_read_only_directory(self) -> None:
        """A file cannot be made where nothing can be written."""
        directory = place_to_freeze(self)
        make_read_only(self, directory)
        self.assertIn("write access", self.refused(directory / "index.sqlite"))

    def test_full_disk(self) -> None:
        """A file is made whole or not at all, however little room there is."""
        made = []
        for pages in range(1, 40):
            path = small_disk(self, pages << 12) / "index.sqlite"
            with contextlib.suppress(StoreFull):
                Writer.open(path, 0.0).close()
            if path.exists():
                made.append(pages)
                with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:
                    self.assertEqual(file.execute("SELECT * FROM files").fetchall(), [])
                    self.assertEqual(file.execute("SELECT * FROM tombstones").fetchall(), [])
            else:
                self.assertEqual(list(path.parent.iterdir()), [])
        self.assertGreater(len(made), 1)
        self.assertLess(len(made), 38)


class WriterTests(DatabaseCase):
    """What is written together."""

    def test_durable(self) -> None:
        """Each commit is synced to the log before it returns."""
        writer = self.writer()
        outcomes = writer.perform(
            [partial(ask, "PRAGMA synchronous"), partial(ask, "PRAGMA journal_mode")]
        )
        self.assertEqual(outcomes, [Done([(2,)]), Done([("wal",)])])

    def test_one_commit(self) -> None:
        """All works are one transaction, so the disk is waited for once."""
        writer = self.writer()
        before = commits(self.path)
        outcomes = self.add(writer, *(f"file-{n:03}" for n in range(100)))
        self.assertEqual(outcomes, [Done(None)] * 100)
        self.assertEqual(commits(self.path) - before, 1)
        self.assertEqual(self.names(), [f"file-{n:03}" for n in range(100)])

    def test_values(self) -> None:
        """Each work's result is told."""
        writer = self.writer()
        outcomes = writer.perform([lambda _: 1, lambda _: None, lambda _: "three"])
        self.assertEqual(outcomes, [Done(1), Done(None), Done("three")])

    def test_one_fails(self) -> None:
        """A work that fails is undone, and only that."""
        writer = self.writer()

        def half(connection: Connection) -> None:
            rows.add(connection, stored("half done"))
            rows.add(connection, stored("too large", size=LARGEST + 1))

        first, second, third = writer.perform(
            [partial(rows.add, file=stored("a")), half, partial(rows.add, file=stored("c"))]
        )
        self.assertEqual((first, third), (Done(None), Done(None)))
        self.failures([second])
        self.assertEqual(self.names(), ["a", "c"])

    def test_refused_value(self) -> None:
        """A value that breaks a rule of the table is told as a failure of the store."""
        writer = self.writer()
        self.failures(writer.perform([partial(rows.add, file=stored(uploaded_at=float("nan")))]))

    def test_fault(self) -> None:
        """A fault of the program is told as it is, and undone like any failure."""
        writer = self.writer()

        def faulty(connection: Connection) -> None:
            rows.add(connection, stored("faulty"))
            raise KeyError("of ours")

        first, second = writer.perform([partial(rows.add, file=stored("a")), faulty])
        self.assertEqual(first, Done(None))
        assert isinstance(second, Failed)
        self.assertIsInstance(second.error, KeyError)
        self.assertEqual(self.names(), ["a"])

    def test_commit_fails(self) -> None:
        """When the commit fails all have failed, each with an error of its own."""
        self.writer()
        connection = connect(self.path, 0.0)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(
            "CREATE TABLE links (name REFERENCES files (name) DEFERRABLE INITIALLY DEFERRED)"
        )
        writer = Writer(self.path, connection)
        self.addCleanup(writer.close)
        dangling = partial(ask, "INSERT INTO links VALUES ('nowhere')")
        outcomes = writer.perform([partial(rows.add, file=stored("a")), dangling])
        self.failures(outcomes)
        first, second = outcomes
        assert isinstance(first, Failed)
        assert isinstance(second, Failed)
        self.assertIsNot(first.error, second.error)
        self.assertEqual(self.names(), [])
        self.assertEqual(self.add(writer, "b"), [Done(None)])
        self.assertEqual(self.names(), ["b"])

    def test_rolled_back(self) -> None:
        """When SQLite undoes the transaction in the middle, no work of it is said to be done."""
        writer = self.writer()
        self.add(writer, "taken")
        undo = partial(ask, "INSERT OR ROLLBACK INTO tombstones VALUES (NULL, 1, 'deleted')")
        outcomes = writer.perform(
            [partial(rows.add, file=stored("a")), undo, partial(rows.add, file=stored("c"))]
        )
        self.assertEqual(len(self.failures(outcomes)), 3)
        self.assertEqual(self.names(), ["taken"])
        self.assertEqual(self.add(writer, "d"), [Done(None)])

    def test_locked(self) -> None:
        """What another process keeps us from writing has failed, and can be tried again."""
        writer = self.writer()
        with locked(self.path):
            for message in self.failures(self.add(writer, "a", "b")):
                self.assertIn("stays locked", message)
        self.assertEqual(self.add(writer, "a", "b"), [Done(None)] * 2)

    def test_full(self) -> None:
        """When the file may not grow the works fail; what it has stays, and room helps."""
        writer = self.writer()
        self.add(writer, "first")
        writer.perform([partial(ask, "PRAGMA max_page_count = 1")])
        big = partial(rows.add, file=stored("big", content_type="x" * 100_000))
        (outcome,) = writer.perform([big])
        assert isinstance(outcome, Failed)
        self.assertIsInstance(outcome.error, StoreFull)
        self.assertEqual(self.names(), ["first"])
        writer.perform([partial(ask, "PRAGMA max_page_count = 10000")])
        self.assertEqual(writer.perform([big]), [Done(None)])

    def test_full_disk(self) -> None:
        """When the disk is full the works fail; what is stored stays, and room helps."""
        self.path = small_disk(self, 256 << 10) / "index.sqlite"
        writer = self.writer()
        self.add(writer, "first")
        ballast = self.path.with_name("ballast")
        fill(ballast)
        big = partial(rows.add, file=stored("big", content_type="x" * 50_000))
        for outcome in writer.perform([big, partial(rows.add, file=stored("b"))]):
            assert isinstance(outcome, Failed)
            self.assertIsInstance(outcome.error, StoreFull)
        self.assertEqual(self.names(), ["first"])
        ballast.unlink()
        self.assertEqual(writer.perform([big]), [Done(None)])
        self.assertEqual(self.names(), ["big", "first"])

    def test_damaged(self) -> None:
        """Damage that is met later is told with the way out."""
        with closing(Writer.open(self.path, 0.0)) as writer:
            self.add(writer, *(f"file-{n}" for n in range(200)))
        with self.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (self.path.stat().st_size - 4096))
        writer = self.writer()
        (message,) = self.failures(self.add(writer, "file-7"))
        self.assertIn("hmac-file-server reindex", message)

    def test_close(self) -> None:
        """Closing moves the log into the file, which then stands alone."""
        writer = Writer.open(self.path, 0.0)
        self.add(writer, "a")
        self.assertGreater(commits(self.path), 0)
        writer.close()
        self.assertEqual([path.name for path in self.directory.iterdir()], ["index.sqlite"])
        self.assertEqual(self.names(), ["a"])

    def test_close_beside_others(self) -> None:
        """The log is emptied even when others have the file open."""
        writer = Writer.open(self.path, 0.0)
        self.reader()
        self.add(writer, "a")
        writer.close()
        self.assertEqual(commits(self.path), 0)

    def test_close_while_read(self) -> None:
        """When others read an older state the log stays, nothing is lost, and closing succeeds."""
        writer = Writer.open(self.path, 0.0)
        with closing(connect(self.path, 0.0)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM files").fetchall()
            self.add(writer, "a")
            writer.close()
            other.execute("COMMIT")
        self.assertEqual(self.names(), ["a"])

    def test_close_full_disk(self) -> None:
        """On a full disk closing succeeds, and what is in the log is found with room again."""
        self.path = small_disk(self, 512 << 10) / "index.sqlite"
        writer = Writer.open(self.path, 0.0)
        big = stored("big", content_type="x" * 100_000)
        self.assertEqual(writer.perform([partial(rows.add, file=big)]), [Done(None)])
        ballast = self.path.with_name("ballast")
        fill(ballast)
        writer.close()
        self.assertGreater(commits(self.path), 0)
        ballast.unlink()
        outcomes = self.writer().perform([partial(rows.find, name=big.name)])
        self.assertEqual(outcomes, [Done(big)])


class ReaderTests(DatabaseCase):
    """What is read."""

    def setUp(self) -> None:
        super().setUp()
        self.write = self.writer()

    def find(self, reader: Reader, *names: str) -> list[Outcome]:
        """Look up files."""
        return reader.perform([partial(rows.find, name=stored(name).name) for name in names])

    def test_sees_commits(self) -> None:
        """A read sees what was committed before it, by whatever connection."""
        reader = self.reader()
        self.assertEqual(self.find(reader, "a"), [Done(None)])
        self.add(self.write, "a")
        self.assertEqual(self.find(reader, "a", "b"), [Done(stored("a")), Done(None)])

    def test_reads_beside_a_writer(self) -> None:
        """A read never waits for somebody who writes."""
        self.add(self.write, "a")
        reader = self.reader()
        with locked(self.path):
            self.assertEqual(self.find(reader, "a"), [Done(stored("a"))])

    def test_only_reads(self) -> None:
        """A reader cannot write."""
        reader = self.reader()
        (message,) = self.failures(reader.perform([partial(rows.add, file=stored("a"))]))
        self.assertIn("write", message)
        self.assertEqual(self.names(), [])

    def test_one_fails(self) -> None:
        """A read that fails leaves the others alone; a fault of the program is told as it is."""
        reader = self.reader()
        first, second, third = reader.perform(
            [partial(ask, "SELECT * FROM no_table"), mistake, lambda _: 3]
        )
        self.failures([first])
        assert isinstance(second, Failed)
        self.assertIsInstance(second.error, KeyError)
        self.assertEqual(third, Done(3))

    def test_missing(self) -> None:
        """A file that is not there is refused, and not made."""
        other = self.directory / "other.sqlite"
        self.assertRaises(StoreFailed, Reader.open, other, 0.0)
        self.assertFalse(other.exists())

    def test_no_database(self) -> None:
        """A file that SQLite cannot read is refused."""
        other = self.directory / "other.sqlite"
        other.write_bytes(b"\xff" * 8192)
        error = self.assertRaises(StoreFailed, Reader.open, other, 0.0)
        self.assertIn("damaged", str(error))

    def test_close(self) -> None:
        """A reader that is closed reads no more."""
        reader = Reader.open(self.path, 0.0)
        reader.close()
        self.failures(self.find(reader, "a"))
