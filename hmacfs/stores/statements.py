"""
What the statements of the stores ask of a database, whichever it is.

A store is written once, in functions that take a :class:`Connection`. To add a
query for all databases: write it in :mod:`hmacfs.stores.rows` or
:mod:`hmacfs.stores.state_rows` with ``?`` for each value, in SQL that SQLite,
PostgreSQL and MySQL share (no ``INSERT OR REPLACE``, ``ON CONFLICT`` or
``LIMIT ALL``), give texts that come back to :func:`text`, and put new columns
into the next step of each directory of :mod:`hmacfs.stores.schema`. The suites
of the tests run it on all of them.

Writes are done one after another, whatever the database: whoever writes holds
a lock on all of it, so that what a function reads still holds when it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, overload


class Cursor(Protocol):
    """What a statement led to."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchall(self) -> list[Any]:
        """Tell all its rows."""


class Connection(Protocol):
    """A connection with a transaction that somebody else ends."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """Execute a statement with a value for each of its question marks."""


@overload
def text(value: bytes | str) -> str: ...
@overload
def text(value: bytes | str | None) -> str | None: ...
def text(value: bytes | str | None) -> str | None:
    """
    Read a text column.

    PostgreSQL and MySQL keep texts as bytes of UTF-8: in the one no text has a
    zero character, in the other many compare as equal that are not.
    """
    return value.decode() if isinstance(value, bytes) else value
