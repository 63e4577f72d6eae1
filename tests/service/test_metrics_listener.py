"""The listener of the metrics, on the real reactor."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import TestCase

from hmacfs.base.events import ConnectionsChanged, UploadFailed
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings
from hmacfs.service import sockets
from hmacfs.service.foundation import CannotStart, Foundation, Reactor
from hmacfs.service.metrics_listener import MetricsListener
from hmacfs.service.private import THIS_MACHINE
from tests.ports import free_port


class MetricsListenerTests(TestCase):
    """``MetricsListener``."""

    def setUp(self) -> None:
        self.port = free_port()
        self.draining = False

    def settings(self, more: Mapping[Option[Any], Any] | None = None) -> Settings:
        """Make settings with the port alone, as most configurations have it."""
        port = Address("", self.port)
        return Settings.of(
            {
                options.SERVER_STORAGE_PATH: Path(self.mktemp()),
                options.SERVER_MIN_FREE_BYTES: 0,
                options.SERVER_METRICS_PORT: port,
                **(more or {}),
            }
        )

    async def opened(self, settings: Settings) -> MetricsListener:
        """Open the listener over a storage of its own, until the end of the test."""
        self.foundation = Foundation(settings, cast(Reactor, reactor))
        await self.foundation.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.foundation.close()))
        listener = MetricsListener(settings, self.foundation, lambda: 7.0, lambda: self.draining)
        self.addCleanup(lambda: Deferred.fromCoroutine(listener.close()))
        await listener.open(settings, {})
        return listener

    def ask(self, path: str, accept: str = "*/*") -> Deferred[tuple[int, bytes]]:
        """Send a request from a thread."""

        def talk() -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(THIS_MACHINE, self.port, timeout=60)
            with contextlib.closing(connection):
                connection.request("GET", path, headers={"Accept": accept})
                response = connection.getresponse()
                return response.status, response.read()

        return deferToThread(talk)

    async def test_numbers(self) -> None:
        """What the foundation's events told since the start is on the page."""
        await self.opened(self.settings())
        self.foundation.events.tell(UploadFailed("no-space"))
        self.foundation.events.tell(ConnectionsChanged(4))
        status, page = await self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertIn(b'\nhmac_file_server_upload_errors_total{reason="no-space"} 1.0\n', page)
        self.assertIn(b"\nactive_connections_total 4.0\n", page)

    async def test_this_machine_only(self) -> None:
        """A port alone is open to this machine only."""
        with capturedLogs() as events:
            await self.opened(self.settings())
        said = [event for event in events if "host" in event]
        self.assertEqual([(e["host"], e["port"]) for e in said], [(THIS_MACHINE, self.port)])

    async def test_address(self) -> None:
        """With an address it listens there."""
        address = Address("0.0.0.0", self.port)  # noqa: S104 - what an administrator may want
        with capturedLogs() as events:
            await self.opened(self.settings({options.SERVER_METRICS_PORT: address}))
        self.assertEqual([e["host"] for e in events if "host" in e], ["0.0.0.0"])  # noqa: S104
        self.assertEqual((await self.ask("/metrics"))[0], 200)

    async def test_health(self) -> None:
        """The health is there in full, and to the end: also while the server drains."""
        await self.opened(self.settings())
        status, body = await self.ask("/health", "application/json")
        document = json.loads(body)
        self.assertEqual((status, document["status"]), (200, "ok"))
        self.assertEqual(document["uptime_seconds"], 7.0)
        self.assertEqual(document["parts"]["storage"]["status"], "ok")
        self.draining = True
        self.assertEqual(await self.ask("/health"), (503, b"DRAINING\n"))
        self.assertEqual((await self.ask("/metrics"))[0], 200)

    async def test_disabled(self) -> None:
        """Without metrics nothing listens, and nobody counts."""
        listener = await self.opened(self.settings({options.SERVER_METRICS_ENABLED: False}))
        with self.assertRaises(ConnectionRefusedError):
            await self.ask("/metrics")
        listener.adopt(self.settings())
        await listener.close()

    async def test_reload(self) -> None:
        """A reload changes the pages and keeps the numbers."""
        listener = await self.opened(self.settings())
        self.foundation.events.tell(UploadFailed("no-space"))
        more: dict[Option[Any], Any] = {
            options.SERVER_METRICS_PATH: "/numbers",
            options.SERVER_MIN_FREE_BYTES: 2**60,
        }
        listener.adopt(self.settings(more))
        self.assertEqual((await self.ask("/metrics"))[0], 404)
        _, page = await self.ask("/numbers")
        self.assertIn(b'_errors_total{reason="no-space"} 1.0\n', page)
        _, body = await self.ask("/health", "application/json")
        self.assertEqual(json.loads(body)["status"], "degraded")

    async def test_close(self) -> None:
        """When it is closed nothing listens, and a client that kept its connection loses it."""
        listener = await self.opened(self.settings())
        with contextlib.closing(
            http.client.HTTPConnection(THIS_MACHINE, self.port, timeout=60)
        ) as kept:
            await deferToThread(kept.request, "GET", "/metrics")
            response = await deferToThread(kept.getresponse)
            await deferToThread(response.read)
            assert kept.sock is not None
            await listener.close()
            self.assertEqual(await deferToThread(kept.sock.recv, 1), b"")
        with self.assertRaises(ConnectionRefusedError):
            await self.ask("/metrics")

    def taken(self, port: int) -> None:
        """Take a port until the end of the test."""
        listening = socket.socket()
        self.addCleanup(listening.close)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else has it: so it is taken
            listening.bind((THIS_MACHINE, port))
            listening.listen()

    async def test_configured_port_taken(self) -> None:
        """A port that was asked for and cannot be had is a reason not to start."""
        self.taken(self.port)
        with self.assertRaises(CannotStart) as caught:
            await self.opened(self.settings())
        expected = f"cannot listen for metrics on 127.0.0.1:{self.port}: Address already in use"
        self.assertTrue(str(caught.exception).startswith(expected), caught.exception)

    async def test_default_port_taken(self) -> None:
        """The port that nobody asked for is no such reason: there is a warning what to do."""
        default = options.SERVER_METRICS_PORT.default
        self.taken(default.port)
        settings = Settings.of(
            {
                options.SERVER_STORAGE_PATH: Path(self.mktemp()),
                options.SERVER_MIN_FREE_BYTES: 0,
            }
        )
        with capturedLogs() as events:
            await self.opened(settings)
        [warning] = [event for event in events if event["log_level"] is LogLevel.warn]
        self.assertIn(f"127.0.0.1:{default.port}: Address already in use", warning["reason"])
        self.assertIn("server.metrics_port", warning["log_format"])

    async def test_socket_of_systemd(self) -> None:
        """The socket that systemd named for it is used; all can still be found by their numbers."""
        given = socket.create_server((THIS_MACHINE, 0))
        other = socket.create_server((THIS_MACHINE, 0))
        numbers = (given.fileno(), other.fileno())
        place = given.getsockname()
        self.patch(sockets, "inherited", lambda *_: [("http", other), ("metrics", given)])
        await self.opened(self.settings())
        self.port = place[1]
        self.assertEqual((await self.ask("/metrics"))[0], 200)
        for number in numbers:
            with socket.socket(fileno=number) as still_open:
                self.assertTrue(still_open.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
