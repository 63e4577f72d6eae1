"""Tests of how the file of the index is made, recognised and upgraded."""

from __future__ import annotations

# Not by name: trial takes a `suppress` of the module for its own.
import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores import upgrades
from hmacfs.stores.connections import connect
from hmacfs.stores.interfaces import StoreFailed
from tests.stores.disks import locked, small_disk

FIRST = "-- The first.\nCREATE TABLE things (value);\nINSERT INTO things VALUES ('kept; -- so');\n"
SECOND = """
-- Two statements, one of them with an end of its own; and words behind it.
ALTER TABLE things ADD COLUMN colour DEFAULT 'blue';
CREATE TRIGGER paint AFTER INSERT ON things BEGIN
    UPDATE things SET colour = 'red' WHERE rowid = NEW.rowid;
END;
-- The end.
"""
BROKEN = "ALTER TABLE things ADD COLUMN shape;\nINSERT INTO no_table VALUES (1);\n"


class UpgradesCase(SynchronousTestCase):
    """A directory with the file of an index in it."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)
        self.path = self.directory / "index.sqlite"

    def create(self, *steps: str) -> None:
        """Make the file."""
        upgrades.create(self.path, steps, 0.0)

    def upgrade(self, *steps: str) -> None:
        """Upgrade the file."""
        with closing(connect(self.path, 0.0)) as connection:
            upgrades.upgrade(connection, self.path, steps, 0.0)

    def ask(self, query: str, path: Path | None = None) -> list[tuple[object, ...]]:
        """Return what a query of the file tells."""
        with closing(sqlite3.connect(path or self.path)) as connection:
            return connection.execute(query).fetchall()

    def names(self) -> list[str]:
        """Return what is in the directory."""
        return sorted(path.name for path in self.directory.iterdir())


class CreateTests(UpgradesCase):
    """A file that is not there."""

    def test_create(self) -> None:
        """The file has taken all steps, is marked as ours, and keeps a log."""
        self.create(FIRST, SECOND)
        self.assertEqual(self.ask("PRAGMA user_version"), [(2,)])
        self.assertEqual(self.ask("PRAGMA application_id"), [(upgrades.APPLICATION_ID,)])
        self.assertEqual(self.ask("PRAGMA journal_mode"), [("wal",)])
        self.assertEqual(self.ask("SELECT * FROM things"), [("kept; -- so", "blue")])

    def test_told(self) -> None:
        """The log tells of a new index, since files may be there that it does not know."""
        with capturedLogs() as told:
            self.create(FIRST)
            self.create(FIRST)
        self.assertEqual([formatEvent(event) for event in told], [f"made the index {self.path}"])

    def test_alone(self) -> None:
        """Nothing else is left beside the file."""
        self.create(FIRST)
        self.assertEqual(self.names(), ["index.sqlite"])

    def test_private(self) -> None:
        """Only the server's user may read it."""
        self.create(FIRST)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_all_or_nothing(self) -> None:
        """When a step fails there is no file."""
        self.assertRaises(sqlite3.OperationalError, self.create, FIRST, BROKEN)
        self.assertEqual(self.names(), [])

    def test_open_end(self) -> None:
        """The last statement of a step counts, with a semicolon or without."""
        self.create("CREATE TABLE one (value);\nCREATE TABLE two (value)")
        self.assertEqual(self.ask("SELECT * FROM two"), [])

    def test_first_wins(self) -> None:
        """A file that another process has made meanwhile stays as it is."""
        self.create(FIRST)
        self.create(FIRST, SECOND)
        self.assertEqual(self.ask("PRAGMA user_version"), [(1,)])
        self.assertEqual(self.names(), ["index.sqlite"])

    def test_left_log(self) -> None:
        """A log without its file is never taken for that of a new one."""
        log = self.directory / "index.sqlite-wal"
        log.write_bytes(b"what was committed last")
        error = self.assertRaises(StoreFailed, self.create, FIRST)
        self.assertIn(str(log), str(error))
        self.assertEqual(log.read_bytes(), b"what was committed last")
        self.assertEqual(self.names(), ["index.sqlite-wal"])


class RecogniseTests(UpgradesCase):
    """Whose file it is."""

    def recognise(self, latest: int) -> int:
        """Return the version of the file."""
        with closing(sqlite3.connect(self.path)) as connection:
            return upgrades.recognise(connection, self.path, latest)

    def test_version(self) -> None:
        """A file of this or of an older release tells its version."""
        self.create(FIRST, SECOND)
        self.assertEqual(self.recognise(2), 2)
        self.assertEqual(self.recognise(3), 2)

    def test_newer(self) -> None:
        """A file of a newer release is refused, and the ways out are told."""
        self.create(FIRST, SECOND)
        error = self.assertRaises(StoreFailed, self.recognise, 1)
        self.assertIn("newer release (schema 2, this one knows 1)", str(error))
        self.assertIn("backup", str(error))

    def test_foreign(self) -> None:
        """The file of another program is refused, with a version or without."""
        self.ask("CREATE TABLE theirs (value)")
        for version in (0, 1):
            self.ask(f"PRAGMA user_version = {version}")
            error = self.assertRaises(StoreFailed, self.recognise, 1)
            self.assertIn("not an index of this server", str(error))

    def test_empty(self) -> None:
        """An empty file is not taken for an index."""
        self.path.touch()
        self.assertRaises(StoreFailed, self.recognise, 1)


class UseWriteAheadLogTests(UpgradesCase):
    """The log."""

    def test_impossible(self) -> None:
        """Where there can be no log, as here in memory, the index is refused."""
        with closing(sqlite3.connect(":memory:")) as connection:
            error = self.assertRaises(
                StoreFailed, upgrades.use_write_ahead_log, connection, self.path
            )
        self.assertIn("local file system", str(error))


class UpgradeTests(UpgradesCase):
    """A file of an older release."""

    def setUp(self) -> None:
        super().setUp()
        self.create(FIRST)

    def test_upgrade(self) -> None:
        """The steps that the file lacks are taken, and what it has is kept."""
        self.upgrade(FIRST, SECOND, "CREATE TABLE more (value);")
        self.assertEqual(self.ask("PRAGMA user_version"), [(3,)])
        self.assertEqual(self.ask("SELECT * FROM things"), [("kept; -- so", "blue")])
        self.assertEqual(self.ask("SELECT * FROM more"), [])

    def test_backup(self) -> None:
        """The file as it was is kept beside it, whole and private."""
        self.upgrade(FIRST, SECOND)
        self.assertEqual(self.names(), ["index.sqlite", "index.sqlite.version-1"])
        backup = self.directory / "index.sqlite.version-1"
        self.assertEqual(self.ask("PRAGMA user_version", backup), [(1,)])
        self.assertEqual(self.ask("PRAGMA application_id", backup), [(upgrades.APPLICATION_ID,)])
        self.assertEqual(self.ask("PRAGMA integrity_check", backup), [("ok",)])
        self.assertEqual(self.ask("SELECT * FROM things", backup), [("kept; -- so",)])
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)

    def test_told(self) -> None:
        """The log tells of an upgrade once it is done, and where the backup is."""
        with capturedLogs() as told:
            self.assertRaises(sqlite3.OperationalError, self.upgrade, FIRST, BROKEN)
            self.upgrade(FIRST, SECOND)
            self.upgrade(FIRST, SECOND)
        (event,) = told
        self.assertIn("to schema 2", str(formatEvent(event)))
        self.assertIn(f"{self.path}.version-1", str(formatEvent(event)))

    def test_backup_has_the_log(self) -> None:
        """What is only in the log yet is in the backup too."""
        with closing(connect(self.path, 0.0)) as other:
            other.execute("INSERT INTO things VALUES ('in the log')")
            self.upgrade(FIRST, SECOND)
        backup = self.directory / "index.sqlite.version-1"
        self.assertEqual(self.ask("SELECT count(*) FROM things", backup), [(2,)])

    def test_up_to_date(self) -> None:
        """A file that lacks no step is left alone, and no backup is made."""
        before = self.path.read_bytes()
        self.upgrade(FIRST)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(self.names(), ["index.sqlite"])

    def test_twice(self) -> None:
        """Of two processes that upgrade one after the other, the second finds nothing to do."""
        self.upgrade(FIRST, SECOND)
        backup = self.directory / "index.sqlite.version-1"
        made = backup.stat().st_ino
        self.upgrade(FIRST, SECOND)
        self.assertEqual(backup.stat().st_ino, made)
        self.assertEqual(self.ask("PRAGMA user_version"), [(2,)])

    def test_one_at_a_time(self) -> None:
        """While another process writes, or upgrades, nothing is done."""
        with locked(self.path):
            self.assertRaises(sqlite3.OperationalError, self.upgrade, FIRST, SECOND)
        self.assertEqual(self.names(), ["index.sqlite"])
        self.assertEqual(self.ask("PRAGMA user_version"), [(1,)])

    def test_all_or_nothing(self) -> None:
        """When a step fails none is taken, and the file is as it was."""
        self.assertRaises(sqlite3.OperationalError, self.upgrade, FIRST, SECOND, BROKEN)
        self.assertEqual(self.ask("PRAGMA user_version"), [(1,)])
        self.assertEqual(self.ask("SELECT * FROM things"), [("kept; -- so",)])

    def test_no_backup_no_upgrade(self) -> None:
        """A file of which no backup can be made is not upgraded."""
        (self.directory / "index.sqlite.version-1").mkdir()
        self.assertRaises(IsADirectoryError, self.upgrade, FIRST, SECOND)
        self.assertEqual(self.ask("PRAGMA user_version"), [(1,)])
        self.assertEqual(self.names(), ["index.sqlite", "index.sqlite.version-1"])

    def test_newer(self) -> None:
        """A file that another process has taken beyond this release is refused."""
        self.upgrade(FIRST, SECOND)
        self.assertRaises(StoreFailed, self.upgrade, FIRST)


class BackUpTests(UpgradesCase):
    """A copy of a file in use."""

    def test_replaces(self) -> None:
        """An older copy is replaced by the new one."""
        self.create(FIRST)
        target = self.directory / "copy"
        target.write_bytes(b"an older copy")
        upgrades.back_up(self.path, target, 0.0)
        self.assertEqual(self.ask("SELECT * FROM things", target), [("kept; -- so",)])
        self.assertEqual(self.names(), ["copy", "index.sqlite"])

    def test_last_commit(self) -> None:
        """The copy is that of the last commit, while somebody writes."""
        self.create(FIRST)
        target = self.directory / "copy"
        with closing(connect(self.path, 0.0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM things")
            upgrades.back_up(self.path, target, 0.0)
        self.assertEqual(self.ask("SELECT * FROM things", target), [("kept; -- so",)])

    def test_full_disk(self) -> None:
        """A copy is made whole or not at all, however little room there is."""
        self.create(FIRST)
        with closing(connect(self.path, 0.0)) as connection:
            connection.execute("INSERT INTO things VALUES (?)", ("x" * 20_000,))
        made = []
        for pages in range(1, 20):
            target = small_disk(self, pages << 12) / "copy"
            with contextlib.suppress(OSError, sqlite3.OperationalError):
                upgrades.back_up(self.path, target, 0.0)
            if target.exists():
                made.append(pages)
                # Read where there is room for what SQLite puts beside it.
                copied = self.directory / f"copy-{pages}"
                copied.write_bytes(target.read_bytes())
                self.assertEqual(self.ask("SELECT count(*) FROM things", copied), [(2,)])
            else:
                self.assertEqual(list(target.parent.iterdir()), [])
        self.assertGreater(len(made), 1)
        self.assertLess(len(made), 18)

    def test_failure(self) -> None:
        """When it fails the older copy stays, and nothing else is left."""
        target = self.directory / "copy"
        target.write_bytes(b"an older copy")
        with self.assertRaises(sqlite3.OperationalError):
            upgrades.back_up(self.path, target, 0.0)
        self.assertEqual(target.read_bytes(), b"an older copy")
        self.assertEqual(self.names(), ["copy"])
