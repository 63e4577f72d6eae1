"""Settings become the audit log."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from hmacfs.auth.permit import Permit
from hmacfs.base.events import CredentialAccepted, Events, RecordsLost, administering
from hmacfs.base.origin import acting_for
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.observe.audit import Audit
from hmacfs.observe.backups import Backups, tidying
from hmacfs.observe.chain import Facts
from hmacfs.observe.chain_file import ChainFile
from hmacfs.observe.chain_stream import ChainStream
from hmacfs.observe.line_thread import LineThread, Output
from hmacfs.web.health import Part
from hmacfs.web.origin import note

MEGABYTE: Final = 1024 * 1024
DAY: Final = 24 * 60 * 60.0

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
        self._audit = Audit(events, self._thread.put, _wanted(settings), time.time)

    def start(self) -> None:
        """Begin to write."""
        if self._thread is not None:
            self._thread.start()

    def adopt(self, settings: Settings) -> None:
        """Take the settings of a reload, and open the file anew."""
        if self._thread is not None:
            self._audit.wanted = _wanted(settings)
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


@frozen
class CommandOrigin:
    """A command that somebody gave on this machine."""

    user: str

    def who(self) -> Mapping[str, str]:
        """Tell whose account that was."""
        return {"user": self.user}

    def what(self) -> Mapping[str, str]:
        """Tell nothing: the command tells for itself."""
        return {}


@contextmanager
def recording(
    settings: Settings, action: str, subject: str, warn: Callable[[str], object]
) -> Iterator[Events]:
    """
    Record what a command does, beside a server or in its place.

    What is told to the events within is recorded, and how the command ended.

    :param action: the name of the command.
    :param subject: what it is about; empty for everything.
    :param warn: is told in a sentence what is wrong with the log, which keeps no command from its
        work.
    """
    events = Events()
    if not settings[options.AUDIT_ENABLED] or settings[options.AUDIT_OUTPUT] != "file":
        # The standard output of a command is for what it prints.
        yield events
        return
    file = _file(settings, warn, lambda _: None, rotates=False)
    Audit(events, file.write, _wanted(settings), time.time)
    with closing(file), acting_for(CommandOrigin(user())), administering(events, action, subject):
        yield events


def noting(events: Events) -> Callable[[Permit], object]:
    """Make what is told of each credential that is genuine."""

    def accepted(permit: Permit) -> None:
        note(permit)
        events.tell(CredentialAccepted(permit.scheme))

    return accepted


def _wanted(settings: Settings) -> frozenset[str]:
    events: tuple[str, ...] = settings[options.AUDIT_EVENTS]
    return frozenset(events)


def user() -> str:
    """Tell whose account a command is given by."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _say(sentence: str) -> None:
    log.warn("{sentence}", sentence=sentence)


def _keeper(
    settings: Settings, complain: Callable[[str], object], on_lost: Callable[[int], object]
) -> Keeper:
    if settings[options.AUDIT_OUTPUT] == "file":
        return _file(settings, complain, on_lost, rotates=True)
    return ChainStream(
        STDOUT,
        text=settings[options.AUDIT_FORMAT] == "text",
        complain=complain,
        on_lost=on_lost,
        now=time.time,
    )


def _file(
    settings: Settings,
    complain: Callable[[str], object],
    on_lost: Callable[[int], object],
    *,
    rotates: bool,
) -> ChainFile:
    age = settings[options.AUDIT_MAX_AGE] * DAY
    path = settings[options.AUDIT_PATH].absolute()
    backups = Backups(path, sys.maxsize, age, compress=True)
    return ChainFile(
        backups,
        text=settings[options.AUDIT_FORMAT] == "text",
        largest=settings[options.AUDIT_MAX_SIZE] * MEGABYTE if rotates else 0,
        tidy=tidying(backups, "audit-tidy") if rotates else lambda: None,
        complain=complain,
        on_lost=on_lost,
        seconds=time.monotonic,
        now=time.time,
    )
