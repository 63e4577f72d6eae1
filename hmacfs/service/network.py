"""Settings become the watch over this machine's network, and what the server does about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from ipaddress import ip_address
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.base.addresses import Address
from hmacfs.base.events import Events
from hmacfs.base.network_events import ConnectionsGivenUp, ConnectionsMeasured, NetworkChanged
from hmacfs.config import options
from hmacfs.config.settings import Settings, Source
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import ThreadedPool
from hmacfs.netwatch.connections import Connection, in_turns
from hmacfs.netwatch.facts import Facts, Link, addresses, interfaces
from hmacfs.netwatch.kernel import Socket, WatchReactor, open_socket
from hmacfs.netwatch.looking import look
from hmacfs.netwatch.measuring import QualityWatch
from hmacfs.netwatch.ranking import Ranking
from hmacfs.netwatch.watch import NetworkWatch, Pace
from hmacfs.service.quality import measures, preferences
from hmacfs.web.health import Part

UNHURRIED: Final = 5.0
"""Seconds that a change has to last without ``fast_detection`` (3.2 documents)."""

LOGGED_AT_ONCE: Final = 20
"""Changes that have lines of their own in the log, of those that are told together."""

_WORDS: Final = {
    "interface_added": "the interface {interface} is there",
    "interface_up": "the interface {interface} is up",
    "interface_down": "the interface {interface} is down",
    "interface_removed": "the interface {interface} is gone",
    "address_added": "{interface} has the address {address}",
    "address_removed": "{interface} has the address {address} no more",
}


class Openings(Protocol):
    """The places to listen on."""

    @property
    def waiting(self) -> Sequence[object]:
        """Those whose address this machine does not have."""

    async def retry(self) -> None:
        """Listen on those whose address has come."""


def pace(settings: Settings) -> Pace:
    """Tell how soon changes are seen."""
    option = options.NETWORK_RESILIENCE_DETECTION_INTERVAL
    is_given = settings.origin(option).source is not Source.DEFAULT
    is_fast = is_given or settings[options.NETWORK_RESILIENCE_FAST_DETECTION]
    interval = settings[option] if is_fast else UNHURRIED
    longest = settings[options.NETWORK_RESILIENCE_MAX_DETECTION_INTERVAL]
    looks = settings[options.NETWORK_RESILIENCE_NETWORK_CHANGE_THRESHOLD]
    return Pace(interval, max(interval, longest), looks)


class Network:
    """
    Watches the network of this machine, tells the events, and acts on them.

    Connections to an address that is gone are cut, which lets their uploads rest, to
    be taken up from elsewhere; where an address has come that was waited for, it is
    listened on.  The quality of connections is measured if that is wanted.
    Without ``server.networkevents`` nothing is done.

    :param pool: where it is looked at the network when the kernel does not tell.
    :param pending: counts what must end before the storage may be closed.
    """

    log = Logger()

    def __init__(
        self,
        settings: Settings,
        reactor: WatchReactor,
        pool: ThreadedPool,
        events: Events,
        pending: Pending,
        open_routing: Callable[[], Socket] = open_socket,
    ) -> None:
        self._reactor = reactor
        self._pool = pool
        self._events = events
        self._pending = pending
        self._connections: Callable[[], Collection[Connection]] = tuple
        self._openings: Openings | None = None
        self._watch: NetworkWatch | None = None
        if settings[options.SERVER_NETWORKEVENTS]:
            self._watch = NetworkWatch(
                reactor,
                pace(settings),
                open_routing,
                lambda: pool.run(look),
                self._changed,
                self._began,
            )
        wanted = preferences(settings)
        self._ranking: Ranking | None = None
        if wanted is not None:
            self._ranking = Ranking(reactor, wanted, self._facts, events)
            events.listen(ConnectionsMeasured, self._measured)
        self._measures = measures(settings)
        self._quality: QualityWatch | None = None

    def start(self, connections: Callable[[], Collection[Connection]], openings: Openings) -> None:
        """Begin to watch; the server listens by now."""
        self._connections = connections
        self._openings = openings
        if self._watch is not None:
            self._pool.start()
            self._watch.start()
        if self._measures is not None:
            self._quality = QualityWatch(
                self._reactor, self._measures, connections, self._interfaces, self._events
            )
            self._quality.start()

    def stop(self) -> None:
        """Watch no more."""
        if self._watch is not None and self._openings is not None:
            self._openings = None
            self._watch.stop()
            self._pool.stop()
            if self._quality is not None:
                self._quality.stop()
            if self._ranking is not None:
                self._ranking.stop()

    def _facts(self) -> Facts:
        return self._watch.facts if self._watch is not None else {}

    def _interfaces(self) -> Mapping[Address, str]:
        return interfaces(self._facts())

    def _measured(self, event: ConnectionsMeasured) -> None:
        if self._ranking is not None:
            self._ranking.measured(event.interfaces)

    def parts(self) -> dict[str, Part]:
        """Tell how the network is, if it is watched."""
        if self._watch is None:
            return {}
        waiting = self._openings.waiting if self._openings is not None else ()
        if waiting:
            detail = f"no address yet to listen on: {', '.join(map(str, waiting))}"
            return {"network": Part("degraded", detail)}
        if self._watch.fault:
            return {"network": Part("degraded", f"not watched: {self._watch.fault}")}
        how = "told by the kernel" if self._watch.is_told else "looked at"
        best = self._ranking.best if self._ranking is not None else ""
        detail = ", ".join(
            [self._summary(), how, *([f"the best interface is {best}"] if best else [])]
        )
        return {"network": Part("ok", detail)}

    def _summary(self) -> str:
        facts = self._facts()
        links = [fact for fact in facts.values() if isinstance(fact, Link)]
        up = sum(link.up for link in links)
        return f"{up} of {len(links)} interfaces up, {len(addresses(facts))} addresses"

    def _began(self) -> None:
        self.log.info("the network is watched: {summary}", summary=self._summary())
        if self._ranking is not None:
            self._ranking.judge()
        # An address may have come between the attempt to listen and this.
        self._do(self._listen())

    def _changed(self, changes: Sequence[NetworkChanged]) -> None:
        for change in changes[:LOGGED_AT_ONCE]:
            self.log.info(_WORDS[change.kind], interface=change.interface, address=change.address)
        if len(changes) > LOGGED_AT_ONCE:
            more = len(changes) - LOGGED_AT_ONCE
            self.log.info("{more} more changes of the network", more=more)
        for change in changes:
            self._events.tell(change)
        if self._ranking is not None:
            self._ranking.changed(changes)
        gone = {
            ip_address(change.address) for change in changes if change.kind == "address_removed"
        }
        if self._watch is not None and (gone := gone - addresses(self._watch.facts)):
            self._do(self._strand(gone))
        if any(change.kind == "address_added" for change in changes):
            self._do(self._listen())

    async def _strand(self, gone: Collection[Address]) -> None:
        count = 0
        async for connection in in_turns(self._reactor, self._connections()):
            if connection.here in gone:
                connection.abort()
                count += 1
        if count:
            self.log.info("cut {count} connections to addresses that are gone", count=count)
            self._events.tell(ConnectionsGivenUp(count, "address"))

    async def _listen(self) -> None:
        if self._openings is not None and self._openings.waiting:
            await self._openings.retry()

    def _do(self, work: Coroutine[Deferred[object], object, None]) -> None:
        async def whole() -> None:
            with self._pending:
                await work

        Deferred.fromCoroutine(whole()).addErrback(
            lambda failure: self.log.failure("what a change of the network asks for", failure)
        )
