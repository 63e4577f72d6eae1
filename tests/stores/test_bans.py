"""Bans in a state that is kept by two; what holds in every state is in its suite."""

from __future__ import annotations

from ipaddress import ip_network

from hmacfs.base.bans import Ban
from hmacfs.stores.bans import StateBans
from tests.stores.state_suite import BEGIN, LATER
from tests.stores.test_fallback import FallbackCase


class CopiedTests(FallbackCase):
    """``StateBans`` that copy."""

    def setUp(self) -> None:
        super().setUp()
        self.ban = Ban(ip_network("203.0.113.7"), BEGIN, LATER, "by another server")
        self.others = StateBans(self.first.memory)
        self.get(self.others.keep(self.ban))

    def test_taken_over(self) -> None:
        """What was read of another server's bans is known when the first store goes away."""
        book = StateBans(self.state, copies=True)
        self.assertEqual(self.get(book.read(10)), [self.ban])
        self.fall()
        self.assertEqual(self.get(book.read(10)), [self.ban])

    def test_once(self) -> None:
        """A ban is passed on once; one that was removed is not brought back."""
        book = StateBans(self.state, copies=True)
        self.get(book.read(10))
        self.first.asked.clear()
        self.get(book.read(10))
        self.assertNotIn("restore", self.first.asked)
        self.get(StateBans(self.state).forget(self.ban.network))
        self.assertEqual(self.get(book.read(10)), [])
        self.fall()
        self.assertEqual(self.get(book.read(10)), [])
