"""Tests of the statements of the index; what they do together, the suite of all indexes tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.stores import rows
from hmacfs.stores.interfaces import BEGINNING
from hmacfs.stores.scripts import packaged_steps
from tests.stores.samples import LARGEST, buried, stored


class RowsTests(SynchronousTestCase):
    """The statements, with a database in memory."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        for step in packaged_steps():
            self.connection.executescript(step)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        ((number,),) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608 - of our own
        return int(number)

    def test_one_row_a_name(self) -> None:
        """A name has one row, in one of the tables, however often it changes."""
        for size in range(3):
            rows.add(self.connection, stored(size=size))
            self.assertEqual((self.count("files"), self.count("tombstones")), (1, 0))
        for time in range(3):
            rows.bury(self.connection, buried(at=float(time)))
            self.assertEqual((self.count("files"), self.count("tombstones")), (0, 1))
        rows.add(self.connection, stored())
        self.assertEqual((self.count("files"), self.count("tombstones")), (1, 0))

    def test_columns(self) -> None:
        """Names are stored as text with slashes, digests as bytes, times as fractional seconds."""
        file = stored(
            "folder/é.txt", uploaded_at=17.5, owner="romeo", expires_at=18.25, metadata="{}"
        )
        rows.add(self.connection, file)
        found = self.connection.execute(
            "SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata "
            "FROM files"
        ).fetchall()
        self.assertEqual(
            found, [("folder/é.txt", 3, file.sha256, "text/plain", 17.5, "romeo", 18.25, "{}")]
        )

    def test_find_is_one_statement(self) -> None:
        """A name is looked up in both tables at once, so that it cannot change in between."""
        seen: list[str] = []
        self.connection.set_trace_callback(seen.append)
        rows.find(self.connection, stored().name)
        self.assertEqual(len(seen), 1)

    def test_find_ends(self) -> None:
        """Nothing stays open after a look-up: a snapshot held would let the log grow for ever."""
        rows.add(self.connection, stored())
        rows.find(self.connection, stored().name)
        # SQLite refuses this while any statement is under way.
        self.connection.execute("BEGIN")
        self.connection.execute("DROP TABLE files")
        self.connection.execute("COMMIT")

    def test_refused_values(self) -> None:
        """What a column cannot hold is an error, never another value."""
        for wrong in (
            stored(size=LARGEST + 1),
            stored(uploaded_at=float("nan")),
            stored(owner="\ud800"),
            stored(content_type="\udfff"),
        ):
            with self.assertRaises((sqlite3.Error, OverflowError, ValueError)):
                rows.add(self.connection, wrong)
            self.assertEqual(self.count("files"), 0)

    def test_rules_of_the_table(self) -> None:
        """The table itself refuses sizes below zero and digests that are none."""
        rows.add(self.connection, stored())
        for wrong in ("size = -1", "sha256 = x'00'", "uploaded_at = NULL"):
            with self.assertRaises(sqlite3.IntegrityError):
                self.connection.execute(f"UPDATE files SET {wrong}")  # noqa: S608 - of our own

    def test_unreadable_row(self) -> None:
        """A row that no file can have, as a damaged disk may leave it, is an error."""
        rows.add(self.connection, stored())
        self.connection.execute("PRAGMA ignore_check_constraints = ON")
        self.connection.execute("UPDATE files SET sha256 = x'00'")
        self.assertRaises(ValueError, rows.find, self.connection, stored().name)


class PlanTests(SynchronousTestCase):
    """The indexes of the schema serve what is asked often, and what retention and quotas ask."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        for step in packaged_steps():
            self.connection.executescript(step)

    def plan(self, query: str) -> str:
        """Return how SQLite would answer a query."""
        steps = self.connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        return "; ".join(step[3] for step in steps)

    def served(self, query: str, index: str) -> None:
        """Fail unless a query is answered by an index, without a sort."""
        plan = self.plan(query)
        self.assertIn(f"INDEX {index}", plan)
        self.assertNotIn("TEMP B-TREE", plan)

    def test_find(self) -> None:
        """A look-up reads no table from end to end."""
        seen: list[str] = []
        self.connection.set_trace_callback(seen.append)
        rows.find(self.connection, StoredName.parse(b"a"))
        self.connection.set_trace_callback(None)
        self.assertNotIn("SCAN", self.plan(seen[0]))

    def test_with_digest(self) -> None:
        """The files of some bytes are found by their digest, and in order without a sort."""
        self.served(
            "SELECT size FROM files WHERE sha256 = x'00' ORDER BY name LIMIT 9", "files_by_digest"
        )

    def test_page(self) -> None:
        """A page goes on in the order of names, without a sort."""
        self.served(
            "SELECT size FROM files WHERE name >= 'a' ORDER BY name LIMIT 9",
            "sqlite_autoindex_files_1",
        )

    def test_tombstones(self) -> None:
        """Old tombstones are found by their age."""
        self.served("DELETE FROM tombstones WHERE buried_at < 5", "tombstones_by_age")

    def traced(self, work: Callable[[sqlite3.Connection], object]) -> str:
        """Return the statement that a function makes of the index, with its values."""
        seen: list[str] = []
        self.connection.set_trace_callback(seen.append)
        work(self.connection)
        self.connection.set_trace_callback(None)
        return seen[0]

    def test_oldest_first(self) -> None:
        """Retention reads files oldest first, and goes on where it was."""
        for after in (BEGINNING, (5.0, "name")):
            self.served(self.traced(partial(rows.oldest, after=after, limit=100)), "files_by_age")

    def test_expired(self) -> None:
        """Expiry reads the files that are due, and goes on where it was."""
        for after in (BEGINNING, (5.0, "name")):
            self.served(
                self.traced(partial(rows.expiring, after=after, limit=100)), "files_by_expiry"
            )

    def test_oldest_of_owner(self) -> None:
        """Quotas drop the oldest files of an owner."""
        self.served(
            self.traced(partial(rows.oldest, after=BEGINNING, limit=9, owner="romeo")),
            "files_by_owner",
        )

    def test_owner(self) -> None:
        """Quotas add up an owner's files from the index alone, and drop the oldest."""
        seen: list[str] = []
        self.connection.set_trace_callback(seen.append)
        rows.used_by(self.connection, "romeo")
        self.connection.set_trace_callback(None)
        self.assertIn("COVERING INDEX files_by_owner", self.plan(seen[0]))
        everyone = "SELECT owner, sum(size) FROM files WHERE owner IS NOT NULL GROUP BY owner"
        self.assertIn("COVERING INDEX files_by_owner", self.plan(everyone))
        self.assertNotIn("TEMP B-TREE", self.plan(everyone))


class UpgradeTests(SynchronousTestCase):
    """Rows of older releases."""

    def test_metadata(self) -> None:
        """A row of the first schema is found as before by this release, without metadata."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(connection.close)
        first, *later = packaged_steps()
        connection.executescript(first)
        file = stored("a", owner="romeo", expires_at=5.5)
        connection.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            ("a", file.size, file.sha256, file.content_type, file.uploaded_at, "romeo", 5.5),
        )
        for step in later:
            connection.executescript(step)
        self.assertEqual(rows.find(connection, file.name), file)
        self.assertEqual(rows.used_by(connection, "romeo"), file.size)
