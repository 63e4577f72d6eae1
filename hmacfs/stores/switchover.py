"""Who of two stores of the shared state answers, and how that changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from typing import Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from hmacfs.base.events import Events, StoreCallFailed, StoreSwitched
from hmacfs.flow.pending import Pending
from hmacfs.flow.turns import Turns
from hmacfs.stores.graves import Graveyard
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.spare import Spare
from hmacfs.stores.state import Named, State

T = TypeVar("T")

PRIMARY: Final = "redis"
SECONDARY: Final = "fallback"

Thunk = Callable[[], Awaitable[object]]
"""What is still to be done."""

AGAIN: Final = 1.0
"""Seconds after which a store that has failed is asked again whether it is well."""


class Phase(Enum):
    """Who answers."""

    UP = "up"
    DOWN = "down"
    RETURNING = "returning"


MOVES: Final = (
    (Phase.UP, "a call fails or is late, or the health check does", Phase.DOWN),
    (Phase.DOWN, "the health check succeeds", Phase.RETURNING),
    (Phase.RETURNING, "a call fails or is late, or the health check does", Phase.DOWN),
    (Phase.RETURNING, "everything is brought over", Phase.UP),
)
"""From where, why, and to where."""


class Switchover:
    """
    Asks the first, and the second when the first fails, until the first is well again.

    It begins as if the first were down, until :meth:`start`.

    :param now: tells seconds since the epoch.
    :param interval: seconds after which the first is asked whether it is well when nothing else
        was asked of it.
    :param events: are told of failures and of who answers.
    :ivar phase: who answers.
    :ivar spare: the second.
    :ivar trouble: why the first does not, if it does not.
    """

    log = Logger()

    def __init__(
        self,
        primary: State,
        secondary: State,
        clock: IReactorTime,
        now: Callable[[], float],
        interval: float,
        events: Events,
    ) -> None:
        self.phase = Phase.DOWN
        self.trouble = "it was not asked yet"
        self._primary = Graveyard(primary, now)
        self._secondary = Graveyard(secondary, now)
        self.spare = secondary
        self._spare = Spare(secondary, self._spare_failed)
        self._clock = clock
        self._interval = interval
        self._events = events
        self._epoch = 0
        self._copying = Pending()
        self._under_way = Pending()
        self._waiting: list[Deferred[None]] | None = None
        self._brought: set[str] = set()
        self._draining = False
        self._turns = Turns()
        self._was_asked = False
        self._next: IDelayedCall | None = None
        self._closed = False

    @property
    def spare_trouble(self) -> str:
        """Why the second does not take copies, if it does not."""
        return self._spare.trouble

    async def start(self) -> None:
        """
        Begin to see whether the first is well.

        :raises StoreFailed: if it is not; the second answers then, and all goes on.
        """
        self._events.tell(StoreSwitched(PRIMARY, active=False))
        self._events.tell(StoreSwitched(SECONDARY, active=True))
        self._later()
        try:
            await self._primary.state.ping()
        except StoreFailed as error:
            self._count(PRIMARY, error)
            self.trouble = str(error)
            raise
        await self._come_back()

    async def close(self) -> None:
        """Finish what was begun and let go of both."""
        self._closed = True
        self._stop_looking()
        await self._primary.state.close()
        await self._secondary.state.close()

    def ask(
        self,
        ask: Callable[[Graveyard], Awaitable[T]],
        bring: Thunk,
        copy: Callable[[], Awaitable[Thunk]] | None = None,
    ) -> Deferred[T]:
        """
        Ask the first, or the second if the first fails.

        :param ask: is done anew by the second if it is not known whether the first has done it.
        :param bring: gives the first what the second knows of it, while it is returning.
        :param copy: tells how the second learns what the first has done.
        """
        return Deferred.fromCoroutine(self._asked(ask, bring, copy))

    async def _asked(
        self,
        ask: Callable[[Graveyard], Awaitable[T]],
        bring: Thunk,
        copy: Callable[[], Awaitable[Thunk]] | None,
    ) -> T:
        await self._admitted()
        if self.phase is Phase.DOWN:
            return await self._ask_secondary(ask)
        with self._under_way:
            epoch = self._epoch
            try:
                said = await self._ask_primary(ask, bring, copy, epoch)
            except StoreFailed as error:
                self._fell(error, epoch)
                if self._closed:
                    raise
            else:
                if said is not None:
                    answer, learn = said
                    self._was_asked = True
                    with self._copying:
                        await self._spare.ask(learn)
                    return answer
            # The first does not answer again before this is done, so none is asked for it twice.
            return await self._ask_secondary(ask)

    async def _ask_primary(
        self,
        ask: Callable[[Graveyard], Awaitable[T]],
        bring: Thunk,
        copy: Callable[[], Awaitable[Thunk]] | None,
        epoch: int,
    ) -> tuple[T, Thunk] | None:
        # ``None``: it has failed others meanwhile.
        if self.phase is Phase.RETURNING:
            await bring()
        if epoch != self._epoch:
            # It may have lost what it was given; then what it does now would be newer than what
            # the second knows, and count for more.
            return None
        answer = await ask(self._primary)
        learn = nothing_to_do if copy is None else await copy()
        # What it says after the second has begun to answer may contradict that.
        return (answer, learn) if epoch == self._epoch else None

    async def _ask_secondary(self, ask: Callable[[Graveyard], Awaitable[T]]) -> T:
        with self._copying:
            try:
                return await ask(self._secondary)
            except StoreFailed as error:
                self._spare.trouble = str(error)
                self._spare_failed(error)
                raise StoreFailed(f"{error}; {self.trouble}") from error

    async def _admitted(self) -> None:
        while self._waiting is not None:
            turn: Deferred[None] = Deferred()
            self._waiting.append(turn)
            await turn

    def _fell(self, error: StoreFailed, epoch: int) -> None:
        self._count(PRIMARY, error)
        if epoch != self._epoch or self._closed:
            return
        self._trouble(str(error))
        self._enter(Phase.DOWN)
        self._later()

    def _enter(self, phase: Phase) -> None:
        before, self.phase = self.phase, phase
        if (before is Phase.DOWN) != (phase is Phase.DOWN):
            self._epoch += 1
            self._brought.clear()
            self._events.tell(StoreSwitched(PRIMARY, active=phase is not Phase.DOWN))
            self._events.tell(StoreSwitched(SECONDARY, active=phase is Phase.DOWN))

    def _trouble(self, sentence: str) -> None:
        if sentence != self.trouble:
            self.log.warn("the fallback answers, for {reason}", reason=sentence)
        self.trouble = sentence

    async def _come_back(self) -> None:
        # Whoever asked the first before it failed is answered by the second.
        await self._under_way.idle()
        if self._waiting is not None or self.phase is not Phase.DOWN or self._closed:
            return
        # Nothing may be under way that the second would acknowledge after the first has answered.
        self._waiting = []
        await self._copying.idle()
        self._enter(Phase.RETURNING)
        waiting, self._waiting = self._waiting, None
        for turn in waiting:
            turn.callback(None)
        self._begin_to_bring()

    def _begin_to_bring(self) -> None:
        # Those who waited for the first may have found it down again.
        if self.phase is Phase.RETURNING and not self._draining:
            self._draining = True
            Deferred.fromCoroutine(self._bring_all())

    async def _bring_all(self) -> None:
        epoch = self._epoch
        try:
            is_whole = await self._spare.bring_all(self._primary.state)
            if is_whole and epoch == self._epoch:
                self._enter(Phase.UP)
                self.trouble = ""
                self._stop_looking()
                self.log.info("the store that failed is back, and knows what happened meanwhile")
        except StoreFailed as error:
            self._fell(error, epoch)
        finally:
            self._draining = False
            self._later()

    def bringing(self, kind: str, key: str) -> Thunk:
        """Tell how the first learns what the second knows of an entry."""
        return partial(self._spare.bring_entry, self._primary.state, kind, key)

    async def bring(self) -> None:
        """Tell the first all that the second knows."""
        await self._spare.bring_all(self._primary.state)

    async def bring_counter(self, counter: str) -> None:
        """Tell the first what the second knows of a counter."""
        epoch = self._epoch
        if counter in self._brought:
            return
        is_whole = await self._spare.bring_counter(self._primary.state, counter)
        if is_whole and epoch == self._epoch:
            self._brought.add(counter)

    async def copy_entry(self, kind: str, key: str) -> Thunk:
        """Tell how the second learns what the first knows of an entry."""
        entry = await self._primary.state.find(kind, key)
        if entry is None:
            return nothing_to_do
        return partial(self._spare.state.restore, Named(kind, key, entry))

    def _spare_failed(self, error: StoreFailed) -> None:
        self._count(SECONDARY, error)
        self._later()

    def _count(self, store: str, error: StoreFailed) -> None:
        self._events.tell(StoreCallFailed(store, error.kind))

    def _stop_looking(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _later(self) -> None:
        if self._closed:
            return
        is_well = self.phase is Phase.UP and not self._spare.trouble
        wait = self._interval if is_well else min(AGAIN, self._interval)
        if self._next is not None and self._next.active():
            # Never later than was intended: failures may come all the time.
            if self._next.getTime() <= self._clock.seconds() + wait:
                return
            self._next.cancel()
        self._next = self._clock.callLater(wait, self._look)

    def _look(self) -> None:
        Deferred.fromCoroutine(self._look_after()).addErrback(
            lambda failure: self.log.failure("the stores could not be looked after", failure)
        )

    async def _look_after(self) -> None:
        try:
            if self._spare.trouble:
                await self._look_after_spare()
            match self.phase:
                case Phase.DOWN:
                    await self._look_after_primary()
                case Phase.RETURNING:
                    self._begin_to_bring()
                case Phase.UP if not self._was_asked:
                    await self.ask(lambda store: store.state.ping(), nothing_to_do)
            self._was_asked = False
        finally:
            self._later()

    async def _look_after_spare(self) -> None:
        await self._spare.look_after()
        if self._spare.trouble or self.phase is Phase.DOWN:
            return
        # What was asked meanwhile is known to the first alone.
        epoch = self._epoch
        try:
            await self._spare.learn_all(self._primary.state)
        except StoreFailed as error:
            self._fell(error, epoch)

    async def _look_after_primary(self) -> None:
        try:
            await self._primary.state.ping()
        except StoreFailed as error:
            self._count(PRIMARY, error)
            self._trouble(str(error))
        else:
            await self._come_back()


async def nothing_to_do() -> None:
    """Do nothing, where something may be to be done."""
