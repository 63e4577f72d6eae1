"""The second of two stores of the shared state, while the first can do without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from attrs import define
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.state import START, Named, State

T = TypeVar("T")

PAGE: Final = 200
"""How many facts are brought over at a time."""


@define
class Spare:
    """
    Copies to a state and brings from it; what it cannot do is left undone.

    :param failed: is told of each failure.
    :ivar trouble: why it is not asked, until :meth:`look_after` finds it well.
    """

    log = Logger()

    state: State
    failed: Callable[[StoreFailed], object]
    trouble: str = ""

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask it for something; ``None`` if it cannot be asked."""
        if self.trouble:
            return None
        try:
            return await ask()
        except StoreFailed as error:
            self.log.warn("the fallback takes no copies, for {reason}", reason=str(error))
            self.trouble = str(error)
            self.failed(error)
            return None

    async def look_after(self) -> None:
        """See whether it is well again."""
        try:
            await self.state.ping()
        except StoreFailed as error:
            self.trouble = str(error)
            self.failed(error)
        else:
            self.trouble = ""
            self.log.info("the fallback takes copies again")

    async def learn_all(self, source: State) -> None:
        """
        Learn all that another state has.

        :raises StoreFailed: of the other state.
        """
        after = START
        while (page := await source.entries(after, PAGE)) and not self.trouble:
            await self.ask(partial(_all, self.state.restore, page))
            after = page[-1].kind, page[-1].key
        after = START
        while (changes := await source.deltas(after, PAGE)) and not self.trouble:
            await self.ask(partial(_all, self.state.add, changes))
            after = changes[-1].counter, changes[-1].key

    async def bring_entry(self, target: State, kind: str, key: str) -> None:
        """
        Give another state an entry, if there is one.

        :raises StoreFailed: of the other state.
        """
        entry = await self.ask(lambda: self.state.find(kind, key))
        if entry is not None:
            await target.restore(Named(kind, key, entry))

    async def bring_counter(self, target: State, counter: str) -> bool:
        """
        Give another state all changes of a counter; tell whether that was all.

        :raises StoreFailed: of the other state.
        """
        after = (counter, "")
        while page := await self.ask(partial(self.state.deltas, after, PAGE)):
            ours = [delta for delta in page if delta.counter == counter]
            await _all(target.add, ours)
            if len(ours) < len(page):
                break
            after = counter, ours[-1].key
        return not self.trouble

    async def bring_all(self, target: State) -> bool:
        """
        Give another state all there is; tell whether that was all.

        :raises StoreFailed: of the other state.
        """
        after = START
        while page := await self.ask(partial(self.state.entries, after, PAGE)):
            await _all(target.restore, page)
            after = page[-1].kind, page[-1].key
        after = START
        while changes := await self.ask(partial(self.state.deltas, after, PAGE)):
            await _all(target.add, changes)
            after = changes[-1].counter, changes[-1].key
        return not self.trouble


async def _all(do: Callable[[T], Awaitable[object]], page: Sequence[T]) -> None:
    # At once, so that a store can take many in one transaction.
    begun = [Deferred.fromCoroutine(_awaited(do(one))) for one in page]
    outcomes: Sequence[tuple[bool, Any]] = await DeferredList(begun, consumeErrors=True)
    for is_good, outcome in outcomes:
        if not is_good:
            outcome.raiseException()


async def _awaited(result: Awaitable[object]) -> object:
    return await result
