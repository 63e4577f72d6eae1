"""Which interface is the best, on a clock that the tests turn."""

from __future__ import annotations

from ipaddress import ip_address

from attrs import evolve
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import Events
from hmacfs.base.network_events import InterfacePreferred, Measured, NetworkChanged
from hmacfs.netwatch.facts import Assigned, Fact, Key, Link
from hmacfs.netwatch.ranking import Preferences, Ranking

PREFERENCES = Preferences((), shuns_bad=False, stable_after=30, fall=0.3, most_changes=3)
ONE = Assigned(frozenset({24}))


def quality(good: int = 0, poor: int = 0, bad: int = 0) -> Measured:
    """Tell how many connections are how good."""
    return Measured({"good": good, "poor": poor, "bad": bad}, 0.1, None)


class RankingTests(SynchronousTestCase):
    """``Ranking``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.facts: dict[Key, Fact] = {}
        self.told: list[str] = []
        self.events = Events(lambda: self.fail("a listener failed"))
        self.events.listen(InterfacePreferred, lambda event: self.told.append(event.interface))
        self.ranking = self.make(PREFERENCES)
        self.have("lo", "127.0.0.1")

    def make(self, preferences: Preferences) -> Ranking:
        """Make a ranking, which has told nothing yet."""
        self.told.clear()
        ranking = Ranking(self.clock, preferences, lambda: self.facts, self.events)
        self.addCleanup(ranking.stop)
        return ranking

    def have(self, name: str, address: str = "", *, up: bool = True) -> None:
        """Let there be an interface."""
        index = next((i for (i, _), link in self.facts.items() if link == Link(name, not up)), 0)
        index = index or len(self.facts) + 1
        self.facts[index, None] = Link(name, up)
        if address:
            self.facts[index, ip_address(address)] = ONE

    def change(self, name: str, *, up: bool) -> None:
        """Let an interface rise or fall."""
        self.have(name, up=up)
        kind = "interface_up" if up else "interface_down"
        self.ranking.changed([NetworkChanged(kind, name)])

    def test_kinds(self) -> None:
        """A cable is better than a wireless network, that than a mobile one; a list rules."""
        self.ranking.judge()
        self.assertEqual([], self.told)
        names = ["tailscale0", "wwan0", "wlp3s0", "enp2s0"]
        for number, name in enumerate(names):
            self.have(name, f"10.0.0.{number + 1}")
            self.ranking.judge()
        self.assertEqual(names, self.told)
        self.have("eth9")
        self.have("eno1", "10.0.0.9", up=False)
        self.ranking.judge()
        self.assertEqual("enp2s0", self.ranking.best)
        self.ranking = self.make(evolve(PREFERENCES, priority=("absent", "wwan0", "wlp3s0")))
        self.ranking.judge()
        self.assertEqual(["wwan0"], self.told)

    def test_stable(self) -> None:
        """What has just come up is the best only after a while, if there is another one."""
        self.have("eth0", "10.0.0.1")
        self.have("wlan0", "10.0.0.2")
        self.ranking.judge()
        self.change("eth0", up=False)
        self.clock.advance(5)
        self.change("eth0", up=True)
        self.clock.advance(29)
        self.assertEqual(["eth0", "wlan0"], self.told)
        self.clock.advance(1)
        self.assertEqual(["eth0", "wlan0", "eth0"], self.told)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_bad(self) -> None:
        """One whose connections are mostly bad is shunned, if that is wanted."""
        self.have("eth0", "10.0.0.1")
        self.have("wlan0", "10.0.0.2")
        for shuns_bad, expected in ((False, ["eth0"]), (True, ["eth0", "wlan0", "eth0"])):
            self.ranking = self.make(evolve(PREFERENCES, shuns_bad=shuns_bad))
            for measured in (quality(good=3), quality(good=1, bad=2), quality(good=1, bad=1)):
                self.ranking.measured({"eth0": measured, "wlan0": quality(good=1)})
            self.assertEqual(expected, self.told)

    def test_better(self) -> None:
        """Of two alike the one with better connections; what is hardly better changes nothing."""
        self.have("eth0", "10.0.0.1")
        self.have("eth1", "10.0.0.2")
        self.ranking.measured({"eth0": quality(good=1, poor=1), "eth1": quality(good=1)})
        self.ranking.measured({"eth0": quality(good=100), "eth1": quality(good=99, poor=1)})
        self.assertEqual(["eth1"], self.told)

    def test_at_most(self) -> None:
        """So many changes are told in a minute; then the next waits, and may be none by then."""
        self.ranking = self.make(evolve(PREFERENCES, stable_after=0, most_changes=2))
        self.have("eth0", "10.0.0.1")
        self.have("wlan0", "10.0.0.2")
        self.ranking.judge()
        for up in (False, True, False):
            self.clock.advance(10)
            self.change("eth0", up=up)
        self.assertEqual(["eth0", "wlan0", "eth0"], self.told)
        self.clock.advance(39.9)
        self.assertEqual(["eth0", "wlan0", "eth0"], self.told)
        self.clock.advance(0.2)
        self.assertEqual(["eth0", "wlan0", "eth0", "wlan0"], self.told)

    def test_worse(self) -> None:
        """A fall of the quality is logged once, however slowly it comes."""
        self.have("eth0", "10.0.0.1")
        with capturedLogs() as events:
            for good in (10, 9, 8, 7, 7, 6, 9, 5):
                self.ranking.measured({"eth0": quality(good=good, bad=10 - good)})
            self.ranking.measured({})
            self.ranking.measured({"eth0": quality(bad=1)})
        lines = [formatEvent(event) for event in events if "before" in event]
        self.assertEqual(
            [
                "connections by eth0 became worse: 70 % are good, after 100 %",
                "connections by eth0 became worse: 50 % are good, after 90 %",
            ],
            lines,
        )
