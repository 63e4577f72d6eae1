"""The test case of servers on the real reactor and a real directory."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings
from hmacfs.service.foundation import Reactor
from hmacfs.service.server import FileServer
from tests.ports import free_port

SECRET = "correct horse battery staple"


class ServerCase(TestCase):
    """A server, and requests to it."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.host = "127.0.0.1"
        self.port = free_port()

    def settings(self, more: Mapping[Option[Any], Any] | None = None) -> Settings:
        """Make settings for a server on this machine."""
        return Settings.of(
            {
                options.SERVER_LISTEN_ADDRESS: Address("127.0.0.1", self.port),
                options.SERVER_STORAGE_PATH: self.root,
                options.SERVER_MIN_FREE_BYTES: 0,
                options.SECURITY_SECRET: SECRET,
                **(more or {}),
            }
        )

    def server(self, more: Mapping[Option[Any], Any] | None = None) -> FileServer:
        """Make a server."""
        return FileServer(self.settings(more), cast(Reactor, reactor))

    async def started(self, more: Mapping[Option[Any], Any] | None = None) -> FileServer:
        """Start a server and stop it after the test."""
        server = self.server(more)
        server.startService()
        self.addCleanup(server.stopService)
        await server.ready()
        return server

    def ask(self, method: str, target: str, body: bytes = b"") -> Deferred[tuple[int, bytes]]:
        """Send a request from a thread."""

        def talk() -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
            try:
                connection.request(method, target, body)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        return deferToThread(talk)

    def put(self, name: str, body: bytes, secret: str = SECRET) -> Deferred[tuple[int, bytes]]:
        """Upload with a good signature."""
        mac = Keyring.of(secret).sign(message_v(name.encode(), len(body), "")).hex()
        return self.ask("PUT", f"/upload/{name}?v={mac}", body)
