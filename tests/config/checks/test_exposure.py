"""Tests of hmacfs.config.checks.exposure."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import schemes
from hmacfs.config import options
from hmacfs.config.checks import exposure
from hmacfs.config.network import Address
from hmacfs.config.settings import Values
from hmacfs.config.table.security import SCHEMES
from tests.config.checks.subjects import looked

ANYWHERE = Address("0.0.0.0", 80)  # noqa: S104 - nothing listens there
HERE = Address("127.0.0.1", 80)


class ListenerTests(SynchronousTestCase):
    """Checks of who can reach what."""

    def test_local(self) -> None:
        """This machine is known by every name."""
        for host, expected in (
            ("localhost", True),
            ("127.0.0.2", True),
            ("::1", True),
            ("192.0.2.1", False),
            ("", False),
            ("files.example.org", False),
        ):
            self.assertIs(exposure.is_local(host), expected, host)

    def test_every_weakness(self) -> None:
        """The schemes that leave something open are those of which the table of schemes says so."""
        weak = {row.name for row in schemes.SCHEMES if row.listed and row.weakness is not None}
        self.assertEqual(set(exposure.WEAK_SCHEMES), weak)

    def test_plain_http(self) -> None:
        """HTTP without TLS for others is advised against."""
        cases: tuple[tuple[Values, bool], ...] = (
            ({}, True),
            ({options.SERVER_LISTEN_ADDRESS: ANYWHERE}, True),
            ({options.SERVER_LISTEN_ADDRESS: HERE}, False),
            ({options.SERVER_BIND_IP: "127.0.0.1"}, False),
            ({options.TLS_ENABLED: True}, False),
            ({options.SERVER_UNIX_SOCKET: True}, False),
        )
        for values, found in cases:
            self.assertEqual(bool(looked(exposure.plain_http, values)), found, values)

    def test_metrics(self) -> None:
        """Metrics that others can read are advised against; a port alone is for this machine."""
        self.assertEqual(looked(exposure.open_metrics, {}), [])
        values: Values = {options.SERVER_METRICS_PORT: ANYWHERE}
        self.assertEqual(
            looked(exposure.open_metrics, values),
            [("advice", "the metrics can be read on 0.0.0.0")],
        )
        off: Values = {**values, options.SERVER_METRICS_ENABLED: False}
        self.assertEqual(looked(exposure.open_metrics, off), [])

    def test_admin(self) -> None:
        """An interface for administrators that others can reach is a problem."""
        for bind, found in ((None, 0), (HERE, 0), (ANYWHERE, 1)):
            values: Values = {options.ADMIN_ENABLED: True, options.ADMIN_BIND: bind}
            self.assertEqual(len(looked(exposure.open_admin, values)), found, bind)
        # It shares the listener of the metrics; a port alone is for this machine.
        for place, found in ((ANYWHERE, 1), (Address("", 9090), 0)):
            values = {options.ADMIN_ENABLED: True, options.SERVER_METRICS_PORT: place}
            self.assertEqual(len(looked(exposure.open_admin, values)), found, place)

    def test_socket(self) -> None:
        """A Unix socket for everybody is advised against."""
        for mode, found in (("0660", 0), ("0666", 1)):
            values: Values = {
                options.SERVER_UNIX_SOCKET: True,
                options.SERVER_UNIX_SOCKET_MODE: mode,
            }
            self.assertEqual(len(looked(exposure.open_socket, values)), found)


class TrustTests(SynchronousTestCase):
    """Checks of who is trusted."""

    def test_schemes(self) -> None:
        """Weak schemes are named with what they leave open, strong ones are not."""
        self.assertLessEqual(set(exposure.WEAK_SCHEMES), set(SCHEMES))
        self.assertEqual(
            looked(exposure.weak_schemes, {options.SECURITY_SCHEMES: ("v", "jwt")}),
            [
                (
                    "advice",
                    "some accepted signatures leave something open: "
                    "v binds no type and never expires",
                )
            ],
        )
        self.assertEqual(looked(exposure.weak_schemes, {options.SECURITY_SCHEMES: ("jwt",)}), [])

    def test_proxies(self) -> None:
        """Everybody as proxy is a problem, a large network is advised against."""
        for network, weights in (
            ("0.0.0.0/0", ["problem"]),
            ("::/0", ["problem"]),
            ("192.0.0.0/4", ["advice"]),
            ("10.0.0.0/8", []),
        ):
            values = {options.SERVER_TRUSTED_PROXIES: (network,)}
            found = looked(exposure.trusting, values)
            self.assertEqual([weight for weight, _ in found], weights, network)

    def test_stores(self) -> None:
        """A store on another machine should have encryption and a password."""
        away: Values = {
            options.REDIS_REDISENABLED: True,
            options.REDIS_REDISADDR: Address("r.example", 6379),
        }
        self.assertEqual(
            looked(exposure.plain_stores, away),
            [
                ("advice", "Redis on r.example is spoken to without encryption"),
                ("advice", "Redis on r.example asks for no password"),
            ],
        )
        safe = {**away, options.REDIS_TLS: True, options.REDIS_REDISPASSWORD: "p"}
        self.assertEqual(looked(exposure.plain_stores, safe), [])
        self.assertEqual(looked(exposure.plain_stores, {options.REDIS_REDISENABLED: True}), [])
        self.assertEqual(looked(exposure.plain_stores, {options.FALLBACK_ENABLED: True}), [])

    def test_bans(self) -> None:
        """Guessing without end is advised against."""
        self.assertEqual(looked(exposure.no_bans, {}), [])
        self.assertEqual(len(looked(exposure.no_bans, {options.BANS_ENABLED: False})), 1)
