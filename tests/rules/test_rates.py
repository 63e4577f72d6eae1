"""Tests of hmacfs.rules.rates, the bucket beside one that counts tokens."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from ipaddress import ip_address, ip_network
from typing import Any, Final

from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import RateLimited
from hmacfs.base.events import Events, UploadLimited
from hmacfs.rules.rates import Limits, Meters, OwnMeters, Rate, Rates
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.meters import StateMeters
from tests.flow.awaiting import now

START: Final = 1_700_000_000.0
HOME: Final = ip_address("192.0.2.1")


@define
class Tokens:
    """A bucket of tokens, which come with time and go with uploads."""

    per_minute: int
    burst: int
    count: Fraction = field(init=False)
    at: int = 0

    def __attrs_post_init__(self) -> None:
        self.count = Fraction(self.burst)

    def take(self, at: int) -> bool:
        """Take one, if there is one."""
        self.count = min(
            Fraction(self.burst), self.count + Fraction(self.per_minute * (at - self.at), 60)
        )
        self.at = at
        if self.count < 1:
            return False
        self.count -= 1
        return True


class Broken:
    """Meters that cannot be asked."""

    async def change(self, key: str, change: Callable[[float], float | None]) -> None:
        """Fail."""
        raise StoreFailed("it is away")

    async def forget(self, key: str) -> None:
        """Fail."""
        raise StoreFailed("it is away")


class RatesTests(SynchronousTestCase):
    """``Rates``."""

    def setUp(self) -> None:
        self.time = START
        self.events = Events()
        self.limited: list[UploadLimited] = []
        self.events.listen(UploadLimited, self.limited.append)
        self.own = OwnMeters()

    def make(self, rate: Rate, meters: Meters | None = None, **limits: Any) -> Rates:
        """Make some that limit."""
        kept = self.own if meters is None else meters
        return Rates(kept, self.own, self.events, lambda: self.time, Limits(rate, **limits))

    def takes(self, rates: Rates, owner: str | None = None, client: str = "192.0.2.1") -> bool:
        """Tell whether an upload may begin; one that may not is told when it may."""
        try:
            now(rates.begin(owner, ip_address(client)))
        except RateLimited as refusal:
            assert rates.limits.rate is not None
            wait = refusal.facts["retry_after"]
            assert isinstance(wait, int)
            self.assertTrue(0 < wait <= rates.limits.rate.interval + 1)
            return False
        return True

    @given(
        st.sampled_from([1, 2, 3, 5, 12, 30, 60]),
        st.integers(1, 8),
        st.lists(st.integers(0, 90), max_size=60),
        st.booleans(),
    )
    def test_bucket(self, per_minute: int, burst: int, pauses: list[int], shared: bool) -> None:
        """It takes exactly what a bucket of tokens would, also where servers share it."""
        tokens = Tokens(per_minute, burst)
        state = MemoryState(lambda: self.time)
        meters = StateMeters(state) if shared else OwnMeters()
        rates = self.make(Rate(per_minute, burst), meters)
        passed = 0
        for pause in pauses:
            passed += pause
            self.time = START + passed
            self.assertEqual(self.takes(rates), tokens.take(passed))

    def test_wait(self) -> None:
        """Who comes after the time that was told is taken, and not before."""
        rates = self.make(Rate(6, 2))
        self.assertEqual([self.takes(rates) for _ in range(3)], [True, True, False])
        with self.assertRaises(RateLimited) as caught:
            now(rates.begin(None, HOME))
        self.assertEqual(caught.exception.facts, {"limit": 6, "retry_after": 10})
        self.time += 9
        self.assertFalse(self.takes(rates))
        self.time += 1
        self.assertTrue(self.takes(rates))
        self.assertEqual(self.limited, [UploadLimited("ip")] * 3)

    def test_whose(self) -> None:
        """Addresses and uploaders are counted apart; those that are free are not."""
        rates = self.make(
            Rate(1, 1),
            free=(ip_network("198.51.100.0/24"),),
            free_owners=frozenset({"admin"}),
        )
        self.assertTrue(self.takes(rates, "romeo"))
        self.assertFalse(self.takes(rates, "romeo", "192.0.2.2"))
        self.assertTrue(self.takes(rates, "juliet", "192.0.2.2"))
        self.assertFalse(self.takes(rates, "admin", "192.0.2.2"))
        self.assertTrue(self.takes(rates, "admin", "198.51.100.7"))
        self.assertTrue(self.takes(rates, None, "198.51.100.7"))
        self.assertTrue(self.takes(rates, None, "2001:db8::1"))
        self.assertFalse(self.takes(rates, None, "2001:db8::2"))
        self.assertTrue(self.takes(rates, None, "2001:db8:0:1::2"))

    def test_one_kind(self) -> None:
        """Either kind can be switched off, and all of it."""
        by_owner = self.make(Rate(1, 1), by_address=False)
        self.assertTrue(all(self.takes(by_owner) for _ in range(3)))
        by_address = self.make(Rate(1, 1), by_owner=False)
        self.assertTrue(self.takes(by_address, "romeo", "192.0.2.2"))
        self.assertTrue(self.takes(by_address, "romeo", "192.0.2.3"))
        off = evolve(by_address, limits=Limits())
        self.assertTrue(all(self.takes_off(off) for _ in range(3)))

    def takes_off(self, rates: Rates) -> bool:
        """Begin an upload where nothing limits."""
        now(rates.begin("romeo", HOME))
        return True

    def test_neighbours(self) -> None:
        """What an uploader sends too much is not taken from others at the same address."""
        rates = self.make(Rate(1, 2))
        taken = [self.takes(rates, owner) for owner in ("romeo", "romeo", "romeo")]
        self.assertEqual(taken, [True, True, False])
        self.time += 60
        rates = self.make(Rate(1, 3))
        taken = [self.takes(rates, owner, "192.0.2.9") for owner in ["romeo"] * 5 + ["juliet"]]
        self.assertEqual(taken, [True, True, False, False, False, True])

    def test_store_away(self) -> None:
        """While the store is away this process counts by itself."""
        rates = self.make(Rate(1, 2), Broken())
        self.assertEqual([self.takes(rates) for _ in range(3)], [True, True, False])
        self.assertEqual(len(self.own), 1)

    def test_set_back(self) -> None:
        """Neither smaller limits nor a clock that was set back lock anybody out for long."""
        rates = self.make(Rate(1, 60))
        self.assertTrue(all(self.takes(rates) for _ in range(60)))
        self.time -= 86400
        strict = self.make(Rate(60, 1))
        self.assertEqual([self.takes(strict) for _ in range(2)], [True, False])
        self.time += 1
        self.assertTrue(self.takes(strict))

    def test_bounded(self) -> None:
        """A hundred thousand addresses leave no more counts than there is room for."""
        rates = self.make(Rate(60, 5))
        for number in range(100_000):
            now(rates.begin(None, ip_address(0x0A000000 + number)))
        self.assertEqual(len(self.own), 20_000)
        self.time += 1.5
        self.own.clear(self.time)
        self.assertEqual(len(self.own), 0)
