"""SIGHUP: the configuration is read again."""

from __future__ import annotations

import os
import signal
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import TestCase

from hmacfs.cli.reload import Reloads
from hmacfs.config import options
from hmacfs.config.problems import ConfigError, Problem
from hmacfs.config.settings import Settings
from hmacfs.service.server import FileServer


class Server:
    """Takes settings when the test lets it."""

    def __init__(self) -> None:
        self.given: list[Settings] = []
        self.refused = 0
        self.begun: Deferred[None] = Deferred()
        self.go_on: Deferred[None] = Deferred()

    async def reload(self, settings: Settings) -> None:
        """Note the settings and wait."""
        self.given.append(settings)
        begun, self.begun = self.begun, Deferred()
        begun.callback(None)
        await self.go_on

    def not_reloaded(self) -> None:
        """Count it."""
        self.refused += 1


class ReloadsTests(TestCase):
    """``Reloads``."""

    def setUp(self) -> None:
        self.server = Server()
        self.reads = 0

    def read(self) -> Settings:
        """Read settings that tell how often they were read."""
        self.reads += 1
        return Settings.of({options.SERVER_MAX_UPLOAD_SIZE: self.reads})

    def reloads(self) -> Reloads:
        """Make what reloads the server."""
        return Reloads(cast(FileServer, self.server), self.read)

    async def test_signal(self) -> None:
        """SIGHUP reads the configuration and hands it over."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.reloads().on_hangup(cast(IReactorFromThreads, reactor))
        self.server.go_on.callback(None)
        begun = self.server.begun
        os.kill(os.getpid(), signal.SIGHUP)
        await begun
        self.assertEqual(self.server.given[0][options.SERVER_MAX_UPLOAD_SIZE], 1)

    async def test_one_after_another(self) -> None:
        """Signals that come during a reload make one more, with what is true then."""
        reloads = self.reloads()
        begun = self.server.begun
        reloads.reload()
        await begun
        for _ in range(5):
            reloads.reload()
        self.assertEqual(self.reads, 1)
        begun = self.server.begun
        self.server.go_on.callback(None)
        await begun
        self.assertEqual(
            [settings[options.SERVER_MAX_UPLOAD_SIZE] for settings in self.server.given], [1, 2]
        )

    async def test_bad_config(self) -> None:
        """A configuration that cannot be used changes nothing, and the next one is taken."""
        problems = [Problem("config.toml", 1, 1, "is no good")]
        told: Deferred[None] = Deferred()

        def read() -> Settings:
            if problems:
                problem = problems.pop()
                cast(IReactorFromThreads, reactor).callFromThread(told.callback, None)
                raise ConfigError([problem])
            return Settings.of({})

        reloads = Reloads(cast(FileServer, self.server), read)
        reloads.reload()
        await told
        self.assertEqual(self.server.given, [])
        begun = self.server.begun
        self.server.go_on.callback(None)
        reloads.reload()
        await begun
        self.assertEqual((len(self.server.given), self.server.refused), (1, 1))
