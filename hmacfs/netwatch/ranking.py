"""Which interface is the best, as far as can be seen from here (3.2 documents, scenario 2)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from hmacfs.base.events import Events
from hmacfs.base.network_events import InterfacePreferred, Measured, NetworkChanged
from hmacfs.netwatch.facts import Facts, Link, name_of

KINDS: Final = tuple(
    re.compile(pattern) for pattern in (r"(en|eth)", r"(wl|wifi)", r"(ww|ppp|rmnet|usb)")
)
"""Names of cables, wireless networks and mobile ones, best first (systemd.net-naming-scheme(7))."""

A_MINUTE: Final = 60.0


@frozen
class Preferences:
    """
    What makes an interface good.

    :ivar priority: names that come before all others, in this order.
    :ivar shuns_bad: whether one whose connections are mostly bad comes after all others.
    :ivar stable_after: seconds that it has to be up.
    :ivar fall: by how much the share of good connections has to fall to be told.
    :ivar most_changes: how often another one may be the best in a minute; 0 is any number.
    """

    priority: tuple[str, ...]
    shuns_bad: bool
    stable_after: float
    fall: float
    most_changes: int


class Ranking:
    """
    Tells which interface is the best when that changes, and of which the connections become worse.

    :param facts: tells what the network looks like.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        preferences: Preferences,
        facts: Callable[[], Facts],
        events: Events,
    ) -> None:
        self.best = ""
        self._clock = clock
        self._preferences = preferences
        self._facts = facts
        self._events = events
        self._measured: Mapping[str, Measured] = {}
        self._told: dict[str, float] = {}
        self._up_since: dict[str, float] = {}
        self._changes: deque[float] = deque(maxlen=max(1, preferences.most_changes))
        self._call: IDelayedCall | None = None

    def changed(self, changes: Sequence[NetworkChanged]) -> None:
        """Take what has happened to the network."""
        now = self._clock.seconds()
        for change in changes:
            if change.kind == "interface_up":
                self._up_since[change.interface] = now
            elif change.kind == "interface_down":
                self._up_since.pop(change.interface, None)
        self.judge()

    def measured(self, interfaces: Mapping[str, Measured]) -> None:
        """Take how good the connections are."""
        for name, measured in interfaces.items():
            share = _share(measured)
            before = self._told.setdefault(name, share)
            if before - share >= self._preferences.fall and share < before:
                self.log.warn(
                    "connections by {interface} became worse: {now} % are good, after {before} %",
                    interface=name,
                    now=round(100 * share),
                    before=round(100 * before),
                )
                self._told[name] = share
            else:
                self._told[name] = max(before, share)
        for gone in self._told.keys() - interfaces.keys():
            del self._told[gone]
        self._measured = interfaces
        self.judge()

    def judge(self) -> None:
        """Tell which interface is the best, if that is another one."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        now = self._clock.seconds()
        ranked = sorted(self._candidates(), key=lambda name: self._rank(name, now))
        best = ranked[0] if ranked else ""
        waits = [since + self._preferences.stable_after - now for since in self._up_since.values()]
        if best != self.best:
            wait = self._wait(now)
            if wait > 0:
                waits.append(wait)
            else:
                self._prefer(best, now)
        later = [wait for wait in waits if wait > 0]
        if later:
            self._call = self._clock.callLater(min(later), self.judge)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _wait(self, now: float) -> float:
        limit = self._preferences.most_changes
        if not limit or len(self._changes) < limit:
            return 0.0
        return self._changes[0] + A_MINUTE - now

    def _prefer(self, best: str, now: float) -> None:
        if self.best:
            self._changes.append(now)
        self.best = best
        self.log.info("the best interface is {interface}", interface=best or "none")
        self._events.tell(InterfacePreferred(best))

    def _candidates(self) -> set[str]:
        facts = self._facts()
        with_address = {
            name_of(facts, index)
            for index, address in facts
            if address is not None and not address.is_loopback
        }
        up = {fact.name for fact in facts.values() if isinstance(fact, Link) and fact.up}
        return with_address & up

    def _rank(self, name: str, now: float) -> tuple[bool, bool, int, int, float, bool, str]:
        preferences = self._preferences
        measured = self._measured.get(name)
        is_bad = measured is not None and 2 * measured.qualities["bad"] > _count(measured)
        up_for = now - self._up_since.get(name, -preferences.stable_after + now)
        listed = preferences.priority
        return (
            preferences.shuns_bad and is_bad,
            up_for < preferences.stable_after,
            listed.index(name) if name in listed else len(listed),
            next((rank for rank, kind in enumerate(KINDS) if kind.match(name)), len(KINDS)),
            # What is hardly better is no reason to change.
            0.0 if measured is None else 1 - round(_share(measured), 1),
            name != self.best,
            name,
        )


def _count(measured: Measured) -> int:
    return sum(measured.qualities.values())


def _share(measured: Measured) -> float:
    """Tell how good connections are together: of poor ones half counts."""
    good, poor = measured.qualities["good"], measured.qualities["poor"]
    return (good + poor / 2) / max(1, _count(measured))
