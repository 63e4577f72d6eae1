"""Tests of hmacfs.config.checks.connectivity."""

from __future__ import annotations

import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.checks.connectivity import Service, targets
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings, Values


class TargetTests(SynchronousTestCase):
    """Tests of targets."""

    def test_nothing(self) -> None:
        """What is not configured is not tried."""
        self.assertEqual(list(targets(Settings())), [])

    def test_redis(self) -> None:
        """Redis is tried with its password and database, and neither shows by accident."""
        (target,) = targets(
            Settings.of(
                {
                    options.REDIS_REDISENABLED: True,
                    options.REDIS_REDISPASSWORD: "s3kr1t",
                    options.REDIS_REDISDBINDEX: 3,
                    options.REDIS_TLS: True,
                }
            )
        )
        self.assertEqual((target.password, target.database, target.tls), ("s3kr1t", "3", True))
        self.assertEqual(str(target), "Redis at localhost:6379")
        self.assertNotIn("s3kr1t", repr(target))

    def test_database(self) -> None:
        """A database is tried at its socket, its port, or the usual port of its type."""
        on: Values = {options.FALLBACK_ENABLED: True}
        (target,) = targets(Settings.of(on))
        self.assertEqual(
            (target.service, target.at), (Service.POSTGRES, Address("localhost", 5432))
        )
        (target,) = targets(Settings.of({**on, options.FALLBACK_TYPE: "mysql"}))
        self.assertEqual((target.service, target.at), (Service.MYSQL, Address("localhost", 3306)))
        (target,) = targets(Settings.of({**on, options.FALLBACK_PORT: 1}))
        self.assertEqual(target.at, Address("localhost", 1))
        path = pathlib.Path("/run/db")
        (target,) = targets(Settings.of({**on, options.FALLBACK_SOCKET: path}))
        self.assertEqual(target.at, path)

    def test_index(self) -> None:
        """The database of the index is tried where it is a server, and only there."""
        on: Values = {options.INDEX_TYPE: "mysql", options.INDEX_NAME: "files"}
        (target,) = targets(Settings.of(on))
        self.assertEqual((target.service, target.at), (Service.MYSQL, Address("localhost", 3306)))
        self.assertEqual((target.user, target.database), ("hmacfs", "files"))
        (target,) = targets(Settings.of({**on, options.INDEX_TYPE: "postgres"}))
        self.assertEqual(target.at, Address("localhost", 5432))
        path = pathlib.Path("/run/db")
        (target,) = targets(Settings.of({**on, options.INDEX_SOCKET: path}))
        self.assertEqual(target.at, path)

    def test_clamd(self) -> None:
        """clamd is tried where it listens."""
        (target,) = targets(Settings.of({options.CLAMAV_CLAMAVENABLED: True}))
        self.assertEqual(str(target), "clamd at /var/run/clamav/clamd.ctl")
