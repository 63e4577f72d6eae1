"""The watch, on a kernel of the tests and a clock that the tests turn."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import cast

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.network_events import NETWORK_CHANGES, NetworkChanged
from hmacfs.netwatch.facts import Assigned, Facts, Key, Link, addresses
from hmacfs.netwatch.kernel import ANSWER_TIME, PAUSE, Socket, WatchReactor
from hmacfs.netwatch.settling import MOST_AT_ONCE
from hmacfs.netwatch.watch import NetworkWatch, Pace
from tests.netwatch.routing import Routing, address, link

LO: Key = (1, None)
HOME: Key = (1, ip_address("127.0.0.1"))


class WatchCase(SynchronousTestCase):
    """A watch over a machine with ``lo`` and ``eth0``."""

    pace = Pace(interval=1.0, longest=4.0)

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.kernel = Routing(
            [link(1, "lo"), link(2, "eth0")], [address(1, "127.0.0.1", 8), address(2, "10.0.0.1")]
        )
        self.changes: list[NetworkChanged] = []
        self.batches: list[int] = []
        self.began = 0
        self.found: Facts | OSError = {LO: Link("lo", up=True), HOME: Assigned(frozenset({0}))}
        self.looks = 0
        self.watch = self.make(self.open)

    def make(self, opening: Callable[[], Socket]) -> NetworkWatch:
        """Make the watch."""
        reactor = cast(WatchReactor, self.reactor)
        return NetworkWatch(reactor, self.pace, opening, self.look, self.changed, self.begun)

    def open(self) -> Socket:
        """Open the routing socket."""
        return self.kernel

    async def look(self) -> Facts:
        """Look without it."""
        self.looks += 1
        if isinstance(self.found, OSError):
            raise self.found
        return self.found

    def changed(self, changes: Sequence[NetworkChanged]) -> None:
        """Note what is told."""
        self.changes += changes
        self.batches.append(len(changes))

    def begun(self) -> None:
        """Note that it has begun."""
        self.began += 1

    def read(self) -> None:
        """Let the reactor read until there is nothing more."""
        while self.kernel.waiting and self.reactor.readers:
            for reader in tuple(self.reactor.readers):
                reader.doRead()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in small steps, and read what comes."""
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.read()

    def begin(self) -> None:
        """Start, and read what there is."""
        self.watch.start()
        self.read()
        self.assertEqual((1, ""), (self.began, self.watch.fault))

    def assert_told(self, *told: tuple[str, ...]) -> None:
        """Fail unless exactly this was told."""
        self.assertEqual([NetworkChanged(*each) for each in told], self.changes)


class KernelTests(WatchCase):
    """What the kernel tells."""

    def test_beginning(self) -> None:
        """What there is at first is known, and no change."""
        self.begin()
        self.pass_time(20)
        self.assertEqual(
            {ip_address("127.0.0.1"), ip_address("10.0.0.1")}, addresses(self.watch.facts)
        )
        self.assert_told()
        self.assertTrue(self.watch.is_told)

    def test_changes(self) -> None:
        """A change is told once, when it has lasted; all kinds there are occur."""
        self.begin()
        self.kernel.tell(link(3, "wlan0"), address(3, "10.1.0.1"))
        self.kernel.has[18].append(link(3, "wlan0"))
        self.kernel.has[22].append(address(3, "10.1.0.1"))
        self.read()
        self.reactor.advance(0.9)
        self.assert_told()
        self.pass_time(10)
        came = (
            ("interface_added", "wlan0"),
            ("interface_up", "wlan0"),
            ("address_added", "wlan0", "10.1.0.1"),
        )
        self.assert_told(*came)
        self.kernel.has[18].pop()
        self.kernel.has[22].pop()
        self.kernel.tell(address(3, "10.1.0.1", kind=21), link(3, "wlan0", kind=17))
        self.read()
        self.pass_time(10)
        self.assert_told(
            *came,
            ("address_removed", "wlan0", "10.1.0.1"),
            ("interface_down", "wlan0"),
            ("interface_removed", "wlan0"),
        )
        self.assertEqual(set(NETWORK_CHANGES), {change.kind for change in self.changes})

    def test_flapping(self) -> None:
        """What is again as it was is no change, however often; nor is what never comes to rest."""
        self.begin()
        for _ in range(100):
            self.kernel.tell(link(2, "eth0", 0), address(2, "10.0.0.1", kind=21))
            self.kernel.tell(link(2, "eth0"), address(2, "10.0.0.1"))
            self.pass_time(0.3)
        for flags in (0, 0x41) * 20:
            self.kernel.tell(link(2, "eth0", flags))
            self.kernel.has[18][1] = link(2, "eth0", flags)
            self.pass_time(0.3)
        self.assert_told()

    def test_same_address(self) -> None:
        """An address stays while the kernel has it with another length of its network."""
        self.begin()
        self.kernel.tell(address(2, "10.0.0.1", 16), address(2, "10.0.0.1", 24, kind=21))
        self.kernel.has[22][1] = address(2, "10.0.0.1", 16)
        self.pass_time(5)
        self.assert_told()

    def test_renamed(self) -> None:
        """An interface with another name is another one."""
        self.begin()
        self.kernel.tell(link(2, "lan"))
        self.kernel.has[18][1] = link(2, "lan")
        self.pass_time(5)
        self.assert_told(
            ("interface_down", "eth0"),
            ("interface_removed", "eth0"),
            ("interface_added", "lan"),
            ("interface_up", "lan"),
        )

    def test_strangers(self) -> None:
        """Only the kernel is believed."""
        self.begin()
        self.kernel.tell(link(2, "eth0", kind=17), sender=4712)
        self.pass_time(5)
        self.assert_told()

    def test_lost_message(self) -> None:
        """A message that was lost is made up for: at once if that is known, else at a look."""
        for is_known, seconds in ((True, PAUSE + 1.2), (False, 4 + 1.2)):
            self.setUp()
            self.begin()
            self.pass_time(10)
            self.kernel.has[22].append(address(2, "10.0.0.2"))
            if is_known:
                self.kernel.lose()
            self.pass_time(seconds)
            self.assert_told(("address_added", "eth0", "10.0.0.2"))

    def test_looks(self) -> None:
        """Looks become fewer while nothing changes."""
        self.begin()
        seen = []
        for _ in range(5):
            before = len(self.kernel.asked)
            self.pass_time(4)
            seen.append((len(self.kernel.asked) - before) // 2)
        self.assertEqual([2, 1, 1, 1, 1], seen)

    def test_interrupted(self) -> None:
        """An answer during which things changed is asked for again."""
        self.kernel.interrupted = 2
        self.watch.start()
        self.read()
        self.assertEqual(0, self.began)
        self.pass_time(1)
        self.assertEqual((1, ""), (self.began, self.watch.fault))

    def test_many(self) -> None:
        """A thousand changes at once keep the reactor for moments only, and are all told."""
        self.begin()
        several = [f"10.9.{n // 250}.{n % 250}" for n in range(1000)]
        self.kernel.tell(*(address(2, text) for text in several))
        reads = 0
        while self.kernel.waiting:
            before = self.kernel.waiting
            next(iter(self.reactor.readers)).doRead()
            self.assertLessEqual(before - self.kernel.waiting, 16)
            reads += 1
        self.assertGreater(reads, 50)
        self.reactor.advance(1)
        self.reactor.pump([0] * 20)
        self.assertEqual(several, [change.address for change in self.changes])
        self.assertEqual({MOST_AT_ONCE}, set(self.batches))

    def test_stop(self) -> None:
        """After the stop nothing is open, read or waited for."""
        self.begin()
        self.kernel.tell(link(2, "eth0", 0))
        self.read()
        self.watch.stop()
        self.assertTrue(self.kernel.closed)
        self.assertEqual((set(), []), (self.reactor.readers, self.reactor.getDelayedCalls()))


class PatientTests(WatchCase):
    """A watch that wants a change confirmed."""

    pace = Pace(interval=1.0, longest=4.0, looks=3)

    def test_threshold(self) -> None:
        """A change has to last for as many intervals as the threshold says."""
        self.begin()
        self.kernel.has[18][1] = link(2, "eth0", 0)
        self.kernel.tell(self.kernel.has[18][1])
        self.pass_time(2.9)
        self.assert_told()
        self.pass_time(0.2)
        self.assert_told(("interface_down", "eth0"))


class FallbackTests(WatchCase):
    """Without the kernel's help."""

    def assert_falls_back(self) -> None:
        """Fail unless it is looked at the network now, and changes are told."""
        self.assertEqual((1, ""), (self.began, self.watch.fault))
        self.assertFalse(self.watch.is_told)
        self.assertEqual(set(), self.reactor.readers)
        before = self.looks
        self.found = {LO: Link("lo", up=False)}
        self.pass_time(10)
        self.assertGreater(self.looks, before)
        self.assert_told(("address_removed", "lo", "127.0.0.1"), ("interface_down", "lo"))

    def test_forbidden(self) -> None:
        """Where the socket is forbidden, it is looked at the network."""

        def forbidden() -> Socket:
            raise OSError(errno.EPERM, "Operation not permitted")

        self.watch = self.make(forbidden)
        self.watch.start()
        self.assert_falls_back()

    def test_mute(self) -> None:
        """A kernel that does not answer is waited for without blocking, and then not any more."""
        self.kernel.mute = True
        self.watch.start()
        self.read()
        self.reactor.advance(ANSWER_TIME - 0.1)
        self.assertEqual((0, 0), (self.began, self.looks))
        self.reactor.advance(0.1)
        self.assertTrue(self.kernel.closed)
        self.assert_falls_back()

    def test_refused(self) -> None:
        """A kernel that refuses to answer is not asked again."""
        self.kernel.error = errno.EPERM
        self.watch.start()
        self.read()
        self.assert_falls_back()

    def test_falls_silent(self) -> None:
        """A kernel that falls silent later is noticed by the next look; nothing is told twice."""
        self.begin()
        self.kernel.mute = True
        self.found = {
            LO: Link("lo", up=True),
            HOME: Assigned(frozenset({0})),
            (2, None): Link("eth0", up=True),
            (2, ip_address("10.0.0.1")): Assigned(frozenset({0})),
        }
        self.pass_time(20)
        self.assertTrue(self.kernel.closed)
        self.assertEqual((1, ""), (self.began, self.watch.fault))
        self.assert_told()

    def test_blind(self) -> None:
        """Where nothing can be seen that is told, and tried again."""
        self.kernel.error = errno.EPERM
        self.found = OSError(errno.ENOENT, "No such file or directory", "/proc/net/dev")
        self.watch.start()
        self.read()
        self.pass_time(10)
        self.assertIn("/proc/net/dev", self.watch.fault)
        self.found = {LO: Link("lo", up=True), HOME: Assigned(frozenset({0}))}
        self.pass_time(5)
        self.assert_falls_back()
