"""Settings become the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from hmacfs.auth.permit import Permit
from hmacfs.base.events import CredentialAccepted, Events, RecordsLost
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.observe.audit import Audit
from hmacfs.observe.chain import Facts
from hmacfs.observe.chain_stream import ChainStream
from hmacfs.observe.line_thread import LineThread, Output
from hmacfs.service.records import chain_file, wanted
from hmacfs.web.health import Part
from hmacfs.web.origin import note

STDOUT: Final = 1
"""The descriptor of standard output, which nobody closes."""

log = Logger()


class Keeper(Output[Facts], Protocol):
    """Where records are kept, and why not; the fault is empty while they are."""

    fault: str


class Auditing:
    """
    The audit log of a server, if there is one.

    Records are written by a thread, in their order.

    :param reactor: where what is wrong is told.
    :param records: false where somebody else does.
    """

    def __init__(
        self,
        settings: Settings,
        events: Events,
        reactor: IReactorFromThreads,
        *,
        records: bool = True,
    ) -> None:
        self._keeper: Keeper | None = None
        self._thread: LineThread[Facts] | None = None
        if not (records and settings[options.AUDIT_ENABLED]):
            return

        def on_lost(count: int) -> None:
            reactor.callFromThread(events.tell, RecordsLost(count))

        self._keeper = _keeper(settings, _say, on_lost)
        self._thread = LineThread(self._keeper, name="audit")
        self._audit = Audit(events, self._thread.put, wanted(settings), time.time)

    def start(self) -> None:
        """Begin to write."""
        if self._thread is not None:
            self._thread.start()

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload, and open the file anew."""
        if self._thread is not None:
            self._audit.wanted = wanted(settings)
            self._thread.reopen()

    def stop(self) -> None:
        """Write what waits, and end; blocks."""
        if self._thread is not None:
            self._thread.stop()

    def parts(self) -> dict[str, Part]:
        """Tell how it is, if there is one: the server works without."""
        if self._keeper is None or self._thread is None:
            return {}
        if self._thread.is_full:
            return {"audit": Part("degraded", "records come faster than they can be written")}
        if not self._keeper.fault:
            return {"audit": Part("ok")}
        # There may be nothing to write, and so nothing that would find out that it works again.
        self._thread.reopen()
        return {"audit": Part("degraded", self._keeper.fault)}


def noting(events: Events) -> Callable[[Permit], object]:
    """Make what is told of each credential that is genuine."""

    def accepted(permit: Permit) -> None:
        note(permit)
        events.tell(CredentialAccepted(permit.scheme))

    return accepted


def _say(sentence: str) -> None:
    log.warn("{sentence}", sentence=sentence)


def _keeper(
    settings: Settings, complain: Callable[[str], object], on_lost: Callable[[int], object]
) -> Keeper:
    if settings[options.AUDIT_OUTPUT] == "file":
        return chain_file(settings, complain, on_lost, rotates=True)
    return ChainStream(
        STDOUT,
        text=settings[options.AUDIT_FORMAT] == "text",
        complain=complain,
        on_lost=on_lost,
        now=time.time,
    )
