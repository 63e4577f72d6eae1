"""
Two stores of the shared state, of which the second takes over when the first fails.

What the first has done is copied to the second before it is acknowledged.  So
the second knows all that this process has asked for, and goes on alone at once;
and when the first comes back, even with nothing in it, it gets from the second
what it does not know.  Both can hold the same fact, for every fact says how old
it is (the sequence of an entry) or which it is (the key of a change), and the
newest of each is what counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred

from hmacfs.stores.graves import Graveyard
from hmacfs.stores.state import Delta, Entry, Named, checked
from hmacfs.stores.switchover import Switchover, Thunk, nothing_to_do

T = TypeVar("T")


class FallbackState(Switchover):
    """
    A :class:`~hmacfs.stores.state.State` that is kept by two.

    An entry may be put anew with a later end, not with an earlier one: the first
    might know the old one when the second has forgotten both.
    """

    def find(self, kind: str, key: str) -> Deferred[Entry | None]:
        """Tell an entry, or ``None``."""
        return self._ask_of(kind, key, lambda store: store.find(kind, key), changes=False)

    def claim(self, kind: str, key: str, value: bytes, until: float) -> Deferred[Entry]:
        """Keep an entry unless there is one; tell which there is now."""
        return self._ask_of(kind, key, lambda store: store.claim(kind, key, value, until))

    def put(
        self, kind: str, key: str, value: bytes, until: float, expected: int | None = None
    ) -> Deferred[bool]:
        """Keep an entry in the place of the one that is there; tell whether that was done."""
        return self._ask_of(kind, key, lambda store: store.put(kind, key, value, until, expected))

    def delete(self, kind: str, key: str) -> Deferred[None]:
        """Forget an entry, if there is one."""
        return self._ask_of(kind, key, lambda store: store.bury(kind, key))

    def restore(self, named: Named) -> Deferred[None]:
        """Keep an entry of another store as it is, unless a newer one is there."""
        return self._ask_of(named.kind, named.key, lambda store: store.state.restore(named))

    def entries(self, after: tuple[str, str], limit: int) -> Deferred[Sequence[Named]]:
        """Tell the entries after a kind and key, in the order of their bytes, at most so many."""
        return self.ask(lambda store: store.entries(after, limit), self.bring)

    def add(self, delta: Delta) -> Deferred[None]:
        """Change a counter, unless this change was made before."""
        checked(delta.counter, delta.key)
        return self.ask(
            lambda store: store.state.add(delta),
            partial(self.bring_counter, delta.counter),
            partial(_known, partial(self.spare.add, delta)),
        )

    def total(self, counter: str) -> Deferred[int]:
        """Tell the sum of the changes of a counter; 0 if it is not there."""
        checked(counter)
        return self.ask(
            lambda store: store.state.total(counter), partial(self.bring_counter, counter)
        )

    def deltas(self, after: tuple[str, str], limit: int) -> Deferred[Sequence[Delta]]:
        """Tell the changes after a counter and key, in the order of their bytes, so many."""
        return self.ask(lambda store: store.state.deltas(after, limit), self.bring)

    def subtract(self, delta: Delta) -> Deferred[None]:
        """Forget a change of a counter, if it was made; not while the first is down."""
        return self.ask(
            lambda store: store.state.subtract(delta),
            partial(self.bring_counter, delta.counter),
            partial(_known, partial(self.spare.subtract, delta)),
        )

    def clear_expired(self) -> Deferred[None]:
        """Give back the room of what is over, in both."""
        return self.ask(
            lambda store: store.state.clear_expired(),
            nothing_to_do,
            partial(_known, self.spare.clear_expired),
        )

    def ping(self) -> Deferred[None]:
        """See whether one of them answers."""
        return self.ask(lambda store: store.state.ping(), nothing_to_do)

    def _ask_of(
        self,
        kind: str,
        key: str,
        ask: Callable[[Graveyard], Awaitable[T]],
        changes: bool = True,
    ) -> Deferred[T]:
        checked(kind, key)
        copy = partial(self.copy_entry, kind, key) if changes else None

        async def asked() -> T:
            # Nobody may build upon what is not acknowledged yet: the second might never learn it.
            async with self._turns.of((kind, key)):
                return await self.ask(ask, self.bringing(kind, key), copy)

        return Deferred.fromCoroutine(asked())


async def _known(thunk: Thunk) -> Thunk:
    return thunk
