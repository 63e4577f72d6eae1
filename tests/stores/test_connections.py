"""Tests of the connections to a file of SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.connections import connect, transaction
from tests.stores.disks import locked


class ConnectTests(SynchronousTestCase):
    """Opening a file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_missing(self) -> None:
        """A file that is not there is an error, and is not made."""
        self.assertRaises(sqlite3.OperationalError, connect, self.path, 1.0)
        self.assertFalse(self.path.exists())

    def test_no_database(self) -> None:
        """A file of something else is an error."""
        self.path.write_bytes(b"This is no database of SQLite at all. " * 100)
        self.assertRaises(sqlite3.DatabaseError, connect, self.path, 1.0)

    def test_any_path(self) -> None:
        """The signs that mean something in a URI mean nothing in a path."""
        path = Path(self.mktemp(), "what? 100%41 #1 é&mode=ro")
        path.parent.mkdir(parents=True)
        path.touch()
        with closing(connect(path, 1.0)) as connection:
            connection.execute("CREATE TABLE something (value)")
        self.assertEqual([path], list(path.parent.iterdir()))
        self.assertGreater(path.stat().st_size, 0)

    def test_durable(self) -> None:
        """Every commit is synced: ``synchronous`` is FULL, which is 2."""
        self.path.touch()
        with closing(connect(self.path, 1.0)) as connection:
            self.assertEqual(connection.execute("PRAGMA synchronous").fetchall(), [(2,)])

    def test_busy_timeout(self) -> None:
        """A lock that another process holds is waited for as long as was said."""
        self.path.touch()
        with closing(connect(self.path, 1.5)) as connection:
            self.assertEqual(connection.execute("PRAGMA busy_timeout").fetchall(), [(1500,)])


class TransactionTests(SynchronousTestCase):
    """What is done together."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.path.touch()
        self.connection = connect(self.path, 0.0)
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE things (value UNIQUE)")

    def put(self, *values: int) -> None:
        """Insert values."""
        self.connection.executemany("INSERT INTO things VALUES (?)", [(v,) for v in values])

    def things(self) -> list[tuple[int]]:
        """Return what others see."""
        with closing(connect(self.path, 0.0)) as other:
            return other.execute("SELECT value FROM things ORDER BY value").fetchall()

    def test_commit(self) -> None:
        """What was done inside is there for others afterwards."""
        with transaction(self.connection):
            self.put(1, 2)
        self.assertEqual(self.things(), [(1,), (2,)])
        self.assertFalse(self.connection.in_transaction)

    def test_error(self) -> None:
        """An error inside undoes everything, and is raised."""
        with self.assertRaises(ZeroDivisionError), transaction(self.connection):
            self.put(1)
            raise ZeroDivisionError
        self.assertEqual(self.things(), [])
        self.assertFalse(self.connection.in_transaction)

    def test_commit_fails(self) -> None:
        """When the commit fails everything is undone, and the next transaction can begin."""
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute(
            "CREATE TABLE links (value REFERENCES things (value) DEFERRABLE INITIALLY DEFERRED)"
        )
        with self.assertRaises(sqlite3.IntegrityError), transaction(self.connection):
            self.put(1)
            self.connection.execute("INSERT INTO links VALUES (7)")
        with transaction(self.connection):
            self.put(2)
        self.assertEqual(self.things(), [(2,)])

    def test_rolled_back_already(self) -> None:
        """When SQLite itself has undone everything, its error is raised and no other."""
        self.put(1)
        with self.assertRaises(sqlite3.IntegrityError), transaction(self.connection):
            self.put(2)
            self.connection.execute("INSERT OR ROLLBACK INTO things VALUES (1)")
        self.assertEqual(self.things(), [(1,)])

    def test_lock(self) -> None:
        """The write lock is taken before anything is read, or nothing is done."""
        entered = []
        with (
            locked(self.path),
            self.assertRaises(sqlite3.OperationalError),
            transaction(self.connection),
        ):
            entered.append(True)
        self.assertEqual(entered, [])
