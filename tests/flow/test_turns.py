"""Tests of the turns at a thing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.flow.turns import Turns


class TurnsTests(SynchronousTestCase):
    """:class:`Turns`."""

    def setUp(self) -> None:
        self.turns = Turns()
        self.had: list[str] = []

    async def _have(self, thing: str, who: str, until: Deferred[None]) -> None:
        async with self.turns.of(thing):
            self.had.append(who)
            await until

    def have(self, thing: str, who: str, until: Deferred[None]) -> Deferred[None]:
        """Have a turn at a thing until something happens."""
        return Deferred.fromCoroutine(self._have(thing, who, until))

    def test_in_order(self) -> None:
        """Who comes while another has the turn waits for its end, in the order of coming."""
        ends: list[Deferred[None]] = [Deferred() for _ in range(3)]
        works = [self.have("a", str(number), end) for number, end in enumerate(ends)]
        for number, (work, end) in enumerate(zip(works, ends, strict=True)):
            self.assertEqual(len(self.had), number + 1)
            self.assertNoResult(work)
            end.callback(None)
            self.successResultOf(work)
        self.assertEqual(self.had, ["0", "1", "2"])

    def test_side_by_side(self) -> None:
        """Turns at different things do not wait for each other."""
        end: Deferred[None] = Deferred()
        one, other = self.have("a", "one", end), self.have("b", "other", end)
        self.assertEqual((self.had, self.turns.count), (["one", "other"], 2))
        end.callback(None)
        self.successResultOf(one)
        self.successResultOf(other)

    def test_failure(self) -> None:
        """A turn that fails is over, and its error goes on."""
        end: Deferred[None] = Deferred()
        failing = self.have("a", "one", end)
        after: Deferred[None] = Deferred()
        after.callback(None)
        waiting = self.have("a", "other", after)
        end.errback(KeyError())
        self.failureResultOf(failing, KeyError)
        self.successResultOf(waiting)

    def test_cancelled(self) -> None:
        """Who no longer waits for a turn does not have it, and is not in the way."""
        end: Deferred[None] = Deferred()
        first = self.have("a", "first", end)
        leaving = self.have("a", "leaving", Deferred())
        after: Deferred[None] = Deferred()
        staying = self.have("a", "staying", after)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        end.callback(None)
        after.callback(None)
        self.successResultOf(first)
        self.successResultOf(staying)
        self.assertEqual((self.had, self.turns.count), (["first", "staying"], 0))

    def test_at_the_end_of_a_turn(self) -> None:
        """Who comes at the very end of a turn has it to himself, whoever had it before."""
        end: Deferred[None] = Deferred()
        self.have("a", "first", end)
        at_once: Deferred[None] = Deferred()
        at_once.callback(None)
        second = self.have("a", "second", at_once)
        later: Deferred[None] = Deferred()
        second.addCallback(lambda _: self.have("a", "third", later))
        end.callback(None)
        fourth = self.have("a", "fourth", later)
        self.assertEqual(self.had, ["first", "second", "third"])
        later.callback(None)
        self.successResultOf(fourth)
        self.assertEqual(self.turns.count, 0)

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=12))
    def test_nothing_stays(self, steps: list[tuple[str, bool]]) -> None:
        """In whatever order they come and end, one has each thing, and nothing is kept."""
        turns = Turns()
        ends: dict[str, list[Deferred[None]]] = {"a": [], "b": []}
        having = {"a": 0, "b": 0}

        async def have(thing: str) -> None:
            async with turns.of(thing):
                having[thing] += 1
                self.assertEqual(having[thing], 1)
                end: Deferred[None] = Deferred()
                ends[thing].append(end)
                await end
                having[thing] -= 1

        works = []
        for thing, comes in steps:
            if comes:
                works.append(Deferred.fromCoroutine(have(thing)))
            elif ends[thing]:
                ends[thing].pop().callback(None)
        for thing in "ab":
            while ends[thing]:
                ends[thing].pop().callback(None)
        for work in works:
            self.successResultOf(work)
        self.assertEqual(turns.count, 0)
