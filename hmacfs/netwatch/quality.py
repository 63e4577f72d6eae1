"""How good connections are, one by one and by interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import define, field, frozen

from hmacfs.base.network_events import QUALITIES, Measured
from hmacfs.netwatch.tcp_info import Sample

LEAST_SENT: Final = 20
"""Segments between two samples from which a share of losses means something."""

MOST_NAMES: Final = 16
"""Interfaces that are told apart; machines with containers have any number."""

OTHERS: Final = "other"
"""What the interfaces beyond that are together."""


@frozen
class Thresholds:
    """
    From where a connection is poor, and bad.

    :ivar poor_rtt: a round-trip time in seconds; so is ``bad_rtt``.
    :ivar poor_loss: a share of 1; so is ``bad_loss``.
    """

    poor_rtt: float
    bad_rtt: float
    poor_loss: float
    bad_loss: float

    def judge(self, rtt: float, loss: float | None) -> str:
        """Tell which of the :data:`QUALITIES` it is; a loss that is not known is none."""
        lost = loss or 0.0
        if rtt >= self.bad_rtt or lost >= self.bad_loss:
            return "bad"
        return "poor" if rtt >= self.poor_rtt or lost >= self.poor_loss else "good"


@define
class _Tally:
    qualities: dict[str, int] = field(factory=lambda: dict.fromkeys(QUALITIES, 0))
    rtt: float = 0.0
    sent: int = 0
    repeated: int = 0


class Meter:
    """
    Compares the samples of connections with those before.

    Losses are of what was sent: of what clients send, only they know what was lost.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._before: dict[object, Sample] = {}

    def measure(self, samples: Iterable[tuple[object, str, Sample]]) -> dict[str, Measured]:
        """
        Judge all connections.

        :param samples: each connection, the interface that it comes by, and how it is.
        :return: by interface.
        """
        now: dict[object, Sample] = {}
        tallies: dict[str, _Tally] = {}
        for connection, interface, sample in samples:
            now[connection] = sample
            before = self._before.get(connection)
            sent = sample.sent - (before.sent if before else 0)
            repeated = sample.repeated - (before.repeated if before else 0)
            name = interface if interface in tallies or len(tallies) < MOST_NAMES else OTHERS
            tally = tallies.setdefault(name, _Tally())
            tally.qualities[self._thresholds.judge(sample.rtt, _share(repeated, sent))] += 1
            tally.rtt += sample.rtt
            tally.sent += sent
            tally.repeated += repeated
        self._before = now
        return {
            name: Measured(
                tally.qualities,
                tally.rtt / sum(tally.qualities.values()),
                _share(tally.repeated, tally.sent),
            )
            for name, tally in tallies.items()
        }


def _share(repeated: int, sent: int) -> float | None:
    return min(1.0, repeated / sent) if sent >= LEAST_SENT else None
