"""Telling a client how an upload goes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import FollowsTooMany, Refusal, Unavailable
from hmacfs.web.progress import INTERVAL, WINDOW, Follower, Progress, Seats, Speed


@define
class Listener:
    """Somebody who is told."""

    clock: Clock
    takes_more: bool = True
    is_closed: bool = False
    told: list[tuple[float, dict[str, Any]]] = field(factory=list)

    def send(self, text: str) -> None:
        """Take an event."""
        self.told.append((self.clock.seconds(), json.loads(text)))

    def close(self) -> None:
        """End."""
        self.is_closed = True

    @property
    def received(self) -> list[int]:
        """What each event tells."""
        return [event["received"] for _, event in self.told]


class FollowerTests(SynchronousTestCase):
    """``Follower``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.listener = Listener(self.clock)
        self.progress = Progress(0, 1000, "open", is_over=False)
        self.follower = Follower(self.listener, self.clock, "sess_1", lambda: self.progress)

    def reach(self, received: int, state: str = "open", *, is_over: bool = False) -> None:
        """Let bytes come."""
        self.progress = evolve(self.progress, received=received, state=state, is_over=is_over)
        self.follower.changed()
        self.clock.advance(0)

    def test_first(self) -> None:
        """The first event comes at once, with everything."""
        self.reach(0)
        self.assertEqual(
            self.listener.told,
            [
                (
                    0.0,
                    {
                        "session_id": "sess_1",
                        "received": 0,
                        "bytes": 0,
                        "size": 1000,
                        "rate": 0,
                        "state": "open",
                    },
                )
            ],
        )

    def test_last(self) -> None:
        """The last event tells the final state, and is the end."""
        self.reach(0)
        self.reach(1000, "stored", is_over=True)
        self.assertFalse(self.listener.is_closed)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.listener.told[-1][1]["state"], "stored")
        self.assertTrue(self.listener.is_closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_newest(self) -> None:
        """What comes between two events is told as it is at the second."""
        for received in (0, 100, 200):
            self.reach(received)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.listener.received, [0, 200])

    def test_standing_still(self) -> None:
        """When nothing comes any more, a rate of nothing is told, once."""
        self.reach(0)
        self.clock.advance(1)
        self.reach(1000)
        self.assertEqual(self.listener.told[-1][1]["rate"], 1000)
        self.clock.advance(WINDOW)
        self.assertEqual(self.listener.told[-1][1]["rate"], 0)
        self.clock.pump([WINDOW] * 3)
        self.assertEqual(len(self.listener.told), 3)

    def test_slow_audience(self) -> None:
        """An audience that takes nothing is told the newest when it takes more."""
        self.listener.takes_more = False
        self.reach(100)
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.listener.told, [])
        self.reach(1000, "failed", is_over=True)
        self.listener.takes_more = True
        self.clock.advance(INTERVAL)
        self.assertEqual([event["state"] for _, event in self.listener.told], ["failed"])
        self.assertTrue(self.listener.is_closed)

    def test_stop(self) -> None:
        """After a stop nothing is told."""
        self.reach(0)
        self.reach(1)
        self.follower.stop()
        self.clock.advance(WINDOW)
        self.assertEqual(self.listener.received, [0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_clock_that_goes_on(self) -> None:
        """Nothing is due before now, though the clock goes on between two looks at it."""

        class Restless(Clock):
            """Goes on with every look."""

            def seconds(self) -> float:
                self.rightNow += 1e-6
                return self.rightNow

        clock = Restless()
        self.follower = Follower(self.listener, clock, "sess_1", lambda: self.progress)
        self.follower.changed()
        (call,) = clock.getDelayedCalls()
        self.assertGreaterEqual(call.getTime(), clock.rightNow - 1e-6)

    @given(st.lists(st.floats(0, 1), max_size=60))
    def test_rate_of_events(self, pauses: list[float]) -> None:
        """There are never two events within the interval, and the newest is always told."""
        self.setUp()
        for received, pause in enumerate(pauses):
            self.reach(received)
            self.clock.advance(pause)
        self.clock.advance(INTERVAL)
        times = [moment for moment, _ in self.listener.told]
        for before, after in pairwise(times):
            self.assertGreaterEqual(after - before, INTERVAL - 1e-9)
        if pauses:
            self.assertEqual(self.listener.received[-1], len(pauses) - 1)


class SpeedTests(SynchronousTestCase):
    """``Speed``."""

    def test_average(self) -> None:
        """It is the average of the window: what was before does not count."""
        speed = Speed()
        self.assertEqual(speed.at(0, 500), 0)
        self.assertEqual(speed.at(1, 1500), 1000)
        self.assertEqual(speed.at(2, 1500), 500)
        self.assertEqual(speed.at(2 + WINDOW, 1500), 0)

    def test_same_moment(self) -> None:
        """Two looks at the same moment are no division by nothing."""
        speed = Speed()
        self.assertEqual([speed.at(1, 1), speed.at(1, 2)], [0, 0])


class SeatsTests(SynchronousTestCase):
    """``Seats``."""

    def test_limits(self) -> None:
        """There are limits for one upload and in all, and a seat that is left is free."""
        seats = Seats(each=2, total=3)
        with seats.seat("a", "me"), seats.seat("a", "me"):
            self.assert_full(seats, "a")
            with seats.seat("b", "you"):
                self.assert_full(seats, "c")
            with seats.seat("c", "you"):
                pass
        with seats.seat("a", "me"), seats.seat("a", "me"):
            pass

    def test_of_one(self) -> None:
        """Nobody has the seats of all."""
        seats = Seats(of_one=2)
        with seats.seat("a", "me"), seats.seat("b", "me"):
            self.assert_full(seats, "c", FollowsTooMany)
            with seats.seat("c", "you"):
                pass
        with seats.seat("c", "me"):
            pass

    def assert_full(self, seats: Seats, session_id: str, kind: type[Refusal] = Unavailable) -> None:
        """Fail if I get a seat."""
        with self.assertRaises(kind) as caught, seats.seat(session_id, "me"):
            self.fail("there was a seat")
        self.assertIn("retry_after", caught.exception.facts)
