"""Tests of how settings become the shared state; that with a real Redis is in tests/real."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import cast

from twisted.internet import reactor as global_reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from hmacfs.base.events import Events
from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings
from hmacfs.service.chores import state_expiry
from hmacfs.service.foundation import Foundation, Reactor
from hmacfs.service.shared_state import FileOnly, WithRedis, make_shared_state, redis_place
from hmacfs.stores.graves import GRAVE
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.sqlite import SqliteState
from hmacfs.stores.state import START
from hmacfs.web.health import Part
from tests.ports import free_port

reactor = cast(Reactor, global_reactor)


class SharedStateTests(TestCase):
    """``make_shared_state``."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        (self.root / INTERNAL_DIRECTORY).mkdir(parents=True)
        self.settings = Settings.of({options.SERVER_STORAGE_PATH: self.root})

    async def test_file(self) -> None:
        """Without Redis it is a file, which is well while it is open."""
        shared = make_shared_state(self.settings, reactor, reactor, Events())
        self.assertIsInstance(shared, FileOnly)
        self.assertEqual((await shared.parts())["state"].status, "failing")
        await shared.start()
        self.assertEqual(await shared.parts(), {"state": Part("ok")})
        self.assertTrue(shared.is_common)
        await shared.state.claim("a", "b", b"", time.time() + 60)
        await shared.state.close()
        self.assertTrue((self.root / INTERNAL_DIRECTORY / "state.sqlite").exists())

    async def test_graves(self) -> None:
        """What is left of a time with Redis is cleared away."""
        path = self.root / INTERNAL_DIRECTORY / "state.sqlite"
        before = SqliteState(path, reactor, time.time)
        await before.start()
        await before.put("a", "buried", GRAVE, time.time() + 60)
        await before.put("a", "there", b"x", time.time() + 60)
        await before.close()
        shared = make_shared_state(self.settings, reactor, reactor, Events())
        await shared.start()
        self.addCleanup(shared.state.close)
        self.assertEqual([named.key for named in await shared.state.entries(START, 9)], ["there"])

    async def test_silent(self) -> None:
        """A database that never says anything holds up nobody who sees whether it is well."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            host, port = listener.getsockname()
            settings = Settings.of(
                {
                    options.SERVER_STORAGE_PATH: self.root,
                    options.STORES_CALL_TIMEOUT: 0.1,
                    options.REDIS_REDISENABLED: True,
                    options.FALLBACK_ENABLED: True,
                    options.FALLBACK_TYPE: "mysql",
                    options.FALLBACK_HOST: host,
                    options.FALLBACK_PORT: port,
                }
            )
            shared = make_shared_state(settings, reactor, reactor, Events())
            assert isinstance(shared, WithRedis)
            with self.assertRaises(StoreFailed) as caught:
                await shared._second.ping()
            self.assertIn("within 0.1 seconds", str(caught.exception))
            await shared.state.close()

    async def test_redis_away(self) -> None:
        """A Redis that is away leaves the file, which works, and that is told."""
        settings = Settings.of(
            {
                options.SERVER_STORAGE_PATH: self.root,
                options.REDIS_REDISENABLED: True,
                options.REDIS_REDISADDR: Address("127.0.0.1", free_port()),
            }
        )
        shared = make_shared_state(settings, reactor, reactor, Events())
        self.assertIsInstance(shared, WithRedis)
        await shared.start()
        self.addCleanup(shared.state.close)
        await shared.state.claim("a", "b", b"", time.time() + 60)
        parts = await shared.parts()
        self.assertEqual(parts["redis"].status, "degraded")
        self.assertIn("whether it runs", parts["redis"].detail)
        self.assertEqual(parts["fallback"], Part("ok", "answers for Redis"))
        self.assertFalse(shared.is_common)

    async def test_file_unusable(self) -> None:
        """A file that cannot be used is told, with Redis as without."""
        (self.root / INTERNAL_DIRECTORY / "state.sqlite").write_bytes(b"no database" * 999)
        for enabled in (False, True):
            settings = Settings.of(
                {
                    options.SERVER_STORAGE_PATH: self.root,
                    options.REDIS_REDISENABLED: enabled,
                    options.REDIS_REDISADDR: Address("127.0.0.1", free_port()),
                }
            )
            shared = make_shared_state(settings, reactor, reactor, Events())
            with self.assertRaises(StoreFailed):
                await shared.start()
            await shared.state.close()

    def test_place(self) -> None:
        """Where Redis is, and as whom to come, is taken from the settings."""
        settings = Settings.of(
            {
                options.REDIS_REDISADDR: Address("redis.example.org", 6380),
                options.REDIS_SOCKET: Path("/run/redis.sock"),
                options.REDIS_USER: "files",
                options.REDIS_REDISPASSWORD: "x",
                options.REDIS_REDISDBINDEX: 3,
                options.REDIS_TLS: True,
                options.REDIS_CA_FILE: Path("/ca.pem"),
            }
        )
        place = redis_place(settings)
        self.assertEqual((place.host, place.port), ("redis.example.org", 6380))
        self.assertEqual((place.user, place.password, place.database), ("files", "x", "3"))
        self.assertEqual((place.tls, place.ca_file), (True, Path("/ca.pem")))
        self.assertEqual(place.socket, Path("/run/redis.sock"))

    async def test_forgetting(self) -> None:
        """What is over is cleared away, again and again."""
        foundation = Foundation(self.settings, reactor)
        await foundation.shared.start()
        self.addCleanup(foundation.shared.state.close)
        await foundation.shared.state.claim("a", "b", b"", time.time() - 1)
        clock = Clock()
        chore = state_expiry(foundation, clock)
        chore.start()
        clock.advance(0)
        await foundation.pending.idle()
        chore.stop()
        self.assertEqual(chore.failures, 0)
        path = self.root / INTERNAL_DIRECTORY / "state.sqlite"
        await foundation.shared.state.close()
        then = SqliteState(path, reactor, lambda: 0.0)
        await then.start()
        self.assertEqual(await then.entries(START, 9), [])
        await then.close()
