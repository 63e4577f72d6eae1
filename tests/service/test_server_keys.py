"""Secrets and keys that change while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.problems import ConfigError, Problem
from hmacfs.config.settings import Given, Origin, Settings, Source
from hmacfs.service.foundation import CannotStart, Reactor
from hmacfs.service.server import FileServer
from tests.ports import free_port
from tests.real.client import ask
from tests.service.server_case import SECRET, ServerCase

OTHER = "another secret that is as long"
BOTH = (SECRET, OTHER)


def ring(*secrets: str) -> str:
    """Write a file of keys, of which the last is the newest."""
    return "\n".join(
        f'[[keys]]\nid = "k{number}"\nsecret = "{secret}"\ncreated = 2026-01-0{number}T00:00:00Z'
        for number, secret in enumerate(secrets, 1)
    )


def bearer(token: str) -> dict[str, str | int]:
    """Return the header with a token."""
    return {"Authorization": f"Bearer {token}"}


def changed(settings: Settings, option: Option[Any], value: Any, source: Source) -> Settings:
    """Make settings with another value, from this kind of place."""
    return evolve(settings, given={**settings._given, option: Given(value, Origin(source))})


class KeysFileTests(ServerCase):
    """``security.keys_file``."""

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.write_text(ring(SECRET))
        self.with_file = self.settings({options.SECURITY_KEYS_FILE: self.path})

    async def statuses(self, name: str) -> list[int]:
        """Upload under the first secret and under the other."""
        return [(await self.put(name, b"hello", secret))[0] for secret in (SECRET, OTHER)]

    async def test_reload(self) -> None:
        """A reload takes the keys as they are: new ones and old ones verify, others do not."""
        settings = changed(self.with_file, options.SECURITY_SECRET, "", Source.FILE)
        server = FileServer(settings, cast(Reactor, reactor))
        server.startService()
        self.addCleanup(server.stopService)
        await server.ready()
        self.assertEqual(await self.statuses("a"), [201, 403])
        self.path.write_text(ring(SECRET, OTHER))
        await server.reload(settings)
        self.assertEqual(await self.statuses("b"), [201, 201])
        self.path.write_text(ring(OTHER))
        await server.reload(settings)
        self.assertEqual(await self.statuses("c"), [403, 201])

    async def test_broken(self) -> None:
        """A file that cannot be used leaves the old keys in force."""
        server = await self.started({options.SECURITY_KEYS_FILE: self.path})
        self.path.write_text("nonsense")
        await server.reload(self.with_file)
        self.assertEqual(await self.statuses("a"), [201, 403])

    async def test_start(self) -> None:
        """A server whose keys cannot be read does not start, and says why."""
        self.path.unlink()
        server = self.server({options.SECURITY_KEYS_FILE: self.path})
        server.startService()
        with self.assertRaises(CannotStart) as caught:
            await server.ready()
        self.assertIn(str(self.path), str(caught.exception))


class TakeSecretsTests(ServerCase):
    """:meth:`FileServer.take_secrets`."""

    def reading(self, secret: str, source: Source = Source.SECRET_FILE) -> Settings:
        """Make settings whose secret came from a place."""
        return changed(self.settings(), options.SECURITY_SECRET, secret, source)

    async def statuses(self, name: str) -> list[int]:
        """Upload under the first secret and under the other."""
        return [(await self.put(name, b"hello", secret))[0] for secret in (SECRET, OTHER)]

    async def test_changed(self) -> None:
        """A secret that changed in its file or variable is taken, and nothing else is."""
        for source in (Source.SECRET_FILE, Source.ENVIRONMENT):
            server = await self.started()
            smaller = changed(
                self.reading(OTHER, source), options.SERVER_MAX_UPLOAD_SIZE, 3, Source.FILE
            )
            await server.take_secrets(lambda smaller=smaller: smaller)  # type: ignore[misc]
            self.assertEqual(await self.statuses(str(source.name)), [403, 201])
            await server.stopService()

    async def test_in_the_configuration(self) -> None:
        """A secret that stands in the configuration waits for a reload."""
        server = await self.started()
        await server.take_secrets(lambda: self.reading(OTHER, Source.FILE))
        self.assertEqual(await self.statuses("a"), [201, 403])

    async def test_keys_file(self) -> None:
        """The file of keys is read again too."""
        path = Path(self.mktemp())
        path.write_text(ring(SECRET))
        settings = self.settings({options.SECURITY_KEYS_FILE: path})
        server = await self.started({options.SECURITY_KEYS_FILE: path})
        path.write_text(ring(SECRET, OTHER))
        await server.take_secrets(lambda: settings)
        self.assertEqual(await self.statuses("a"), [201, 201])

    async def test_broken(self) -> None:
        """While the settings cannot be read the old secret stays."""

        def read() -> Settings:
            raise ConfigError((Problem("config.toml", 1, 1, "it is broken"),))

        server = await self.started()
        await server.take_secrets(read)
        self.assertEqual(await self.statuses("a"), [201, 403])


class ReaskTests(ServerCase):
    """``security.reask_secret_enabled``."""

    async def begun(self, settings: Settings, read: Callable[[], Settings]) -> None:
        """Start a server that can read its settings again."""
        server = FileServer(settings, cast(Reactor, reactor), None, read)
        server.startService()
        self.addCleanup(server.stopService)
        await server.ready()

    async def test_on(self) -> None:
        """Switched on, the settings are read again by themselves."""
        asked: Deferred[None] = Deferred()
        settings = self.settings({options.SECURITY_REASK_SECRET_ENABLED: True})

        def read() -> Settings:
            cast(Any, reactor).callFromThread(asked.callback, None)
            return settings

        await self.begun(settings, read)
        await asked

    async def test_off(self) -> None:
        """Unless it is switched on nothing is read again."""
        asked: list[None] = []

        def read() -> Settings:
            asked.append(None)
            return self.settings()

        await self.begun(self.settings(), read)
        await self.ask("GET", "/health")
        self.assertEqual(asked, [])

    async def test_administrators(self) -> None:
        """The token of administrators is taken, too, and the one before is nobody's any more."""
        port = free_port()
        values: dict[Option[Any], Any] = {
            options.ADMIN_ENABLED: True,
            options.ADMIN_BIND: Address("", port),
            options.ADMIN_AUTH_TOKEN: SECRET,
        }

        def statuses() -> list[int]:
            return [ask(port, "GET", "/admin/health", bearer(token)).status for token in BOTH]

        server = await self.started(values)
        self.assertEqual(await deferToThread(statuses), [200, 401])
        settings = changed(
            self.settings(values), options.ADMIN_AUTH_TOKEN, OTHER, Source.SECRET_FILE
        )
        await server.take_secrets(lambda: settings)
        self.assertEqual(await deferToThread(statuses), [401, 200])
