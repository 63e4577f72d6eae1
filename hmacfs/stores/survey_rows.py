"""The statements of a survey: one function each, and none of them changes anything."""

from __future__ import annotations

from typing import Final

from hmacfs.base.names import VERSIONS
from hmacfs.base.survey import Order, Stock, Uploader
from hmacfs.base.values import StoredFile
from hmacfs.stores.interfaces import BEGINNING
from hmacfs.stores.rows import exact_sum, file_of
from hmacfs.stores.statements import Connection, text

_BEFORE: Final = "/".join((*VERSIONS, ""))
_VERSIONS: Final = (_BEFORE, f"{_BEFORE[:-1]}0")
"""From the one name to the other all names are of older versions: 0 is what follows the slash."""

_IS_FILE: Final = "NOT (name >= ? AND name < ?)"
_FACTS: Final = "name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata"
_ORDERS: Final = {
    Order.DATE: "uploaded_at DESC, name DESC",
    Order.SIZE: "size DESC, name",
    Order.NAME: "name",
}
_OF_UPLOADERS: Final = """
    SELECT owner, sum(CASE WHEN name >= ? AND name < ? THEN 0 ELSE 1 END),
        sum(size >> 32), sum(size & 4294967295), max(uploaded_at) FROM files
"""


def stock(connection: Connection) -> Stock:
    """Tell what there is altogether."""
    ((count, versions, high, low),) = connection.execute(
        """
        SELECT count(*), sum(CASE WHEN name >= ? AND name < ? THEN 1 ELSE 0 END),
            sum(size >> 32), sum(size & 4294967295) FROM files
        """,
        _VERSIONS,
    ).fetchall()
    return Stock(int(count) - int(versions or 0), int(versions or 0), exact_sum(high, low))


def count(connection: Connection, owner: str | None = None) -> int:
    """Tell how many files there are, or how many of this owner."""
    condition, values = _condition(owner)
    statement = f"SELECT count(*) FROM files WHERE {condition}"  # noqa: S608 - our words
    ((found,),) = connection.execute(statement, values).fetchall()
    return int(found)


def listed(
    connection: Connection, order: Order, offset: int, limit: int, owner: str | None = None
) -> list[StoredFile]:
    """Tell files in an order, so many after so many, or those of this owner."""
    condition, values = _condition(owner)
    # Sorted by names alone, so that facts of other files are not carried about.
    rows = connection.execute(
        f"""
        SELECT {_FACTS} FROM
            (SELECT name AS chosen FROM files WHERE {condition}
                ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?) AS choice
            JOIN files ON name = chosen ORDER BY {_ORDERS[order]}
        """,  # noqa: S608 - our words
        (*values, limit, offset),
    ).fetchall()
    return [file_of(*row) for row in rows]


def uploaders(connection: Connection, offset: int, limit: int) -> list[Uploader]:
    """Tell who has files, in the order of the bytes of their names, so many after so many."""
    rows = connection.execute(
        f"{_OF_UPLOADERS} WHERE owner IS NOT NULL GROUP BY owner ORDER BY owner LIMIT ? OFFSET ?",
        (*_VERSIONS, limit, offset),
    ).fetchall()
    return [_uploader(*row) for row in rows]


def uploader(connection: Connection, owner: str) -> Uploader | None:
    """Tell what somebody has, or ``None``."""
    rows = connection.execute(
        f"{_OF_UPLOADERS} WHERE owner = ? GROUP BY owner", (*_VERSIONS, owner)
    ).fetchall()
    return _uploader(*rows[0]) if rows else None


def count_uploaders(connection: Connection, since: float | None = None) -> int:
    """Tell how many have files, or files uploaded then or later (seconds since the epoch)."""
    since = BEGINNING[0] if since is None else since
    ((found,),) = connection.execute(
        "SELECT count(DISTINCT owner) FROM files WHERE uploaded_at >= ?", (since,)
    ).fetchall()
    return int(found)


def _condition(owner: str | None) -> tuple[str, tuple[str, ...]]:
    if owner is None:
        return _IS_FILE, _VERSIONS
    return f"{_IS_FILE} AND owner = ?", (*_VERSIONS, owner)


def _uploader(owner: bytes | str, files: int, high: int, low: int, latest: float) -> Uploader:
    return Uploader(text(owner), int(files), exact_sum(high, low), latest)
