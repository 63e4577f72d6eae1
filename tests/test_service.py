"""The composition root, on the real reactor and a real directory."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings
from hmacfs.service.foundation import CannotStart
from hmacfs.service.server import FileServer, Reactor

SECRET = "correct horse battery staple"


def free_port() -> int:
    """Tell a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FileServerTests(TestCase):
    """Starting, serving and stopping."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.port = free_port()

    def server(self) -> FileServer:
        """Make a server."""
        settings = Settings.of(
            {
                options.SERVER_LISTEN_ADDRESS: Address("127.0.0.1", self.port),
                options.SERVER_STORAGE_PATH: self.root,
                options.SERVER_MIN_FREE_BYTES: 0,
                options.SECURITY_SECRET: SECRET,
            }
        )
        return FileServer(settings, cast(Reactor, reactor))

    async def started(self) -> FileServer:
        """Start a server and stop it after the test."""
        server = self.server()
        server.startService()
        self.addCleanup(server.stopService)
        await server.ready()
        return server

    def ask(self, method: str, target: str, body: bytes = b"") -> Deferred[tuple[int, bytes]]:
        """Send a request from a thread."""

        def talk() -> tuple[int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request(method, target, body)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        return deferToThread(talk)

    def put(self, name: str, body: bytes) -> Deferred[tuple[int, bytes]]:
        """Upload with a good signature."""
        mac = Keyring.of(SECRET).sign(message_v(name.encode(), len(body), "")).hex()
        return self.ask("PUT", f"/upload/{name}?v={mac}", body)

    async def test_a_file_goes_in_and_comes_back(self) -> None:
        """An upload is served again, also by a server that starts later on the same storage."""
        server = await self.started()
        self.assertEqual(await self.put("a/b", b"hello"), (201, b""))
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))
        self.assertEqual(await self.ask("GET", "/health"), (200, b"OK\n"))
        await server.stopService()
        await self.started()
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))

    async def test_recovery(self) -> None:
        """A published upload that the index never heard of is there after the next start."""
        server = await self.started()
        await self.put("a/b", b"hello")
        await server.stopService()
        for path in (self.root / ".hmacfs").glob("index.sqlite*"):
            path.unlink()
        await self.started()
        self.assertEqual((await self.ask("GET", "/upload/a/b"))[0], 404)
        self.assertEqual((await self.put("a/b", b"hello"))[0], 201)
        self.assertEqual(await self.ask("GET", "/upload/a/b"), (200, b"hello"))

    async def failed_start(self, server: FileServer) -> str:
        """Start a server that cannot, and tell why."""
        server.startService()
        try:
            await server.ready()
        except CannotStart as error:
            return str(error)
        self.fail("it started")

    async def test_port_taken(self) -> None:
        """A port that is taken is said in a sentence, and everything is closed again."""
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", self.port))
            other.listen()
            reason = await self.failed_start(self.server())
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}: Address already in use", reason)
        await self.started()

    async def test_storage_taken(self) -> None:
        """A second daemon on one storage is refused."""
        await self.started()
        reason = await self.failed_start(self.server())
        self.assertIn("another hmac-file-server is running", reason)

    async def test_storage_is_a_file(self) -> None:
        """A storage path that cannot be a directory is said in a sentence."""
        self.root.write_bytes(b"")
        reason = await self.failed_start(self.server())
        self.assertIn(str(self.root), reason)
