"""Tests of the sentences about the file of the index."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.failures import explained
from hmacfs.stores.interfaces import StoreFailed, StoreFull

PATH = Path("/var/lib/files/index.sqlite")


def raised(statement: str) -> sqlite3.Error:
    """Make the error that SQLite raises for a statement."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            return error
    raise AssertionError("the statement did not fail")


def with_code(code: int) -> sqlite3.Error:
    """Make an error of SQLite with a result code."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    return error


class ExplainedTests(SynchronousTestCase):
    """From an exception to a sentence."""

    def say(self, error: Exception) -> str:
        """Return the sentence of an error."""
        failure = explained(error, PATH)
        self.assertIsInstance(failure, StoreFailed)
        self.assertIs(failure.__cause__, error)
        return str(failure)

    def test_advice(self) -> None:
        """The sentence names the file, what SQLite said, and what to do about it."""
        advice = {
            sqlite3.SQLITE_FULL: "free space",
            sqlite3.SQLITE_CANTOPEN: "write access",
            sqlite3.SQLITE_READONLY: "write access",
            sqlite3.SQLITE_PERM: "write access",
            sqlite3.SQLITE_BUSY: "other program",
            sqlite3.SQLITE_LOCKED: "other program",
            sqlite3.SQLITE_CORRUPT: "hmac-file-server reindex",
            sqlite3.SQLITE_NOTADB: "hmac-file-server reindex",
            sqlite3.SQLITE_IOERR: "errors of the disk",
        }
        for code, words in advice.items():
            sentence = self.say(with_code(code))
            self.assertIn(str(PATH), sentence)
            self.assertIn("what SQLite says", sentence)
            self.assertIn(words, sentence)

    def test_extended_code(self) -> None:
        """An extended result code is advised on as its primary one, if it says no more."""
        self.assertIn("write access", self.say(with_code(sqlite3.SQLITE_READONLY_DIRECTORY)))
        self.assertIn("errors of the disk", self.say(with_code(sqlite3.SQLITE_IOERR_FSYNC)))
        self.assertIn("free space", self.say(with_code(sqlite3.SQLITE_IOERR_SHMSIZE)))

    def test_full(self) -> None:
        """Want of room, and nothing else, is told apart by the type of the failure."""
        for error in (
            with_code(sqlite3.SQLITE_FULL),
            with_code(sqlite3.SQLITE_IOERR_SHMSIZE),
            OSError(errno.ENOSPC, "no space"),
            OSError(errno.EDQUOT, "no quota"),
        ):
            self.assertIs(type(explained(error, PATH)), StoreFull)
        for error in (with_code(sqlite3.SQLITE_IOERR), OSError(errno.EIO, "broken")):
            self.assertIs(type(explained(error, PATH)), StoreFailed)

    def test_other_error(self) -> None:
        """Any other error of SQLite is told as it is."""
        self.assertEqual(
            self.say(raised("SELECT * FROM no_table")),
            f"the index {PATH} failed: no such table: no_table",
        )

    def test_without_code(self) -> None:
        """Errors of the module itself, which have no code, are told as they are."""
        error = sqlite3.ProgrammingError("Cannot operate on a closed database.")
        self.assertIn("Cannot operate on a closed database.", self.say(error))

    def test_system(self) -> None:
        """An error of the system is advised on by its number, without the name of another file."""
        advice = {
            errno.ENOSPC: "free space",
            errno.EDQUOT: "free space",
            errno.EACCES: "write access",
            errno.EPERM: "write access",
            errno.EROFS: "write access",
            errno.ENOENT: "its directory must exist",
            errno.ENOTDIR: "its directory must exist",
            errno.EIO: "errors of the disk",
            errno.EMFILE: "failed: Too many open files",
        }
        for number, words in advice.items():
            sentence = self.say(OSError(number, os.strerror(number), "/elsewhere"))
            self.assertIn(words, sentence)
            self.assertIn(os.strerror(number), sentence)
            self.assertNotIn("/elsewhere", sentence)

    def test_values(self) -> None:
        """A value that SQLite cannot hold is a failure of the store too."""
        self.assertIn("does not hold such a value", self.say(OverflowError("too large")))
        self.assertIn("does not hold such a value", self.say(ValueError("not UTF-8")))

    def test_fault(self) -> None:
        """A fault of the program stays what it is."""
        fault = AttributeError("no such attribute")
        self.assertIs(explained(fault, PATH), fault)
