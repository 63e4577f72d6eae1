"""All sessions of this host: on the disk, and in memory while they are used."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Final, TypeVar

from attrs import frozen
from twisted.logger import Logger

from hmacfs.base.errors import Unknown
from hmacfs.base.events import Events, SessionsCounted
from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import NameExists, StorageFull, Unfinished
from hmacfs.flow.turns import Turns
from hmacfs.uploads import record
from hmacfs.uploads.live import Live
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session

K = TypeVar("K")

MOST_AT_HAND: Final = 512
"""Sessions that nobody uses and that are kept in memory all the same."""


@frozen
class Summary:
    """What of a session has to be known of all of them at any time."""

    state: State
    owner: str | None
    name: StoredName | None
    touched_at: float
    expires_at: float
    length: int
    received: int
    parts: tuple[str, ...]

    @classmethod
    def of(cls, session: Session) -> Summary:
        """Sum up."""
        draft = session.draft
        if not session.state.takes_bytes:
            # There may be very many of them, of which only the end matters.
            return cls(session.state, None, None, 0.0, session.expires_at, 0, 0, ())
        # A length that is not known claims what is here.
        length = session.received if session.length is None else session.length
        return cls(
            session.state,
            draft.owner,
            draft.name,
            session.touched_at,
            session.expires_at,
            length,
            session.received,
            draft.parts if session.state is State.OPEN else (),
        )


class Table:
    """
    Knows every session.  Lives as long as the process, whatever is reloaded.

    What an earlier process left is found when it is asked for; :meth:`scan`
    makes it known for limits and expiry.

    :ivar known: all sessions, by id, as far as they are known.
    :ivar joining: the ids of those that wait for parts.
    :ivar announced: how many bytes those that hold bytes have announced together.
    """

    log = Logger()

    def __init__(self, unfinished: Unfinished, events: Events) -> None:
        self.unfinished = unfinished
        self.events = events
        self.known: dict[str, Summary] = {}
        self._lives: OrderedDict[str, Live] = OrderedDict()
        self._turns = Turns()
        self._counts: Counter[str] = Counter({state.value: 0 for state in State})
        self._owners: dict[str, set[str]] = {}
        self._names: dict[StoredName, set[str]] = {}
        self.joining: set[str] = set()
        self.announced = 0
        self._watchers: dict[str, list[Callable[[Session, int], object]]] = {}
        self._scanned = False
        self._ranks = count(1)

    def rank(self) -> int:
        """Tell the rank of a request: those that come later have a higher one."""
        return next(self._ranks)

    async def begin(self, session: Session) -> Live:
        """
        Make a session durable.

        :raises NameExists: if there is one of its id.
        """
        async with self._turns.of(session.id):
            if session.id in self._lives:
                raise NameExists("there is a session of this id")
            blob = await self.unfinished.begin(session.id, record.encode(session))
            live = Live(session, self.unfinished)
            live.begun(blob)
            self._at_hand(live)
            self.note(live)
        return live

    @asynccontextmanager
    async def using(self, id: str) -> AsyncIterator[Live]:
        """
        Use a session.

        :raises Unknown: if there is none.
        """
        live = await self._load(id)
        # Without a wait in between, so that it is not let go of.
        live.holders += 1
        try:
            yield live
        finally:
            live.holders -= 1

    async def _load(self, id: str) -> Live:
        async with self._turns.of(id):
            live = self._lives.get(id)
            if live is None:
                written = await self.unfinished.find(id)
                if written is None:
                    self._drop(id)
                    raise Unknown("there is no such upload")
                try:
                    live = Live(record.decode(written), self.unfinished)
                    live.interrupted = live.session.received > 0
                except ValueError as error:
                    self.log.error("an upload has unreadable facts: {error}", error=error)
                    raise Unknown("there is no such upload") from None
            self._at_hand(live)
        if id not in self.known:
            self.note(live)
        return live

    def _at_hand(self, live: Live) -> None:
        self._lives[live.session.id] = live
        self._lives.move_to_end(live.session.id)
        if len(self._lives) > MOST_AT_HAND:
            idle = [id for id, each in self._lives.items() if not each.holders and each is not live]
            for id in idle[: len(self._lives) - MOST_AT_HAND]:
                del self._lives[id]

    async def conclude(self, live: Live, session: Session) -> None:
        """
        Let the bytes of a session go, which is over.

        Where there is no room to write that down it is known as long as the process lives.
        """
        try:
            await self.unfinished.conclude(session.id, record.encode(session))
        except StorageFull as full:
            self.log.warn("what became of an upload is not written down: {reason}", reason=full)
            await self.unfinished.forget(session.id)
        live.session = session
        self.note(live)

    async def forget(self, id: str, *, over: bool = False) -> None:
        """
        Let a session go as if it had never been.

        :param over: whether only one that is over: one of its id may have begun meanwhile.
        """
        async with self._turns.of(id):
            before = self.known.get(id)
            if over and before is not None and before.state.takes_bytes:
                return
            await self.unfinished.forget(id)
            self._drop(id)

    def _drop(self, id: str) -> None:
        self._lives.pop(id, None)
        self._watchers.pop(id, None)
        before = self.known.pop(id, None)
        if before is not None:
            self._leave(id, before)
            self._tell()

    async def clear(self) -> None:
        """Let all sessions go, when nobody uses them any more."""
        for id in await self.unfinished.keys():
            await self.forget(id)

    def note(self, live: Live, received: int | None = None) -> None:
        """
        Take notice of what a session is now, and tell those who watch it.

        :param received: how many bytes have come, if that is more than is durable.
        """
        session = live.session
        before = self.known.get(session.id)
        summary = self.known[session.id] = Summary.of(session)
        if before is not None:
            self._leave(session.id, before)
        self._enter(session.id, summary)
        if before is None or before.state is not summary.state:
            self._tell()
        for watcher in tuple(self._watchers.get(session.id, ())):
            watcher(session, session.received if received is None else received)

    def _enter(self, id: str, summary: Summary) -> None:
        self._counts[summary.state.value] += 1
        if summary.parts:
            self.joining.add(id)
        if summary.state.takes_bytes:
            self.announced += summary.length
            if summary.owner is not None:
                self._owners.setdefault(summary.owner, set()).add(id)
            if summary.name is not None:
                self._names.setdefault(summary.name, set()).add(id)

    def _leave(self, id: str, summary: Summary) -> None:
        self._counts[summary.state.value] -= 1
        self.joining.discard(id)
        if summary.state.takes_bytes:
            self.announced -= summary.length
            if summary.owner is not None:
                _take_out(self._owners, summary.owner, id)
            if summary.name is not None:
                _take_out(self._names, summary.name, id)

    def _tell(self) -> None:
        self.events.tell(SessionsCounted(dict(self._counts)))

    @property
    def unfinished_count(self) -> int:
        """How many sessions hold bytes."""
        return self._counts[State.OPEN.value] + self._counts[State.COMPLETE.value]

    def of_owner(self, owner: str) -> list[tuple[str, Summary]]:
        """Tell the sessions of an owner that hold bytes, with their ids."""
        return [(id, self.known[id]) for id in self._owners.get(owner, ())]

    def of_name(self, name: StoredName) -> list[Summary]:
        """Tell the sessions that hold bytes of a file of this name."""
        return [self.known[id] for id in self._names.get(name, ())]

    def watch(self, id: str, watcher: Callable[[Session, int], object]) -> Callable[[], None]:
        """Call ``watcher`` whenever a session moves; what is returned ends that."""
        watchers = self._watchers.setdefault(id, [])
        watchers.append(watcher)

        def stop() -> None:
            with suppress(ValueError):
                watchers.remove(watcher)
            if not watchers and self._watchers.get(id) is watchers:
                del self._watchers[id]

        return stop

    async def scan(self) -> None:
        """Take notice of what an earlier process left; does nothing the second time."""
        if self._scanned:
            return
        for id in await self.unfinished.keys():
            if id in self.known:
                continue
            written = await self.unfinished.find(id)
            if id in self.known or written is None:
                continue
            try:
                live = Live(record.decode(written), self.unfinished)
            except ValueError as error:
                self.log.error("an upload has unreadable facts: {error}", error=error)
                continue
            self.note(live)
        self._scanned = True


def _take_out(index: dict[K, set[str]], key: K, id: str) -> None:
    ids = index[key]
    ids.discard(id)
    if not ids:
        del index[key]
