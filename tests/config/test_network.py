"""Tests of hmacfs.config.network."""

from __future__ import annotations

import pathlib

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.network import (
    NETWORKS,
    Address,
    AddressKind,
    OptionalAddress,
    OptionalIP,
    OptionalURL,
    SocketKind,
)
from tests.config.strategies import ADDRESSES


class AddressTests(SynchronousTestCase):
    """Tests of Address and AddressKind."""

    def test_forms(self) -> None:
        """A port, a port after a colon, and a host with a port are addresses."""
        for value, expected in (
            ("8080", Address("", 8080)),
            (8080, Address("", 8080)),
            (":8080", Address("", 8080)),
            ("0.0.0.0:8080", Address("0.0.0.0", 8080)),  # noqa: S104 - nothing listens
            ("files.example.org:80", Address("files.example.org", 80)),
            ("[::1]:8080", Address("::1", 8080)),
            ("[0:0:0:0:0:0:0:1]:8080", Address("::1", 8080)),
        ):
            self.assertEqual(AddressKind().parse(value), expected)

    def test_refusals(self) -> None:
        """What has no port, an impossible port or an impossible host is refused."""
        for value in (
            "",
            ":",
            "0",
            "65536",
            99999,
            -1,
            "http",
            "localhost",
            "::1:8080",
            "[::g]:80",
            "[::1]",
            "a b:80",
            "-a:80",
            "http://x:80",
            True,
            8080.0,
            ["8080"],
        ):
            self.assertRaises(ValueError, AddressKind().parse, value)

    def test_default_port(self) -> None:
        """Where a service has a usual port, a host alone is enough."""
        kind = AddressKind(default_port=6379)
        self.assertEqual(kind.parse("redis"), Address("redis", 6379))
        self.assertEqual(kind.parse("[::1]"), Address("::1", 6379))
        self.assertEqual(kind.parse("redis:1"), Address("redis", 1))
        self.assertEqual(kind.parse("[::1]:1"), Address("::1", 1))
        self.assertRaises(ValueError, kind.parse, "")

    def test_optional(self) -> None:
        """The empty text is no address."""
        self.assertIs(OptionalAddress().parse(" "), None)
        self.assertEqual(OptionalAddress().parse("127.0.0.1:1"), Address("127.0.0.1", 1))
        self.assertEqual(OptionalAddress().plain(None), "")
        self.assertIs(OptionalAddress().parse_text(""), None)

    @given(ADDRESSES)
    def test_round_trip(self, address: Address) -> None:
        """An address is read back as it was written."""
        self.assertEqual(AddressKind().parse(str(address)), address)


class OtherPlaceTests(SynchronousTestCase):
    """Tests of addresses without ports, networks and URLs."""

    def test_ip(self) -> None:
        """An IP address is compared in its shortest form; a name is none."""
        self.assertEqual(OptionalIP().parse(""), "")
        self.assertEqual(OptionalIP().parse("0:0:0:0:0:0:0:1"), "::1")
        self.assertEqual(OptionalIP().parse_text("192.0.2.1"), "192.0.2.1")
        for value in ("eth0", "localhost", "1.2.3", 1):
            self.assertRaises(ValueError, OptionalIP().parse, value)

    def test_networks(self) -> None:
        """An address is a network of one, and host bits are cut off."""
        self.assertEqual(
            NETWORKS.parse(["10.1.2.3/8", "192.0.2.1", "::1"]),
            ("10.0.0.0/8", "192.0.2.1/32", "::1/128"),
        )
        self.assertRaises(ValueError, NETWORKS.parse, ["10.0.0.0/33"])

    def test_sockets(self) -> None:
        """A Unix socket is named by its path, a TCP port by tcp: and a host."""
        kind = SocketKind()
        self.assertEqual(kind.parse("/run/x"), pathlib.Path("/run/x"))
        self.assertEqual(kind.parse("unix:/run/x"), pathlib.Path("/run/x"))
        self.assertEqual(kind.parse("tcp://h:1"), Address("h", 1))
        self.assertEqual(kind.parse_text("tcp:[::1]:1"), Address("::1", 1))
        for value in ("", "x", "unix:x", "tcp:3310", "tcp:h:99999", "tcp:h", "h:1", 3310):
            self.assertRaises(ValueError, kind.parse, value)

    def test_urls(self) -> None:
        """A base URL has a host, no query, and no slash at its end."""
        kind = OptionalURL()
        self.assertEqual(kind.parse("https://a.example/x/"), "https://a.example/x")
        self.assertEqual(kind.parse(""), "")
        for value in (
            "a.example",
            "ftp://a.example",
            "https://",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a example",
            "https://a.example/?q",
            "https://a.example/#f",
            "https://[::1",
        ):
            self.assertRaises(ValueError, kind.parse, value)
