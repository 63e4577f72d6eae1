"""The statements of the index: one function each, inside whatever transaction is open."""

from __future__ import annotations

from typing import Any

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import BEGINNING, Block, Moment
from hmacfs.stores.statements import Connection, text


def find(connection: Connection, name: StoredName) -> StoredFile | Tombstone | None:
    """Tell the file of this name, or that it had one, or ``None``."""
    # One statement, so that it sees one state: a file may be buried in between two.
    rows = connection.execute(
        """
        SELECT size, sha256, content_type, uploaded_at, owner, expires_at, metadata, NULL, NULL
            FROM files WHERE name = ?
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, buried_at, reason
            FROM tombstones WHERE name = ?
        """,
        (str(name), str(name)),
    ).fetchall()
    if not rows:
        return None
    *facts, buried_at, reason = rows[0]
    if reason is not None:
        return Tombstone(name=name, buried_at=buried_at, reason=text(reason))
    return file_of(str(name), *facts)


def add(connection: Connection, file: StoredFile) -> None:
    """
    Record a file, in place of what was known of its name.

    :raises ContentBlocked: if its bytes are blocked.
    """
    # Here and not before: whoever blocks bytes must find each file of them, or keep it out.
    if is_blocked(connection, file.sha256):
        raise ContentBlocked("these bytes are not taken here")
    name = str(file.name)
    _forget(connection, name)
    connection.execute(
        """
        INSERT INTO files
            (name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            name,
            file.size,
            file.sha256,
            file.content_type,
            file.uploaded_at,
            file.owner,
            file.expires_at,
            file.metadata,
        ),
    )


def bury(connection: Connection, tombstone: Tombstone) -> StoredFile | None:
    """Put a tombstone in the place of what was known of its name, and tell what file it was."""
    before = find(connection, tombstone.name)
    name = str(tombstone.name)
    _forget(connection, name)
    connection.execute(
        "INSERT INTO tombstones (name, buried_at, reason) VALUES (?, ?, ?)",
        (name, tombstone.buried_at, tombstone.reason),
    )
    return before if isinstance(before, StoredFile) else None


def amend(
    connection: Connection, before: StoredFile | None, after: StoredFile | Tombstone | None
) -> bool:
    """
    Put ``after`` in the place of ``before``, if that is what is known of the name.

    :raises ContentBlocked: if the bytes of ``after`` are blocked.
    """
    subject = before or after
    if subject is None or find(connection, subject.name) != before:
        return False
    if after is None:
        connection.execute("DELETE FROM files WHERE name = ?", (str(subject.name),))
    elif isinstance(after, Tombstone):
        bury(connection, after)
    else:
        add(connection, after)
    return True


def page(connection: Connection, start: str, limit: int) -> list[StoredFile]:
    """Tell the files from ``start`` on, in the order of their names."""
    # SQLite compares texts by their UTF-8 (sqlite.org/datatype3.html, BINARY).
    rows = connection.execute(
        """
        SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata
            FROM files WHERE name >= ? ORDER BY name LIMIT ?
        """,
        (start, limit),
    ).fetchall()
    return [file_of(*row) for row in rows]


def with_digest(connection: Connection, sha256: bytes, limit: int) -> list[StoredFile]:
    """Tell the first files of these bytes, in the order of their names."""
    rows = connection.execute(
        """
        SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata
            FROM files WHERE sha256 = ? ORDER BY name LIMIT ?
        """,
        (sha256, limit),
    ).fetchall()
    return [file_of(*row) for row in rows]


def block(connection: Connection, sha256: bytes, at: float) -> None:
    """Take no file of these bytes from now on."""
    if not is_blocked(connection, sha256):
        connection.execute("INSERT INTO blocks (sha256, blocked_at) VALUES (?, ?)", (sha256, at))


def is_blocked(connection: Connection, sha256: bytes) -> bool:
    """Tell whether no file of these bytes is taken."""
    return bool(connection.execute("SELECT 1 FROM blocks WHERE sha256 = ?", (sha256,)).fetchall())


def oldest(
    connection: Connection, after: Moment, limit: int, owner: str | None = None
) -> list[StoredFile]:
    """Tell the files that were uploaded after a moment, the oldest first."""
    # The first condition alone is what MySQL finds in its index.
    if owner is None:
        rows = connection.execute(
            """
            SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata
                FROM files WHERE uploaded_at >= ? AND (uploaded_at, name) > (?, ?)
                ORDER BY uploaded_at, name LIMIT ?
            """,
            (after[0], *after, limit),
        ).fetchall()
    else:
        rows = connection.execute(
            """
            SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata
                FROM files
                WHERE owner = ? AND uploaded_at >= ? AND (uploaded_at, name) > (?, ?)
                ORDER BY uploaded_at, name LIMIT ?
            """,
            (owner, after[0], *after, limit),
        ).fetchall()
    return [file_of(*row) for row in rows]


def expiring(connection: Connection, after: Moment, limit: int) -> list[StoredFile]:
    """Tell the files that expire, from a moment on, those that do first."""
    rows = connection.execute(
        """
        SELECT name, size, sha256, content_type, uploaded_at, owner, expires_at, metadata
            FROM files WHERE expires_at >= ? AND (expires_at, name) > (?, ?)
            ORDER BY expires_at, name LIMIT ?
        """,
        (after[0], *after, limit),
    ).fetchall()
    return [file_of(*row) for row in rows]


def total(connection: Connection) -> int:
    """Tell how many bytes all files have together."""
    return _sum(
        connection.execute("SELECT sum(size >> 32), sum(size & 4294967295) FROM files").fetchall()
    )


def used_by(connection: Connection, owner: str, since: float | None = None) -> int:
    """Tell how many bytes the files of this owner have together."""
    since = BEGINNING[0] if since is None else since
    return _sum(
        connection.execute(
            """
            SELECT sum(size >> 32), sum(size & 4294967295) FROM files
                WHERE owner = ? AND uploaded_at >= ?
            """,
            (owner, since),
        ).fetchall()
    )


def _sum(rows: list[Any]) -> int:
    ((high, low),) = rows
    return exact_sum(high, low)


def exact_sum(high: int | None, low: int | None) -> int:
    """Tell a sum that was taken in halves: one of SQLite beyond 64 bits is an error."""
    return (int(high or 0) << 32) + int(low or 0)


def clear_tombstones(connection: Connection, before: float) -> int:
    """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""
    return connection.execute("DELETE FROM tombstones WHERE buried_at < ?", (before,)).rowcount


def buried(connection: Connection, start: str, limit: int) -> list[Tombstone]:
    """Tell the tombstones from ``start`` on, in the order of their names."""
    rows = connection.execute(
        "SELECT name, buried_at, reason FROM tombstones WHERE name >= ? ORDER BY name LIMIT ?",
        (start, limit),
    ).fetchall()
    return [Tombstone(StoredName.known(text(name)), at, text(reason)) for name, at, reason in rows]


def blocked(connection: Connection, after: bytes, limit: int) -> list[Block]:
    """Tell the bytes that are not taken whose digest is after this, in order."""
    rows = connection.execute(
        "SELECT sha256, blocked_at FROM blocks WHERE sha256 > ? ORDER BY sha256 LIMIT ?",
        (after, limit),
    ).fetchall()
    return [Block(*row) for row in rows]


def _forget(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM files WHERE name = ?", (name,))
    connection.execute("DELETE FROM tombstones WHERE name = ?", (name,))


def file_of(
    name: bytes | str,
    size: int,
    sha256: bytes,
    content_type: bytes | str,
    uploaded_at: float,
    owner: bytes | str | None,
    expires_at: float | None,
    metadata: bytes | str | None,
) -> StoredFile:
    """Make a file of a row."""
    return StoredFile(
        StoredName.known(text(name)),
        size,
        sha256,
        text(content_type),
        uploaded_at,
        text(owner),
        expires_at,
        text(metadata),
    )
