"""Who a proxy says the client is."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.forwarded import address, chain, client

TRUSTED = [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1/128")]


class AddressTests(SynchronousTestCase):
    """``address``."""

    def test_forms(self) -> None:
        """Ports, brackets, zones and mapped addresses are understood; anything else is none."""
        for text, expected in (
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:8080", "192.0.2.1"),
            ("[2001:db8::1]:8080", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ):
            self.assertEqual(str(address(text)), expected)
        for text in ("", "unknown", "_hidden", "192.0.2", "1.2.3.4.5", "::1::"):
            self.assertIsNone(address(text))


class ClientTests(SynchronousTestCase):
    """``client``."""

    def who(
        self, peer: str, x_forwarded_for: str | None = None, forwarded: str | None = None
    ) -> str:
        """Tell the client as text."""
        return str(client(ip_address(peer), chain(forwarded, x_forwarded_for), TRUSTED))

    def test_strangers_are_not_believed(self) -> None:
        """What a peer that is no trusted proxy claims is not looked at."""
        self.assertEqual(self.who("192.0.2.1", "127.0.0.1"), "192.0.2.1")

    def test_rightmost_stranger(self) -> None:
        """The client is the rightmost address that is not a trusted proxy."""
        self.assertEqual(self.who("127.0.0.1", "198.51.100.9, 192.0.2.1, 10.0.0.7"), "192.0.2.1")

    def test_only_proxies(self) -> None:
        """If all are proxies, the outermost is the client."""
        self.assertEqual(self.who("127.0.0.1", "10.0.0.1, 10.0.0.2"), "10.0.0.1")

    def test_nothing_noted(self) -> None:
        """Without a header the peer is the client."""
        self.assertEqual(self.who("127.0.0.1"), "127.0.0.1")

    def test_nonsense(self) -> None:
        """The address before what cannot be read is the client."""
        self.assertEqual(self.who("127.0.0.1", "192.0.2.1, unknown"), "127.0.0.1")

    def test_forwarded(self) -> None:
        """Forwarded is read too, and before X-Forwarded-For (RFC 7239)."""
        noted = 'for=192.0.2.43;proto=https, For="[2001:db8:cafe::17]:4711"'
        self.assertEqual(self.who("127.0.0.1", "192.0.2.1", noted), "2001:db8:cafe::17")

    @given(st.ip_addresses(), st.lists(st.ip_addresses().map(str) | st.text(max_size=9)))
    def test_never_a_proxy_behind_a_stranger(self, peer: object, noted: list[str]) -> None:
        """A peer outside the trusted networks is always the client."""
        if not any(peer in network for network in TRUSTED):
            self.assertEqual(client(peer, noted, TRUSTED), peer)  # type: ignore[arg-type]
