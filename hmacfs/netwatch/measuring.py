"""Measures connections again and again, and gives up those whose client answers nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Final
from weakref import WeakSet

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from hmacfs.base.addresses import Address
from hmacfs.base.events import Events
from hmacfs.base.network_events import ConnectionsGivenUp, ConnectionsMeasured
from hmacfs.netwatch import tcp_info
from hmacfs.netwatch.connections import Connection, in_turns
from hmacfs.netwatch.quality import OTHERS, Meter, Thresholds

LEAST_UNANSWERED: Final = 2
"""Questions in succession without an answer that mean something: the last one may be on its way."""

ALL: Final = "all"
"""What all interfaces are together, where they are not told apart."""


@frozen
class Measures:
    """
    What is measured, and what for.

    :ivar interval: seconds between two looks.
    :ivar tells: whether the quality is told.
    :ivar by_interface: whether interfaces are told apart.
    :ivar thresholds: from where a connection is poor or bad.
    :ivar lives: how many questions in succession a client may leave unanswered; 0 is any.
    """

    interval: float
    tells: bool
    by_interface: bool
    thresholds: Thresholds
    lives: int

    @property
    def patience(self) -> float:
        """Seconds of silence after which a client that was asked is given up."""
        # The kernel asks in whole seconds.
        return self.lives * max(1, math.ceil(self.interval))


class QualityWatch:
    """
    Looks at all connections, each time a while after it has done so.

    :param connections: tells those that there are.
    :param interfaces: tells the name of the interface of each address of this machine.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        measures: Measures,
        connections: Callable[[], Collection[Connection]],
        interfaces: Callable[[], Mapping[Address, str]],
        events: Events,
    ) -> None:
        self._clock = clock
        self._measures = measures
        self._connections = connections
        self._interfaces = interfaces
        self._events = events
        self._meter = Meter(measures.thresholds)
        self._asked: WeakSet[Connection] = WeakSet()
        self._call: IDelayedCall | None = None
        self._running = False

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._later()

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _later(self) -> None:
        if self._running:
            self._call = self._clock.callLater(self._measures.interval, self._begin)

    def _begin(self) -> None:
        looking = Deferred.fromCoroutine(self._look())
        looking.addErrback(lambda failure: self.log.failure("connections not measured", failure))
        looking.addCallback(lambda _: self._later())

    async def _look(self) -> None:
        names = self._interfaces() if self._measures.by_interface else {}
        samples: list[tuple[object, str, tcp_info.Sample]] = []
        lost = 0
        async for connection in in_turns(self._clock, self._connections()):
            sample = None if connection.socket is None else tcp_info.sample(connection.socket)
            if sample is None:
                continue
            if self._is_lost(connection, sample):
                connection.abort()
                lost += 1
                continue
            name = ALL if not self._measures.by_interface else self._name(names, connection)
            samples.append((connection, name, sample))
        if lost:
            self.log.info("gave up {count} connections: their clients are silent", count=lost)
            self._events.tell(ConnectionsGivenUp(lost, "client"))
        if self._measures.tells:
            self._events.tell(ConnectionsMeasured(self._meter.measure(samples)))

    def _is_lost(self, connection: Connection, sample: tcp_info.Sample) -> bool:
        if not self._measures.lives:
            return False
        if connection not in self._asked and connection.socket is not None:
            self._asked.add(connection)
            tcp_info.probe(connection.socket, self._measures.interval)
        is_silent = sample.silence >= self._measures.patience
        return is_silent and sample.unanswered >= LEAST_UNANSWERED

    def _name(self, names: Mapping[Address, str], connection: Connection) -> str:
        return OTHERS if connection.here is None else names.get(connection.here, OTHERS)
