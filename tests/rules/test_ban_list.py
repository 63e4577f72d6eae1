"""Bans that people make and end."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from twisted.trial.unittest import TestCase

from hmacfs.base.bans import Ban
from hmacfs.base.errors import MalformedRequest, NeverBanned, Unknown
from hmacfs.base.events import Administered, Events
from hmacfs.rules.ban_list import BanList, network_in
from hmacfs.stores.bans import StateBans
from hmacfs.stores.memory_state import MemoryState

NOW = 1000.0
HERE = ip_address("127.0.0.1")


class BanListTests(TestCase):
    """``BanList``."""

    def setUp(self) -> None:
        self.acts: list[Administered] = []
        events = Events()
        events.listen(Administered, self.acts.append)
        book = StateBans(MemoryState(lambda: NOW))
        self.bans = BanList(book, lambda address: address == HERE, 300.0, lambda: NOW, events)

    async def test_add(self) -> None:
        """A ban lasts as long as is told, or usual, and is listed by its address until it ends."""
        network, address = network_in("198.51.100.0/24"), network_in("2001:db8::5")
        self.assertEqual(ip_network("2001:db8::/64"), address)
        one = await self.bans.add(address, 50.0, "spam")
        two = await self.bans.add(network)
        self.assertEqual(Ban(address, NOW, NOW + 50, "spam"), one)
        self.assertEqual(Ban(network, NOW, NOW + 300, "by hand"), two)
        self.assertEqual([two, one], await self.bans.all())
        await self.bans.remove(network)
        self.assertEqual([one], await self.bans.all())
        with self.assertRaises(Unknown):
            await self.bans.remove(network)
        shown = "198.51.100.0/24"
        self.assertEqual(
            [
                Administered("bans add", "done", "2001:db8::/64"),
                Administered("bans add", "done", shown),
                Administered("bans remove", "done", shown),
                Administered("bans remove", "failed", shown),
            ],
            self.acts,
        )

    async def test_refused(self) -> None:
        """Who is never banned is not, nor for a reason that fills a page."""
        with self.assertRaises(NeverBanned):
            await self.bans.add(ip_network("127.0.0.1"))
        with self.assertRaises(MalformedRequest):
            await self.bans.add(ip_network("192.0.2.1"), reason="x" * 201)
        self.assertEqual([], await self.bans.all())

    def test_network_in(self) -> None:
        """What is no address is no network either."""
        for text in ("", "romeo", "192.0.2.1/24", "192.0.2.256"):
            error = self.assertRaises(ValueError, network_in, text)
            self.assertIn("give 192.0.2.1", str(error))
