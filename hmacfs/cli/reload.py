"""SIGHUP: the configuration is read again."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from hmacfs.config.problems import ConfigError
from hmacfs.config.settings import Settings
from hmacfs.service.server import FileServer


@define
class Reloads:
    """
    Reads the configuration again when told to, one reload after another.

    A configuration that cannot be used changes nothing.

    :param read: reads the configuration; blocks.
    """

    server: FileServer
    read: Callable[[], Settings]
    _running: bool = field(default=False, init=False)
    _again: bool = field(default=False, init=False)

    log = Logger()

    def on_hangup(self, reactor: IReactorFromThreads) -> None:
        """Reload at each SIGHUP."""

        def hung_up(number: int, frame: FrameType | None) -> None:
            reactor.callFromThread(self.reload)

        signal.signal(signal.SIGHUP, hung_up)

    def reload(self) -> None:
        """Begin a reload, or note that one more is wanted."""
        self._again = True
        if not self._running:
            self._running = True
            Deferred.fromCoroutine(self._run()).addErrback(
                lambda failure: self.log.failure("the reload failed", failure)
            )

    async def _run(self) -> None:
        try:
            while self._again:
                self._again = False
                await self._once()
        finally:
            self._running = False

    async def _once(self) -> None:
        try:
            settings = await deferToThread(self.read)
        except ConfigError as error:
            for problem in error.problems:
                self.log.error("not reloaded: {problem}", problem=problem)
            self.server.not_reloaded()
            return
        await self.server.reload(settings)
