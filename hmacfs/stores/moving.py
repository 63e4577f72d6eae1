"""
Moving what one store has into another.

It can be broken off and begun again: what is there already is left as it is,
so nothing is done twice, and what the other store knows better stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import Index
from hmacfs.stores.state import START, Delta, Named, State

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P")

PAGE: Final = 500
"""Facts that are read at once, so that a million of them take little memory."""


@frozen
class Moved:
    """
    What became of a fact.

    :ivar kept: whether the other store knew something newer, which stays.
    """

    what: str
    kept: bool = False


async def count_index(index: Index) -> int:
    """Tell how many facts an index has."""
    return sum([len(page) async for page in _index_pages(index)])


async def move_index(source: Index, target: Index) -> AsyncIterator[list[Moved]]:
    """
    Record in ``target`` what ``source`` knows; tell of each page.

    :raises StoreFailed: if one of them fails; to go on, begin again.
    """
    async for page in _index_pages(source):
        yield await _all(page, lambda known: _move_known(known, target))
    async for blocks in _pages(source.blocked, b"", lambda block: block.sha256):
        for block in blocks:
            await target.block(block.sha256, block.at)
        yield [Moved("block") for _ in blocks]


async def count_state(state: State) -> int:
    """Tell how many facts a shared state has."""
    entries = sum([len(page) async for page in _pages(state.entries, START, _place)])
    return entries + sum([len(page) async for page in _pages(state.deltas, START, _change)])


async def move_state(source: State, target: State) -> AsyncIterator[list[Moved]]:
    """
    Keep in ``target`` what ``source`` has; tell of each page.

    :raises StoreFailed: if one of them fails; to go on, begin again.
    """
    async for entries in _pages(source.entries, START, _place):
        await _all(entries, target.restore)
        yield [Moved("entry") for _ in entries]
    async for deltas in _pages(source.deltas, START, _change):
        await _all(deltas, target.add)
        yield [Moved("change") for _ in deltas]


async def _move_known(known: StoredFile | Tombstone, target: Index) -> Moved:
    there = await target.find(known.name)
    what = "file" if isinstance(known, StoredFile) else "tombstone"
    if there == known:
        return Moved(what)
    if there is not None and _time(there) > _time(known):
        return Moved(what, kept=True)
    if isinstance(known, Tombstone):
        await target.bury(known)
        return Moved(what)
    try:
        await target.add(known)
    except ContentBlocked:
        return Moved(what, kept=True)
    return Moved(what)


async def _index_pages(index: Index) -> AsyncIterator[Sequence[StoredFile | Tombstone]]:
    async for files in _pages(index.page, "", _next_name):
        yield files
    async for tombstones in _pages(index.buried, "", _next_name):
        yield tombstones


def _next_name(known: StoredFile | Tombstone) -> str:
    # The least name after this one.
    return f"{known.name}\0"


def _place(named: Named) -> tuple[str, str]:
    return named.kind, named.key


def _change(delta: Delta) -> tuple[str, str]:
    return delta.counter, delta.key


def _time(known: StoredFile | Tombstone) -> float:
    return known.uploaded_at if isinstance(known, StoredFile) else known.buried_at


async def _pages(
    read: Callable[[P, int], Awaitable[Sequence[T]]], start: P, after: Callable[[T], P]
) -> AsyncIterator[Sequence[T]]:
    while page := await read(start, PAGE):
        yield page
        start = after(page[-1])


async def _all(page: Sequence[T], move: Callable[[T], Awaitable[R]]) -> list[R]:
    # At once, so that a store can take many in one transaction.
    async def moved(one: T) -> R:
        return await move(one)

    begun = [Deferred.fromCoroutine(moved(one)) for one in page]
    try:
        return await gatherResults(begun, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
