"""Tests of hmacfs.config.old_forms."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.network import Address
from tests.config.files import load, messages


class SocketTests(SynchronousTestCase):
    """A Unix socket by the old names."""

    def test_path_in_listen_port(self) -> None:
        """Version 2.0 named its Unix socket in ListenPort."""
        settings = load("UnixSocket = true\nListenPort = '/run/x.sock'")
        self.assertIs(settings[options.SERVER_UNIX_SOCKET], True)
        self.assertEqual(settings[options.SERVER_UNIX_SOCKET_PATH], pathlib.Path("/run/x.sock"))
        self.assertEqual(settings[options.SERVER_LISTEN_ADDRESS], Address("", 8080))

    def test_only_there(self) -> None:
        """Today's name takes no path."""
        self.assertEqual(len(messages(self, "[server]\nlisten_address = '/run/x.sock'")), 1)


class RedisTests(SynchronousTestCase):
    """The address of Redis in two keys."""

    def test_host_and_port(self) -> None:
        """Host and port are one address."""
        settings = load("[redis]\nport = 6380\nhost = 'redis.example.org'")
        self.assertEqual(settings[options.REDIS_REDISADDR], Address("redis.example.org", 6380))
        self.assertEqual(settings.warnings, ())

    def test_one_of_them(self) -> None:
        """A host alone has the usual port, a port alone is of this machine."""
        self.assertEqual(load("[redis]\nhost = 'r'")[options.REDIS_REDISADDR], Address("r", 6379))
        self.assertEqual(
            load("[redis]\nport = 6380")[options.REDIS_REDISADDR], Address("localhost", 6380)
        )

    def test_wrong(self) -> None:
        """What is wrong with either is an error."""
        for text in ("port = 0\nhost = 'r'", "port = true", "port = 1\nhost = ['r']"):
            self.assertEqual(len(messages(self, f"[redis]\n{text}")), 1, text)
