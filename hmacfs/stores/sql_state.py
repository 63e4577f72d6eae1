"""The shared state in a SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred

from hmacfs.stores import state_rows
from hmacfs.stores.pair import Pair
from hmacfs.stores.state import Delta, Entry, Named, checked
from hmacfs.stores.statements import Connection


class SqlState:
    """
    A :class:`~hmacfs.stores.state.State` in a database.

    :param now: tells seconds since the epoch.
    """

    def __init__(self, pair: Pair, now: Callable[[], float]) -> None:
        self._pair = pair
        self._now = now

    @property
    def running(self) -> bool:
        """Tell whether it was started and has not ended."""
        return self._pair.writer.running

    def start(self) -> Deferred[None]:
        """
        Open the database; make or upgrade its tables if need be.

        Fails with :class:`~hmacfs.stores.interfaces.StoreFailed` if that cannot be done.
        """
        return Deferred.fromCoroutine(self._pair.start())

    def find(self, kind: str, key: str) -> Deferred[Entry | None]:
        """Tell an entry, or ``None``."""
        checked(kind, key)
        return self._pair.read(partial(state_rows.find, kind=kind, key=key, now=self._now()))

    def claim(self, kind: str, key: str, value: bytes, until: float) -> Deferred[Entry]:
        """Keep an entry unless there is one; tell which there is now."""
        checked(kind, key)
        return self._pair.write(
            partial(state_rows.claim, kind=kind, key=key, value=value, until=until, now=self._now())
        )

    def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None = None
    ) -> Deferred[bool]:
        """Keep an entry in the place of the one that is there; tell whether that was done."""
        checked(kind, key)
        return self._pair.write(
            partial(
                state_rows.put,
                kind=kind,
                key=key,
                value=value,
                until=until,
                expected=expected,
                now=self._now(),
            )
        )

    def delete(self, kind: str, key: str) -> Deferred[None]:
        """Forget an entry, if there is one."""
        checked(kind, key)
        return self._pair.write(partial(state_rows.delete, kind=kind, key=key))

    def restore(self, named: Named) -> Deferred[None]:
        """Keep an entry of another store as it is, unless a newer one is there."""
        checked(named.kind, named.key)
        return self._pair.write(partial(state_rows.restore, named=named, now=self._now()))

    def entries(self, after: tuple[str, str], limit: int) -> Deferred[list[Named]]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
        return self._pair.read(
            partial(state_rows.entries, after=after, limit=limit, now=self._now())
        )

    def add(self, delta: Delta) -> Deferred[None]:
        """Change a counter, unless this change was made before."""
        checked(delta.counter, delta.key)
        return self._pair.write(partial(state_rows.add, delta=delta, now=self._now()))

    def total(self, counter: str) -> Deferred[int]:
        """Tell the sum of the changes of a counter; 0 if it is not there."""
        checked(counter)
        return self._pair.read(partial(state_rows.total, counter=counter, now=self._now()))

    def deltas(self, after: tuple[str, str], limit: int) -> Deferred[list[Delta]]:
        """Tell the changes after a counter and key, in the order of their bytes, so many."""
        return self._pair.read(
            partial(state_rows.deltas, after=after, limit=limit, now=self._now())
        )

    def subtract(self, delta: Delta) -> Deferred[None]:
        """Forget a change of a counter, if it was made."""
        return self._pair.write(partial(state_rows.subtract, delta=delta))

    def clear_expired(self) -> Deferred[None]:
        """Give back the room of what is over."""
        return self._pair.write(partial(state_rows.clear_expired, now=self._now()))

    def ping(self) -> Deferred[None]:
        """See whether the database answers."""
        return self._pair.read(_ping)

    def close(self) -> Deferred[None]:
        """Do what was asked for, and let go of the database."""
        return self._pair.close()


def _ping(connection: Connection) -> None:
    connection.execute("SELECT 1").fetchall()
