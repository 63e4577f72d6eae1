"""The shared state in the memory of one process: the twin of those that are shared."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Any

from attrs import Factory, define, field
from twisted.internet.defer import Deferred, fail, succeed

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.state import ABSENT, Delta, Entry, Named, checked, next_sequence

Place = tuple[bytes, bytes]
"""A kind and key, or counter and key, as they are ordered."""


@define
class _Counter:
    until: float
    amounts: dict[str, int] = field(factory=dict)


@define
class MemoryState:
    """
    A :class:`~hmacfs.stores.state.State` that ends with its process.

    :param now: tells seconds since the epoch.
    """

    _now: Callable[[], float]
    _entries: dict[Place, Entry] = field(init=False, repr=False, default=Factory(dict))
    _order: list[Place] = field(init=False, repr=False, default=Factory(list))
    _counters: dict[str, _Counter] = field(init=False, repr=False, default=Factory(dict))
    _closed: bool = field(init=False, default=False)

    def find(self, kind: str, key: str) -> Deferred[Entry | None]:
        """Tell an entry, or ``None``."""
        checked(kind, key)
        if self._closed:
            return _closed()
        return succeed(self._there(_place(kind, key)))

    def claim(self, kind: str, key: str, value: bytes, until: float) -> Deferred[Entry]:
        """Keep an entry unless there is one; tell which there is now."""
        checked(kind, key)
        if self._closed:
            return _closed()
        place = _place(kind, key)
        there = self._there(place)
        return succeed(self._keep(place, value, until) if there is None else there)

    def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None = None
    ) -> Deferred[bool]:
        """Keep an entry in the place of the one that is there; tell whether that was done."""
        checked(kind, key)
        if self._closed:
            return _closed()
        place = _place(kind, key)
        there = self._there(place)
        if expected not in (None, ABSENT if there is None else there.sequence):
            return succeed(False)
        self._keep(place, value, until)
        return succeed(True)

    def delete(self, kind: str, key: str) -> Deferred[None]:
        """Forget an entry, if there is one."""
        checked(kind, key)
        if self._closed:
            return _closed()
        self._drop(_place(kind, key))
        return succeed(None)

    def restore(self, named: Named) -> Deferred[None]:
        """Keep an entry of another store as it is, unless a newer one is there."""
        checked(named.kind, named.key)
        if self._closed:
            return _closed()
        place = _place(named.kind, named.key)
        there = self._there(place)
        if there is None or there.sequence < named.entry.sequence:
            self._set(place, named.entry)
        return succeed(None)

    def entries(self, after: tuple[str, str], limit: int) -> Deferred[list[Named]]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
        if self._closed:
            return _closed()
        found: list[Named] = []
        for kind, key in self._order:
            there = self._there((kind, key)) if (kind, key) > _place(*after) else None
            if there is not None and len(found) < limit:
                found.append(Named(kind.decode(), key.decode(), there))
        return succeed(found)

    def add(self, delta: Delta) -> Deferred[None]:
        """Change a counter, unless this change was made before."""
        checked(delta.counter, delta.key)
        if self._closed:
            return _closed()
        counter = self._counter(delta.counter)
        if counter is None:
            counter = self._counters[delta.counter] = _Counter(delta.until)
        counter.amounts.setdefault(delta.key, delta.amount)
        counter.until = max(counter.until, delta.until)
        return succeed(None)

    def total(self, counter: str) -> Deferred[int]:
        """Tell the sum of the changes of a counter; 0 if it is not there."""
        checked(counter)
        if self._closed:
            return _closed()
        there = self._counter(counter)
        return succeed(0 if there is None else sum(there.amounts.values()))

    def deltas(self, after: tuple[str, str], limit: int) -> Deferred[list[Delta]]:
        """Tell the changes after a counter and key, in the order of their bytes, so many."""
        if self._closed:
            return _closed()
        found = [
            Delta(name, key, amount, counter.until)
            for name, counter in self._counters.items()
            if counter.until >= self._now()
            for key, amount in counter.amounts.items()
            if _place(name, key) > _place(*after)
        ]
        found.sort(key=lambda delta: _place(delta.counter, delta.key))
        return succeed(found[:limit])

    def subtract(self, delta: Delta) -> Deferred[None]:
        """Forget a change of a counter, if it was made."""
        if self._closed:
            return _closed()
        counter = self._counters.get(delta.counter)
        if counter is not None:
            counter.amounts.pop(delta.key, None)
        return succeed(None)

    def clear_expired(self) -> Deferred[None]:
        """Give back the room of what is over."""
        if self._closed:
            return _closed()
        self._order = [place for place in self._order if self._there(place) is not None]
        self._entries = {place: self._entries[place] for place in self._order}
        for name in [name for name in self._counters if self._counter(name) is None]:
            del self._counters[name]
        return succeed(None)

    def ping(self) -> Deferred[None]:
        """See whether the store answers."""
        return _closed() if self._closed else succeed(None)

    def close(self) -> Deferred[None]:
        """Refuse whatever is asked from now on."""
        self._closed = True
        return succeed(None)

    def _there(self, place: Place) -> Entry | None:
        entry = self._entries.get(place)
        return entry if entry is not None and entry.until >= self._now() else None

    def _keep(self, place: Place, value: bytes, until: float) -> Entry:
        before = self._entries.get(place)
        sequence = next_sequence(self._now(), ABSENT if before is None else before.sequence)
        entry = Entry(value, sequence, until)
        self._set(place, entry)
        return entry

    def _set(self, place: Place, entry: Entry) -> None:
        if place not in self._entries:
            insort(self._order, place)
        self._entries[place] = entry

    def _drop(self, place: Place) -> None:
        if self._entries.pop(place, None) is not None:
            self._order.remove(place)

    def _counter(self, name: str) -> _Counter | None:
        counter = self._counters.get(name)
        return counter if counter is not None and counter.until >= self._now() else None


def _place(kind: str, key: str) -> Place:
    return kind.encode(), key.encode()


def _closed() -> Deferred[Any]:
    return fail(StoreFailed("the shared state is closed"))
