"""``twistd hmacfs``: the same service under Twisted's own daemon runner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.python import usage
from twisted.python.failure import Failure

from hmacfs.base.memory import share_one_heap
from hmacfs.cli import locate, stopping
from hmacfs.cli.reload import Reloads
from hmacfs.cli.run import tell
from hmacfs.config.problems import ConfigError
from hmacfs.config.read import read_file
from hmacfs.config.settings import Settings
from hmacfs.service.foundation import Reactor
from hmacfs.service.server import FileServer


class Options(usage.Options):
    """The command line of ``twistd hmacfs``."""

    synopsis = "[--config FILE]"
    longdesc = (
        "Receives the files that an XMPP server (Prosody, ejabberd) allowed by a signed URL, "
        "and serves them. Without --config, reads $HMAC_CONFIG_PATH, ./config.toml or "
        "/etc/hmac-file-server/config.toml, the first that exists."
    )
    path: Path
    settings: Settings
    optParameters = [["config", "c", None, "The TOML file with the configuration."]]  # noqa: RUF012 - as Twisted has it

    def postOptions(self) -> None:
        """
        Read the configuration.

        :raises usage.UsageError: if there is none, or it cannot be used.
        """
        path = locate.config(self["config"], os.environ)
        if path is None:
            raise usage.UsageError("there is no configuration: give --config FILE")
        try:
            self.path = path
            self.settings = read_file(path, os.environ)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None


def makeService(options: Options) -> IService:
    """Make the service from the command line."""

    def read() -> Settings:
        return read_file(options.path, os.environ)

    share_one_heap()
    server = FileServer(options.settings, cast(Reactor, reactor), os.environ, read)
    reloads = Reloads(server, read)
    reactor.callWhenRunning(reloads.on_hangup, reactor)
    stopping.only_once(reactor)
    reactor.callWhenRunning(lambda: server.ready().addErrback(_failed))
    service: IService = server
    return service


def _failed(failure: Failure) -> None:
    if not failure.check(CancelledError):
        tell(failure)
        # twistd itself ends with success whatever its services say.
        reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        reactor.stop()
