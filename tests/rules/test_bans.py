"""Tests of hmacfs.rules.bans, the counts beside a list of all that was refused."""

from __future__ import annotations

import tracemalloc
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.addresses import Address, Network
from hmacfs.base.bans import Ban
from hmacfs.base.events import ClientBanned, Events
from hmacfs.rules.bans import MOST_BANS, PATIENCE, Bans, Refusals, Terms
from hmacfs.stores.bans import StateBans
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory_state import MemoryState
from tests.flow.awaiting import now

START: Final = 1_700_000_000.0
STRANGER: Final = ip_address("203.0.113.7")
OTHER: Final = ip_address("203.0.113.8")
TERMS: Final = Terms(fails=3, window=600.0, duration=300.0)


class Away:
    """A book that cannot be asked until somebody says so."""

    def __init__(self, book: StateBans) -> None:
        self.book = book
        self.away = False

    async def keep(self, ban: Ban) -> None:
        """Keep it, or fail."""
        self._check()
        await self.book.keep(ban)

    async def read(self, most: int) -> list[Ban]:
        """Read, or fail."""
        self._check()
        return await self.book.read(most)

    def _check(self) -> None:
        if self.away:
            raise StoreFailed("it is away")


class RefusalsTests(SynchronousTestCase):
    """``Refusals``."""

    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=80),
        st.sampled_from([10.0, 600.0, 3600.0]),
    )
    def test_window(self, refused: list[tuple[str, int]], window: float) -> None:
        """Nothing older than the window counts, and everything that is clearly younger does."""
        counts = Refusals()
        clients = {letter: ip_network(f"192.0.2.{ord(letter)}") for letter in "abc"}
        history: list[tuple[str, float]] = []
        time = START
        for letter, pause in refused:
            time += pause
            history.append((letter, time))
            count = counts.add(clients[letter], time, window)
            ages = [time - at for whose, at in history if whose == letter]
            self.assertLessEqual(count, sum(age <= window for age in ages))
            self.assertGreaterEqual(count, sum(age < 0.9 * window for age in ages))

    def test_bounded(self) -> None:
        """A hundred thousand strangers take some megabytes; who goes on is not forgotten."""
        counts = Refusals()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        guest = ip_network("198.51.100.1")
        seen = 0
        for number in range(100_000):
            counts.add(ip_network(0x0A000000 + number), START, 600.0)
            if number % 10_000 == 0:
                seen = counts.add(guest, START, 600.0)
        self.assertEqual((len(counts), seen), (20_000, 10))
        used, _ = tracemalloc.get_traced_memory()
        self.assertLess(used, 20 * 1024 * 1024)


class BansTests(SynchronousTestCase):
    """``Bans``."""

    def setUp(self) -> None:
        self.time = START
        self.state = MemoryState(lambda: self.time)
        self.book = Away(StateBans(self.state))
        self.heard: list[ClientBanned] = []
        self.bans = self.make()

    def make(self) -> Bans:
        """Make the bans of a server that shares the book."""
        events = Events()
        events.listen(ClientBanned, self.heard.append)
        return Bans(self.book, events, lambda: self.time, TERMS)

    def refuse(self, client: Address = STRANGER, times: int = 3) -> None:
        """Refuse a client's credentials."""
        for _ in range(times):
            self.bans.refused(client, "signature-wrong")

    def test_ban(self) -> None:
        """So many refusals ban a client and nobody else, once, and not for ever."""
        self.refuse(times=2)
        self.assertIsNone(self.bans.find(STRANGER))
        self.refuse(times=5)
        ban = self.bans.find(STRANGER)
        assert ban is not None
        self.assertIsNone(self.bans.find(OTHER))
        self.assertEqual(self.bans.left(ban), 300)
        reason = "3 refused requests within 10m, the last signature-wrong"
        self.assertEqual(self.heard, [ClientBanned("203.0.113.7", 300.0, reason)])
        self.time += 300.5
        self.assertIsNone(self.bans.find(STRANGER))
        now(self.bans.refresh())
        self.assertEqual(now(self.book.read(10)), [])

    def test_slowly(self) -> None:
        """Refusals that come slower than the terms say ban nobody."""
        for _ in range(20):
            self.refuse(times=1)
            self.time += 301
        self.assertEqual(self.heard, [])

    def test_networks(self) -> None:
        """IPv6 clients are told apart by 64 bits, of which they change the rest at will."""
        for number in range(3):
            self.refuse(ip_address(f"2001:db8::{number}"), 1)
        self.assertIsNotNone(self.bans.find(ip_address("2001:db8::ffff")))
        self.assertIsNone(self.bans.find(ip_address("2001:db8:0:1::1")))
        self.assertEqual(self.heard[0].client, "2001:db8::/64")

    def test_shared(self) -> None:
        """What one server bans, and what is banned by hand, others learn, also after a start."""
        other = self.make()
        self.refuse()
        now(self.book.keep(Ban(ip_network("198.51.100.0/24"), START, START + 60, "by hand")))
        self.assertIsNone(other.find(STRANGER))
        now(other.refresh())
        self.assertIsNotNone(other.find(STRANGER))
        self.assertIsNotNone(other.find(ip_address("198.51.100.77")))
        self.assertIsNone(other.find(ip_address("::1")))
        now(self.book.book.forget(ip_network("203.0.113.7")))
        for bans in (self.bans, other):
            now(bans.refresh())
            self.assertIsNone(bans.find(STRANGER))
        self.assertEqual(len(self.heard), 1)

    def test_store_away(self) -> None:
        """While the book is away bans hold here, those of before too; later the others learn."""
        self.refuse()
        now(self.bans.refresh())
        self.book.away = True
        self.refuse(OTHER)
        now(self.bans.refresh())
        self.assertIsNotNone(self.bans.find(STRANGER))
        self.assertIsNotNone(self.bans.find(OTHER))
        self.book.away = False
        now(self.bans.refresh())
        self.assertIsNotNone(self.bans.find(OTHER))
        self.assertEqual(len(now(self.book.read(10))), 2)

    def test_exempt(self) -> None:
        """Who is exempt is neither counted nor shut out, whoever banned it."""

        def is_exempt(address: Address) -> bool:
            return address == STRANGER

        self.bans.adopt(TERMS, is_exempt)
        self.refuse(times=10)
        now(self.book.keep(Ban(ip_network("203.0.113.0/24"), START, START + 60, "by hand")))
        now(self.bans.refresh())
        self.assertIsNone(self.bans.find(STRANGER))
        self.assertIsNotNone(self.bans.find(OTHER))
        self.assertEqual(self.heard, [])

    def test_reload(self) -> None:
        """New terms hold at once, what was counted and banned stays."""
        self.refuse(times=2)
        self.bans.adopt(evolve(TERMS, fails=4, duration=60.0), lambda _: False)
        self.refuse(times=1)
        self.assertEqual(self.heard, [])
        self.refuse(times=1)
        self.assertEqual(self.heard[0].seconds, 60.0)
        self.bans.adopt(evolve(TERMS, enabled=False), lambda _: False)
        self.assertIsNone(self.bans.find(STRANGER))
        self.refuse(OTHER, 9)
        now(self.bans.refresh())
        self.bans.adopt(TERMS, lambda _: False)
        self.assertIsNotNone(self.bans.find(STRANGER))
        self.assertIsNone(self.bans.find(OTHER))

    def test_ignores(self) -> None:
        """Who was told often enough is not even answered, until the ban is over."""
        self.refuse()
        ban = self.bans.find(STRANGER)
        assert ban is not None
        for _ in range(PATIENCE):
            self.assertFalse(self.bans.ignores(STRANGER))
            self.bans.answered(ban)
        self.assertTrue(self.bans.ignores(STRANGER))
        self.assertFalse(self.bans.ignores(OTHER))
        self.time += 301
        self.assertFalse(self.bans.ignores(STRANGER))
        now(self.bans.refresh())
        self.refuse()
        self.assertFalse(self.bans.ignores(STRANGER))

    def test_full(self) -> None:
        """When there are too many bans no more are made, and those there are hold."""
        bans = {
            self.network(n): Ban(self.network(n), START, START + 60, "") for n in range(MOST_BANS)
        }
        self.bans._bans.update(bans)
        self.refuse()
        self.assertEqual((self.heard, self.bans.find(STRANGER)), ([], None))

    def network(self, number: int) -> Network:
        """Make the network of one of many."""
        return ip_network(IPv4Address(0x0A000000 + number))
