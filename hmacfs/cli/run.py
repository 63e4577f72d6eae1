"""Running the server in the foreground."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from hmacfs.base.memory import share_one_heap
from hmacfs.cli import stopping
from hmacfs.cli.logs import Log
from hmacfs.cli.reload import Reloads
from hmacfs.config.settings import Settings
from hmacfs.service.foundation import CannotStart, Reactor
from hmacfs.service.server import FileServer

log = Logger()


def run(
    settings: Settings, read: Callable[[], Settings], environ: Mapping[str, str], lines: Log
) -> int:
    """
    Serve until a signal says stop.

    :param read: reads the settings again, for a reload.
    :param lines: what is logged, which takes part in reloads.
    :return: the exit code: 0 after a stop, 1 if the server cannot start.
    """
    exit_code = 0

    def failed(failure: Failure) -> None:
        nonlocal exit_code
        if failure.check(CancelledError):
            return
        exit_code = 1
        tell(failure)
        reactor.stop()

    share_one_heap()
    server = FileServer(settings, cast(Reactor, reactor), environ, read)
    reactor.callWhenRunning(Reloads(server, lines.reloading(read)).on_hangup, reactor)
    reactor.callWhenRunning(server.startService)
    reactor.callWhenRunning(lambda: server.ready().addErrback(failed))
    stopping.only_once(reactor)
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    reactor.run()
    return exit_code


def tell(failure: Failure) -> None:
    """Log why a server cannot start: a sentence if it is known, else a traceback."""
    if failure.check(CannotStart):
        log.critical("{reason}", reason=failure.getErrorMessage())
    else:
        log.failure("cannot start", failure)
