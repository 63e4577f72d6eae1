"""The shared state in Redis, which several hosts may share."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from hmacfs.stores import redis_scripts as scripts
from hmacfs.stores.places import Place
from hmacfs.stores.redis_link import RedisLink
from hmacfs.stores.redis_scripts import escaped, place_of, texts_of, words_of
from hmacfs.stores.state import Delta, Entry, Named, checked

T = TypeVar("T")

PREFIX: Final = "hmac-file-server:"
"""What all our keys begin with, unless configured."""

_PAGE: Final = 500
"""How many places are looked at in one go, for Redis does nothing else meanwhile."""


class RedisState:
    """
    A :class:`~hmacfs.stores.state.State` in Redis 5 or newer, or what speaks like it.

    It connects when it is first asked.  What it was asked is done once, by a
    script: a question that had no answer in time may be repeated.  When Redis may
    have lost something, it fails once, so that who knows better can tell it.

    :param now: tells seconds since the epoch.
    :param patience: seconds to wait for an answer, with the way there.
    :param prefix: what all keys begin with.
    """

    def __init__(
        self,
        place: Place,
        reactor: IReactorTime,
        now: Callable[[], float],
        patience: float,
        prefix: str = PREFIX,
    ) -> None:
        self._link = RedisLink(place, reactor, patience, prefix.encode() + b"memory")
        self._now = now
        self._entry = prefix.encode() + b"e:"
        self._counter = prefix.encode() + b"c:"
        self._entries = prefix.encode() + b"entries"
        self._deltas = prefix.encode() + b"deltas"

    def find(self, kind: str, key: str) -> Deferred[Entry | None]:
        """Tell an entry, or ``None``."""
        checked(kind, key)
        keys = [self._entry + place_of(kind, key)]
        found = self._link.run(scripts.FIND, keys, [self._time()])
        return found.addCallback(lambda told: None if told is None else _entry(told))

    def claim(self, kind: str, key: str, value: bytes, until: float) -> Deferred[Entry]:
        """Keep an entry unless there is one; tell which there is now."""
        checked(kind, key)
        return self._keep(scripts.CLAIM, kind, key, value, until).addCallback(_entry)

    def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None = None
    ) -> Deferred[bool]:
        """Keep an entry in the place of the one that is there; tell whether that was done."""
        checked(kind, key)
        wanted = b"" if expected is None else b"%d" % expected
        return self._keep(scripts.PUT, kind, key, value, until, wanted).addCallback(bool)

    def delete(self, kind: str, key: str) -> Deferred[None]:
        """Forget an entry, if there is one."""
        checked(kind, key)
        place = place_of(kind, key)
        keys = [self._entry + place, self._entries]
        return self._link.run(scripts.DELETE, keys, [place]).addCallback(_nothing)

    def restore(self, named: Named) -> Deferred[None]:
        """Keep an entry of another store as it is, unless a newer one is there."""
        checked(named.kind, named.key)
        entry, sequence = named.entry, b"%d" % named.entry.sequence
        kept = self._keep(
            scripts.RESTORE, named.kind, named.key, entry.value, entry.until, sequence
        )
        return kept.addCallback(_nothing)

    def entries(self, after: tuple[str, str], limit: int) -> Deferred[list[Named]]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
        return Deferred.fromCoroutine(
            self._page(scripts.ENTRIES, self._entries, self._entry, after, limit, _named)
        )

    def add(self, delta: Delta) -> Deferred[None]:
        """Change a counter, unless this change was made before."""
        checked(delta.counter, delta.key)
        keys = [self._counter + escaped(delta.counter), self._deltas]
        place = place_of(delta.counter, delta.key)
        ends, forgotten = _moment(delta.until), _forgotten(delta.until)
        values = [delta.key.encode(), b"%d" % delta.amount, ends, forgotten, place, self._time()]
        return self._link.run(scripts.ADD, keys, values).addCallback(_nothing)

    def total(self, counter: str) -> Deferred[int]:
        """Tell the sum of the changes of a counter; 0 if it is not there."""
        checked(counter)
        return self._link.run(
            scripts.TOTAL, [self._counter + escaped(counter)], [self._time()]
        ).addCallback(int)

    def deltas(self, after: tuple[str, str], limit: int) -> Deferred[list[Delta]]:
        """Tell the changes after a counter and key, in the order of their bytes, so many."""
        return Deferred.fromCoroutine(
            self._page(scripts.DELTAS, self._deltas, self._counter, after, limit, _delta)
        )

    def subtract(self, delta: Delta) -> Deferred[None]:
        """Forget a change of a counter, if it was made."""
        keys = [self._counter + escaped(delta.counter), self._deltas]
        values = [delta.key.encode(), place_of(delta.counter, delta.key)]
        return self._link.run(scripts.SUBTRACT, keys, values).addCallback(_nothing)

    async def clear_expired(self) -> None:
        """Give back the room of what is over."""
        for script, index, prefix in (
            (scripts.CLEAR_ENTRIES, self._entries, self._entry),
            (scripts.CLEAR_DELTAS, self._deltas, self._counter),
        ):
            after, count = b"", _PAGE
            while count == _PAGE:
                count, after, _ = await self._look(script, index, prefix, after, _PAGE)

    def ping(self) -> Deferred[None]:
        """See whether Redis answers, and takes changes."""
        return self._link.run(scripts.PING, [], []).addCallback(_nothing)

    def close(self) -> Awaitable[None]:
        """Wait for what was asked, and end the connection."""
        return self._link.close()

    def _keep(
        self, script: str, kind: str, key: str, value: bytes, until: float, *more: bytes
    ) -> Deferred[bytes]:
        place = place_of(kind, key)
        keys = [self._entry + place, self._entries]
        values = [value, _moment(until), _forgotten(until), place, self._time(), *more]
        return self._link.run(script, keys, values)

    async def _page(
        self,
        script: str,
        index: bytes,
        prefix: bytes,
        after: tuple[str, str],
        limit: int,
        read: Callable[[bytes, bytes], T],
    ) -> list[T]:
        found: list[T] = []
        place = place_of(*after)
        while len(found) < limit:
            # What is over takes places too.
            asked = min(limit - len(found), _PAGE)
            count, place, texts = await self._look(script, index, prefix, place, asked)
            found += [read(*pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
            if count < asked:
                break
        return found

    async def _look(
        self, script: str, index: bytes, prefix: bytes, after: bytes, limit: int
    ) -> tuple[int, bytes, list[bytes]]:
        values = [after, b"%d" % limit, self._time(), prefix]
        count, last, *texts = texts_of(await self._link.run(script, [index], values))
        return int(count), last, texts

    def _time(self) -> bytes:
        return _moment(self._now())


def _moment(seconds: float) -> bytes:
    return repr(float(seconds)).encode()


def _forgotten(until: float) -> bytes:
    return b"%d" % math.ceil(min(until + scripts.SPARE, scripts.LATEST) * 1000)


def _entry(told: bytes) -> Entry:
    sequence, until, value = told.split(b" ", 2)
    return Entry(value, int(sequence), float(until))


def _named(place: bytes, told: bytes) -> Named:
    return Named(*words_of(place), _entry(told))


def _delta(place: bytes, told: bytes) -> Delta:
    amount, until = told.split()
    return Delta(*words_of(place), int(amount), float(until))


def _nothing(_: object) -> None:
    return None
