"""Settings become bans and limits."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.read import read_string
from hmacfs.rules.bans import Terms
from hmacfs.service.listeners import Encrypted
from hmacfs.service.protection import exempt, is_own, terms
from hmacfs.service.tls import Certificates, load
from hmacfs.web.peers import Peers
from tests.service.certificates import make_certificate


class TermsTests(SynchronousTestCase):
    """``terms``."""

    def of(self, text: str) -> Terms:
        """Read them from a configuration."""
        secret = {"HMAC_SECURITY_SECRET": "correct horse battery staple"}
        return terms(read_string(text, "config.toml", secret))

    def test_default(self) -> None:
        """Thirty refusals within ten minutes are five minutes, unless told otherwise."""
        self.assertEqual(self.of(""), Terms(True, 30, 600.0, 300.0))

    def test_old(self) -> None:
        """The names of 1.x do what they say: the longer of both times with AutoUnban."""
        old = "BlockAfterFails = 3\nBlockDuration = 300\nAutoBanTime = 600\nAutoUnban = "
        self.assertEqual(self.of(f"{old}true"), Terms(True, 3, 600.0, 600.0))
        self.assertEqual(self.of(f"{old}false"), Terms(True, 3, 600.0, 300.0))


class ExemptTests(SynchronousTestCase):
    """Who is never banned."""

    def test_exempt(self) -> None:
        """This machine is not, by whatever address, nor are trusted proxies; others may be."""
        is_exempt = exempt(Peers([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]))
        for address in ("127.0.0.1", "127.9.9.9", "::1", "192.0.2.200", "2001:db8::1"):
            self.assertTrue(is_exempt(ip_address(address)), address)
        for address in ("203.0.113.7", "192.0.3.1", "2001:db9::1", "255.255.255.255", "0.0.0.1"):
            self.assertFalse(is_exempt(ip_address(address)), address)

    def test_own(self) -> None:
        """The kernel is asked, which knows all addresses of the machine."""
        self.assertTrue(is_own(ip_address("127.0.0.1")))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("203.0.113.7", 9))
            except OSError:
                # Without a route there is no other address to ask for.
                return
            self.assertTrue(is_own(ip_address(probe.getsockname()[0])))


class Closed(Factory):
    """Takes connections only while it is open."""

    is_open = False

    def buildProtocol(self, addr: Any) -> Protocol | None:
        """Make a protocol, if it takes the connection."""
        return Protocol() if self.is_open else None


class EncryptedTests(SynchronousTestCase):
    """``Encrypted``."""

    def test_refused(self) -> None:
        """A connection that the factory does not take is not taken."""
        below = Closed()
        context = load(*make_certificate(Path(self.mktemp()), "one"))
        factory = Encrypted(Certificates(context), False, below)
        address = IPv4Address("TCP", "203.0.113.7", 40000)
        self.assertIsNone(factory.buildProtocol(address))
        below.is_open = True
        self.assertIsNotNone(factory.buildProtocol(address))
