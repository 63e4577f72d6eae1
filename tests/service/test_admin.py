"""The interface for administrators beside the metrics, on the real reactor."""

from __future__ import annotations

import contextlib
import http.client
import socket
from pathlib import Path
from typing import Any, cast

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from hmacfs.base.events import ConnectionsChanged, RequestRefused
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings
from hmacfs.service import optional
from hmacfs.service.admin import Administration
from hmacfs.service.foundation import CannotStart, Foundation, Reactor
from hmacfs.service.metrics_listener import MetricsListener
from hmacfs.service.private import THIS_MACHINE, Guest
from tests.auth.test_admin import basic
from tests.ports import free_port

PASSWORD = "a password for these tests"


class AdministrationTests(TestCase):
    """``Administration``."""

    def setUp(self) -> None:
        self.port = free_port()
        self.values: dict[Option[Any], Any] = {
            options.SERVER_STORAGE_PATH: Path(self.mktemp()),
            options.SERVER_MIN_FREE_BYTES: 0,
            options.SERVER_METRICS_PORT: Address("", self.port),
            options.ADMIN_ENABLED: True,
            options.ADMIN_PATH_PREFIX: "/inside//here/",
            options.ADMIN_AUTH_TYPE: "basic",
            options.ADMIN_AUTH_PASSWORD: PASSWORD,
        }

    def settings(self, more: dict[Option[Any], Any] | None = None) -> Settings:
        """Make settings."""
        return Settings.of({**self.values, **(more or {})})

    async def opened(self, settings: Settings) -> tuple[Guest | None, MetricsListener]:
        """Open it, and the listener of the metrics, until the end of the test."""
        self.foundation = foundation = Foundation(settings, cast(Reactor, reactor))
        await foundation.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(foundation.close()))
        arguments = (settings, foundation, lambda: 7.0, lambda: False)
        admin = optional.administration(*arguments)
        metrics = MetricsListener(*arguments, admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(metrics.close()))
        if admin is not None:
            self.addCleanup(lambda: Deferred.fromCoroutine(admin.close()))
            await admin.open()
        await metrics.open(settings, {})
        return admin, metrics

    def ask(self, path: str, password: str = PASSWORD) -> Deferred[int]:
        """Send a request from a thread, and tell the status."""

        def talk() -> int:
            connection = http.client.HTTPConnection(THIS_MACHINE, self.port, timeout=60)
            with contextlib.closing(connection):
                given = {"Authorization": basic(f"admin:{password}")}
                connection.request("GET", path, headers=given)
                return connection.getresponse().status

        return deferToThread(talk)

    async def test_guest(self) -> None:
        """It is beside the metrics, which nobody needs a password for, and counts as they do."""
        counted: list[object] = []
        refused: list[RequestRefused] = []
        admin, metrics = await self.opened(self.settings())
        self.foundation.events.listen(ConnectionsChanged, counted.append)
        self.foundation.events.listen(RequestRefused, refused.append)
        assert admin is not None
        self.assertTrue(admin.is_guest)
        self.assertEqual(200, await self.ask("/inside//here/stats"))
        self.assertEqual(401, await self.ask("/inside//here/stats", "guess"))
        self.assertEqual(200, await self.ask("/metrics", "guess"))
        for path in ("/inside/here/stats", "/admin/stats", "/"):
            self.assertEqual(404, await self.ask(path, "guess"), path)
        self.assertEqual(["signature-wrong"], [event.code for event in refused])
        self.assertEqual([], counted)
        self.assertFalse(admin.changes(self.settings()))
        another = self.settings({options.ADMIN_AUTH_PASSWORD: "another one"})
        self.assertTrue(admin.changes(another))
        metrics.adopt(another)
        self.assertEqual(401, await self.ask("/inside//here/stats"))
        self.assertEqual(200, await self.ask("/inside//here/stats", "another one"))

    async def test_disabled(self) -> None:
        """Without it there is nothing, and what is below its path is as unknown as any other."""
        admin, _ = await self.opened(self.settings({options.ADMIN_ENABLED: False}))
        self.assertIsNone(admin)
        self.assertEqual(404, await self.ask("/inside//here/stats"))
        self.assertEqual(200, await self.ask("/metrics"))

    async def test_store_fails(self) -> None:
        """While the index does not answer, neither does it, and it says so."""
        admin, _ = await self.opened(self.settings())
        assert isinstance(admin, Administration)
        await admin._survey.close()
        self.assertEqual(503, await self.ask("/inside//here/stats"))
        self.assertEqual(404, await self.ask("/inside//here/files/x"))

    async def test_port_taken(self) -> None:
        """A port that cannot be had is a reason not to start: its own, and that of the metrics."""
        taken = socket.create_server((THIS_MACHINE, 0))
        self.addCleanup(taken.close)
        address = Address("", taken.getsockname()[1])
        with self.assertRaises(CannotStart) as caught:
            await self.opened(self.settings({options.ADMIN_BIND: address}))
        self.assertIn("cannot listen for administrators on 127.0.0.1:", str(caught.exception))
        self.patch(
            options, "SERVER_METRICS_PORT", evolve(options.SERVER_METRICS_PORT, default=address)
        )
        del self.values[next(o for o in self.values if o.key == "server.metrics_port")]
        self.values[options.SERVER_STORAGE_PATH] = Path(self.mktemp())
        with self.assertRaises(CannotStart):
            await self.opened(self.settings())
