"""The statements of the shared state: one function each, inside whatever transaction is open."""

from __future__ import annotations

from hmacfs.stores.state import ABSENT, Delta, Entry, Named, next_sequence
from hmacfs.stores.statements import Connection, text


def find(connection: Connection, kind: str, key: str, now: float) -> Entry | None:
    """Tell an entry that is not over at ``now``, or ``None``."""
    entry = _kept(connection, kind, key)
    return entry if entry is not None and entry.until >= now else None


def claim(
    connection: Connection, kind: str, key: str, value: bytes, until: float, now: float
) -> Entry:
    """Keep an entry unless there is one; tell which there is now."""
    kept = _kept(connection, kind, key)
    if kept is not None and kept.until >= now:
        return kept
    sequence = next_sequence(now, ABSENT if kept is None else kept.sequence)
    return _keep(connection, Named(kind, key, Entry(value, sequence, until)))


def put(
    connection: Connection,
    kind: str,
    key: str,
    value: bytes,
    until: float,
    expected: int | None,
    now: float,
) -> bool:
    """Keep an entry in the place of the one that is there; tell whether that was done."""
    kept = _kept(connection, kind, key)
    before = ABSENT if kept is None else kept.sequence
    there = before if kept is not None and kept.until >= now else ABSENT
    if expected not in (None, there):
        return False
    _keep(connection, Named(kind, key, Entry(value, next_sequence(now, before), until)))
    return True


def delete(connection: Connection, kind: str, key: str) -> None:
    """Forget an entry, if there is one."""
    connection.execute("DELETE FROM entries WHERE kind = ? AND name = ?", (kind, key))


def restore(connection: Connection, named: Named, now: float) -> None:
    """Keep an entry of another store as it is, unless a newer one is there."""
    there = find(connection, named.kind, named.key, now)
    if there is None or there.sequence < named.entry.sequence:
        _keep(connection, named)


def entries(connection: Connection, after: tuple[str, str], limit: int, now: float) -> list[Named]:
    """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
    kind, key = after
    rows = connection.execute(
        """
        SELECT kind, name, value, sequence, ends_at FROM entries
            WHERE (kind > ? OR (kind = ? AND name > ?)) AND ends_at >= ?
            ORDER BY kind, name LIMIT ?
        """,
        (kind, kind, key, now, limit),
    ).fetchall()
    return [Named(text(kind), text(name), Entry(*facts)) for kind, name, *facts in rows]


def add(connection: Connection, delta: Delta, now: float) -> None:
    """Change a counter, unless this change was made before."""
    ends = connection.execute(
        "SELECT ends_at FROM counters WHERE name = ?", (delta.counter,)
    ).fetchall()
    if ends and ends[0][0] < now:
        connection.execute("DELETE FROM deltas WHERE counter = ?", (delta.counter,))
    if not ends:
        connection.execute(
            "INSERT INTO counters (name, ends_at) VALUES (?, ?)", (delta.counter, delta.until)
        )
    elif ends[0][0] < delta.until:
        connection.execute(
            "UPDATE counters SET ends_at = ? WHERE name = ?", (delta.until, delta.counter)
        )
    known = connection.execute(
        "SELECT 1 FROM deltas WHERE counter = ? AND name = ?", (delta.counter, delta.key)
    ).fetchall()
    if not known:
        connection.execute(
            "INSERT INTO deltas (counter, name, amount) VALUES (?, ?, ?)",
            (delta.counter, delta.key, delta.amount),
        )


def total(connection: Connection, counter: str, now: float) -> int:
    """Tell the sum of the changes of a counter; 0 if it is not there."""
    ((amount,),) = connection.execute(
        """
        SELECT sum(amount) FROM deltas JOIN counters ON counters.name = deltas.counter
            WHERE deltas.counter = ? AND counters.ends_at >= ?
        """,
        (counter, now),
    ).fetchall()
    return int(amount or 0)


def deltas(connection: Connection, after: tuple[str, str], limit: int, now: float) -> list[Delta]:
    """Tell the changes after a counter and key, in the order of their bytes, so many."""
    counter, key = after
    rows = connection.execute(
        """
        SELECT deltas.counter, deltas.name, deltas.amount, counters.ends_at
            FROM deltas JOIN counters ON counters.name = deltas.counter
            WHERE (deltas.counter > ? OR (deltas.counter = ? AND deltas.name > ?))
            AND counters.ends_at >= ?
            ORDER BY deltas.counter, deltas.name LIMIT ?
        """,
        (counter, counter, key, now, limit),
    ).fetchall()
    return [Delta(text(counter), text(key), *facts) for counter, key, *facts in rows]


def subtract(connection: Connection, delta: Delta) -> None:
    """Forget a change of a counter, if it was made."""
    connection.execute(
        "DELETE FROM deltas WHERE counter = ? AND name = ?", (delta.counter, delta.key)
    )


def clear_expired(connection: Connection, now: float) -> None:
    """Give back the room of what is over."""
    connection.execute("DELETE FROM entries WHERE ends_at < ?", (now,))
    over = "SELECT name FROM counters WHERE ends_at < ?"
    connection.execute(f"DELETE FROM deltas WHERE counter IN ({over})", (now,))  # noqa: S608 - ours
    connection.execute("DELETE FROM counters WHERE ends_at < ?", (now,))


def _kept(connection: Connection, kind: str, key: str) -> Entry | None:
    rows = connection.execute(
        "SELECT value, sequence, ends_at FROM entries WHERE kind = ? AND name = ?", (kind, key)
    ).fetchall()
    return Entry(*rows[0]) if rows else None


def _keep(connection: Connection, named: Named) -> Entry:
    entry = named.entry
    delete(connection, named.kind, named.key)
    connection.execute(
        "INSERT INTO entries (kind, name, value, sequence, ends_at) VALUES (?, ?, ?, ?, ?)",
        (named.kind, named.key, entry.value, entry.sequence, entry.until),
    )
    return entry
