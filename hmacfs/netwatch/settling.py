"""Changes are believed when they have lasted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from hmacfs.base.network_events import NetworkChanged
from hmacfs.netwatch.facts import Fact, Facts, Key, name_of, steps

MOST_AT_ONCE: Final = 100
"""Changes that are told before others have their turn in the reactor."""


class Settling:
    """
    Takes what the network looks like, and tells what has changed for good.

    Something that has become what it was before, in time, has not changed.

    :param patience: seconds that a change has to last.
    :param report: is told the changes, in the order in which they happened.
    """

    def __init__(
        self,
        clock: IReactorTime,
        patience: float,
        report: Callable[[Sequence[NetworkChanged]], object],
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._report = report
        self._seen: dict[Key, Fact] = {}
        self._believed: dict[Key, Fact] = {}
        # Since when something is not as it is believed to be; the oldest first.
        self._since: dict[Key, float] = {}
        self._call: IDelayedCall | None = None

    @property
    def believed(self) -> Facts:
        """What the network looks like, as far as that has settled."""
        return self._believed

    @property
    def unsettled(self) -> bool:
        """Whether something has changed of which it is not known yet whether it stays so."""
        return bool(self._since)

    def begin(self, facts: Facts) -> None:
        """Take what there is at first, which is no change."""
        self._seen = dict(facts)
        self._believed = dict(facts)

    def seen(self, key: Key) -> Fact | None:
        """Tell what was seen last."""
        return self._seen.get(key)

    def see(self, key: Key, fact: Fact | None) -> None:
        """Take what something is now; ``None`` if it is gone."""
        if fact == self._seen.get(key):
            return
        if fact is None:
            del self._seen[key]
        else:
            self._seen[key] = fact
        self._since.pop(key, None)
        if fact != self._believed.get(key):
            self._since[key] = self._clock.seconds()
            if self._call is None:
                self._call = self._clock.callLater(self._patience, self._judge)

    def see_all(self, facts: Facts) -> None:
        """Take all that there is now."""
        # Addresses are known after their interfaces, and go before them.
        for key in reversed([key for key in self._seen if key not in facts]):
            self.see(key, None)
        for key, fact in facts.items():
            self.see(key, fact)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _judge(self) -> None:
        self._call = None
        now = self._clock.seconds()
        changes: list[NetworkChanged] = []
        while self._since and len(changes) < MOST_AT_ONCE:
            key, since = next(iter(self._since.items()))
            if since + self._patience > now:
                break
            del self._since[key]
            changes += self._believe(key)
        if self._since:
            due = next(iter(self._since.values())) + self._patience
            self._call = self._clock.callLater(max(0.0, due - now), self._judge)
        if changes:
            self._report(changes)

    def _believe(self, key: Key) -> Sequence[NetworkChanged]:
        index, address = key
        name = name_of(self._believed, index) or name_of(self._seen, index) or f"#{index}"
        before, after = self._believed.pop(key, None), self._seen.get(key)
        if after is not None:
            self._believed[key] = after
        return list(steps(name, address, before, after))
