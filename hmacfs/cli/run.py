"""Running the server in the foreground."""

from __future__ import annotations

from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from hmacfs.config.settings import Settings
from hmacfs.service.foundation import CannotStart
from hmacfs.service.server import FileServer, Reactor

log = Logger()


def run(settings: Settings) -> int:
    """Serve until a signal says stop; tell the exit code: 0 after a stop, 1 if it cannot start."""
    exit_code = 0

    def failed(failure: Failure) -> None:
        nonlocal exit_code
        if failure.check(CancelledError):
            return
        exit_code = 1
        tell(failure)
        reactor.stop()

    server = FileServer(settings, cast(Reactor, reactor))
    reactor.callWhenRunning(server.startService)
    reactor.callWhenRunning(lambda: server.ready().addErrback(failed))
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    reactor.run()
    return exit_code


def tell(failure: Failure) -> None:
    """Log why a server cannot start: a sentence if it is known, else a traceback."""
    if failure.check(CannotStart):
        log.critical("{reason}", reason=failure.getErrorMessage())
    else:
        log.failure("cannot start", failure)
