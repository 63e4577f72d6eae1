"""Watches the network: the kernel tells of it, or else it is looked at again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from hmacfs.base.network_events import NetworkChanged
from hmacfs.netwatch.facts import Facts
from hmacfs.netwatch.kernel import KernelWatch, Socket, WatchReactor
from hmacfs.netwatch.settling import Settling


@frozen
class Pace:
    """
    How soon a change is seen.

    :ivar interval: seconds from a change to the next look at everything; after a quiet one
        twice as long, and so on.
    :ivar longest: seconds between two looks at the most.
    :ivar looks: for how many intervals a change has to last to be believed.
    """

    interval: float
    longest: float
    looks: int = 1

    @property
    def patience(self) -> float:
        """Seconds that a change has to last to be believed."""
        return self.interval * self.looks

    def after(self, wait: float) -> float:
        """Tell how long to wait after a wait in which nothing has changed."""
        return max(self.interval, min(2 * wait, self.longest))


class NetworkWatch:
    """
    Keeps a picture of the network, and tells what changes in it.

    :param open_socket: opens the kernel's routing socket, or raises :class:`OSError`.
    :param look: tells what there is, or raises :class:`OSError`.
    :param changed: is told what has changed for good.
    :param began: is called when it is first known what there is.
    :ivar fault: why nothing is known, if nothing is.
    :ivar is_told: whether the kernel tells of changes by itself.
    """

    log = Logger()

    def __init__(
        self,
        reactor: WatchReactor,
        pace: Pace,
        open_socket: Callable[[], Socket],
        look: Callable[[], Awaitable[Facts]],
        changed: Callable[[Sequence[NetworkChanged]], object],
        began: Callable[[], object] = lambda: None,
    ) -> None:
        self.fault = "it has not been looked at yet"
        self.is_told = False
        self._reactor = reactor
        self._pace = pace
        self._open_socket = open_socket
        self._look = look
        self._changed = changed
        self._began = began
        self._settling = Settling(reactor, pace.patience, self._report)
        self._kernel: KernelWatch | None = None
        self._wait = pace.interval
        self._call: IDelayedCall | None = None
        self._running = False
        self._known = False

    @property
    def facts(self) -> Facts:
        """What the network looks like."""
        return self._settling.believed

    def start(self) -> None:
        """Begin to watch."""
        self._running = True
        try:
            connection = self._open_socket()
        except OSError as error:
            self._not_told(str(error))
            return
        self.is_told = True
        self._kernel = KernelWatch(
            self._reactor, connection, self._settling, self._looked, self._not_told
        )
        self._kernel.start()

    def stop(self) -> None:
        """Watch no more."""
        self._running = False
        if self._kernel is not None:
            self._kernel.stop()
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._settling.stop()

    def _report(self, changes: Sequence[NetworkChanged]) -> None:
        self._wait = self._pace.interval
        if self._call is not None and self._call.active():
            self._call.reset(self._wait)
        self._changed(changes)

    # Looking at everything, in either way.

    def _looked(self) -> None:
        self.fault = ""
        if not self._known:
            self._known = True
            self._began()
        if self._settling.unsettled:
            self._wait = self._pace.interval
        self._later()

    def _later(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        if self._running:
            self._call = self._reactor.callLater(self._wait, self._again)
            self._wait = self._pace.after(self._wait)

    def _again(self) -> None:
        if self._kernel is not None:
            self._kernel.look()
        else:
            Deferred.fromCoroutine(self._look_once())

    # Without the kernel's help.

    def _not_told(self, reason: str) -> None:
        self.log.warn(
            "the kernel does not tell of changes of the network ({reason}); it is looked at "
            "every {longest:g} seconds, and every {interval:g} after a change",
            reason=reason,
            longest=self._pace.longest,
            interval=self._pace.interval,
        )
        self.is_told = False
        self._kernel = None
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._again()

    async def _look_once(self) -> None:
        try:
            facts = await self._look()
        except (OSError, ValueError) as error:
            if self._running and self.fault != str(error):
                self.fault = str(error)
                self.log.error("the network cannot be watched: {error}", error=error)
            self._later()
            return
        if self._running:
            if self._known:
                self._settling.see_all(facts)
            else:
                self._settling.begin(facts)
            self._looked()
