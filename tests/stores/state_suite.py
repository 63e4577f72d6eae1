"""
What every shared state must do, as tests: examples, and a machine that compares it with a model.

An implementation proves itself by handing :func:`make_state_tests` a way to
open one, and by deriving from :class:`StateMachine`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

from attrs import define, evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from hmacfs.base.bans import Ban
from hmacfs.stores.bans import PAGE, StateBans
from hmacfs.stores.days import StateDays
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.meters import StateMeters
from hmacfs.stores.nonces import StateReplays
from hmacfs.stores.state import ABSENT, LONGEST_KEY, START, Delta, Entry, Named, State
from tests.stores.index_suite import begun

T = TypeVar("T")

BEGIN = 4_000_000_000.0
"""Later than now: a store with a clock of its own must not forget what these tests keep."""

LATER = BEGIN + 1000.0
STRANGE = "ü😀'\"%_;--\\ {}\0*"


@define
class Hands:
    """A clock that goes when it is told to."""

    time: float = BEGIN

    def now(self) -> float:
        """Tell the time."""
        return self.time


Opened = Callable[[Path, Callable[[], float]], Awaitable[State]]


class _StateTests(TestCase):
    """The rules that hold for every shared state."""

    def setUp(self) -> None:
        self.hands = Hands()

    async def open(self) -> State:
        """Open an empty state, to be closed after the test."""
        raise NotImplementedError

    async def test_claim(self) -> None:
        """The first who claims a key has it; the others are told what it is."""
        state = await self.open()
        self.assertIsNone(await state.find("nonce", "a"))
        first = await state.claim("nonce", "a", b"\0one\xff", LATER)
        self.assertEqual((first.value, first.until), (b"\0one\xff", LATER))
        self.assertEqual(await state.claim("nonce", "a", b"two", LATER + 1), first)
        self.assertEqual(await state.find("nonce", "a"), first)
        self.assertIsNone(await state.find("other", "a"))
        self.assertIsNone(await state.find("nonce", "A"))

    async def test_claims_at_once(self) -> None:
        """Of many claims at the same time exactly one stands, and all are told which."""
        state = await self.open()
        claims = [begun(state.claim("lock", "x", b"%d" % n, LATER)) for n in range(20)]
        told = await gatherResults(claims)
        self.assertEqual(len({entry.value for entry in told}), 1)
        self.assertEqual(await state.find("lock", "x"), told[0])

    async def test_end(self) -> None:
        """An entry is there up to its last moment, and then it is not; another can come."""
        state = await self.open()
        first = await state.claim("lock", "x", b"mine", BEGIN + 5)
        self.hands.time = BEGIN + 5
        self.assertEqual(await state.find("lock", "x"), first)
        self.hands.time = BEGIN + 5.5
        self.assertIsNone(await state.find("lock", "x"))
        self.assertEqual(await state.entries(START, 10), [])
        second = await state.claim("lock", "x", b"yours", LATER)
        self.assertEqual(second.value, b"yours")
        self.assertGreater(second.sequence, first.sequence)

    async def test_put(self) -> None:
        """What is put replaces what was there, and its sequence grows, also at the same time."""
        state = await self.open()
        self.assertTrue(await state.put("session", "s", b"1", LATER))
        first = await state.find("session", "s")
        self.assertTrue(await state.put("session", "s", b"2", LATER + 5))
        second = await state.find("session", "s")
        assert first is not None
        assert second is not None
        self.assertEqual((second.value, second.until), (b"2", LATER + 5))
        self.assertGreater(second.sequence, first.sequence)
        self.assertAlmostEqual(first.sequence / 1e6, BEGIN, delta=1)

    async def test_bans(self) -> None:
        """Bans are kept apart from all else, a later end counts, and they end; all are read."""
        state = await self.open()
        book = StateBans(state)
        for kind in ("a", "ban\0", "bans", "upload"):
            await state.put(kind, "x", b"no ban", LATER)
        one, site = ip_network("192.0.2.1"), ip_network("2001:db8::/64")
        first = Ban(one, BEGIN, BEGIN + 60.0, "ü'%_")
        await book.keep(first)
        await book.keep(evolve(first, until=BEGIN + 5.0))
        await book.keep(Ban(site, BEGIN, BEGIN + 90.0, "by hand"))
        self.assertEqual(await book.read(10), [first, Ban(site, BEGIN, BEGIN + 90.0, "by hand")])
        self.assertEqual(await book.read(1), [first])
        self.assertTrue(await book.forget(one))
        self.assertFalse(await book.forget(one))
        self.hands.time = BEGIN + 91.0
        self.assertEqual(await book.read(10), [])

    async def test_many_bans(self) -> None:
        """They are read page by page."""
        state = await self.open()
        book = StateBans(state)
        bans = [
            Ban(ip_network(f"10.0.{n // 200}.{n % 200}"), BEGIN, LATER, "") for n in range(PAGE + 3)
        ]
        await gatherResults([begun(book.keep(ban)) for ban in bans])
        self.assertEqual({ban.network for ban in await book.read(9999)}, {b.network for b in bans})

    async def test_forgotten(self) -> None:
        """What is kept of one uploader is forgotten, and nothing of others."""
        state = await self.open()
        days, replays, meters = StateDays(state), StateReplays(state), StateMeters(state)
        today = int(BEGIN)
        for owner in ("alice", "bob"):
            for number in range(3):
                await days.add(owner, today, f"{number}", 5)
            await replays.claim(f"signature of {owner}", LATER, owner.encode())
            await meters.change(owner, lambda _: BEGIN + 10.0)
        for kind in ("nonc", "nonce\0"):
            await state.put(kind, "x", b"alice", LATER)
        # What is forgotten stays so, if it is asked for once more.
        for count in (1, 0):
            await days.forget("alice", today)
            self.assertEqual(await replays.forget(lambda record: record == b"alice"), count)
            await meters.forget("alice")
        self.assertEqual([await days.total(each, today) for each in ("alice", "bob")], [0, 15])
        self.assertIsNone(await replays.find("signature of alice"))
        self.assertEqual(await replays.find("signature of bob"), b"bob")
        seen: list[float] = []
        for owner in ("alice", "bob"):
            await meters.change(owner, seen.append)
        self.assertEqual(seen, [0.0, BEGIN + 10.0])
        self.assertIsNotNone(await state.find("nonc", "x"))

    async def test_meters(self) -> None:
        """Of changes at the same time none is lost, one may leave all as it is, and each ends."""
        state = await self.open()
        # Several servers, each of which sees what was there before the others wrote.
        meters = [StateMeters(state) for _ in range(4)]

        def more(moment: float) -> float:
            return max(moment, BEGIN) + 10.0

        await gatherResults([begun(each.change("ip 192.0.2.1", more)) for each in meters])
        seen: list[float] = []
        await meters[0].change("ip 192.0.2.1", seen.append)
        await meters[0].change("ip 192.0.2.2", seen.append)
        self.hands.time = BEGIN + 40.5
        await meters[0].change("ip 192.0.2.1", seen.append)
        self.assertEqual(seen, [BEGIN + 40.0, 0.0, 0.0])

    async def test_compare(self) -> None:
        """What expects another sequence than the one there changes nothing."""
        state = await self.open()
        self.assertFalse(await state.put("session", "s", b"0", LATER, 7))
        self.assertTrue(await state.put("session", "s", b"1", LATER, ABSENT))
        self.assertFalse(await state.put("session", "s", b"2", LATER, ABSENT))
        first = await state.find("session", "s")
        assert first is not None
        self.assertEqual(first.value, b"1")
        self.assertTrue(await state.put("session", "s", b"3", LATER, first.sequence))
        self.assertFalse(await state.put("session", "s", b"4", LATER, first.sequence))
        there = await state.find("session", "s")
        assert there is not None
        self.assertEqual(there.value, b"3")

    async def test_compare_over(self) -> None:
        """What is over counts as absent, and the sequence grows all the same."""
        state = await self.open()
        before = await state.claim("session", "s", b"1", BEGIN + 1)
        self.hands.time = BEGIN + 2
        self.assertFalse(await state.put("session", "s", b"2", LATER, before.sequence))
        self.assertTrue(await state.put("session", "s", b"3", LATER, ABSENT))
        there = await state.find("session", "s")
        assert there is not None
        self.assertGreater(there.sequence, before.sequence)

    async def test_delete(self) -> None:
        """What is deleted is gone; what is not there can be deleted."""
        state = await self.open()
        await state.put("ban", "a", b"x", LATER)
        await state.put("ban", "b", b"x", LATER)
        await state.delete("ban", "a")
        await state.delete("ban", "a")
        self.assertIsNone(await state.find("ban", "a"))
        self.assertEqual([named.key for named in await state.entries(START, 9)], ["b"])

    async def test_restore(self) -> None:
        """Of two stores the entry with the higher sequence stands, exactly as it was."""
        state = await self.open()
        old = Named("session", "s", Entry(b"old", 5, LATER))
        new = Named("session", "s", Entry(b"new", 9, LATER + 0.25))
        await state.restore(new)
        await state.restore(old)
        self.assertEqual(await state.find("session", "s"), new.entry)
        await state.restore(evolve(old, key="t"))
        self.assertEqual(await state.find("session", "t"), old.entry)

    async def test_entries(self) -> None:
        """Entries are told in the order of the bytes of kind and key, a page at a time."""
        state = await self.open()
        places = [("a", "b"), ("a", "ba"), ("a", "c"), ("a!", "a"), ("b", "A"), ("b", "a")]
        places += [("b", "é"), ("b", "\uffee"), ("b", "\U0001f600")]
        for kind, key in reversed(places):
            await state.put(kind, key, f"{kind}/{key}".encode(), LATER)
        told, after = [], START
        while page := await state.entries(after, 2):
            self.assertLessEqual(len(page), 2)
            told += [(named.kind, named.key) for named in page]
            after = told[-1]
            for named in page:
                self.assertEqual(named.entry.value, f"{named.kind}/{named.key}".encode())
                self.assertEqual(named.entry, await state.find(named.kind, named.key))
        self.assertEqual(told, sorted(places, key=lambda place: [word.encode() for word in place]))

    async def test_strange(self) -> None:
        """Any text is a key, and any bytes are a value, up to the longest."""
        state = await self.open()
        longest = "x" * LONGEST_KEY
        value = bytes(range(256)) * 1024
        for kind, key in [(STRANGE, STRANGE), (longest, longest), (" ", "  ")]:
            await state.put(kind, key, value, LATER)
            there = await state.find(kind, key)
            assert there is not None
            self.assertEqual(there.value, value)
            await state.add(Delta(kind, key, 1, LATER))
            self.assertEqual(await state.total(kind), 1)
        await state.put("k", "empty", b"", LATER)
        self.assertEqual((await state.claim("k", "empty", b"x", LATER)).value, b"")

    async def test_refused_keys(self) -> None:
        """A key that is empty or too long is refused before anything is asked."""
        state = await self.open()
        for kind, key in [("", "a"), ("a", ""), ("a", "x" * (LONGEST_KEY + 1)), ("é" * 257, "a")]:
            self.assertRaises(ValueError, state.find, kind, key)
            self.assertRaises(ValueError, state.put, kind, key, b"", LATER)
            self.assertRaises(ValueError, state.claim, kind, key, b"", LATER)
            self.assertRaises(ValueError, state.delete, kind, key)
            self.assertRaises(ValueError, state.add, Delta(kind, key, 1, LATER))

    async def test_counter(self) -> None:
        """A counter is the sum of its changes, each of which counts once however often it comes."""
        state = await self.open()
        self.assertEqual(await state.total("day"), 0)
        first, second = Delta("day", "u1", 1_000_000_000_000, LATER), Delta("day", "u2", -7, LATER)
        for delta in (first, second, first, evolve(first, amount=5)):
            await state.add(delta)
        await state.add(Delta("other", "u1", 3, LATER))
        self.assertEqual(await state.total("day"), 999_999_999_993)
        self.assertEqual(await state.total("other"), 3)

    async def test_changes_at_once(self) -> None:
        """Changes that come at the same time all count."""
        state = await self.open()
        deltas = [Delta("day", f"u{n}", n, LATER) for n in range(50)]
        await gatherResults([begun(state.add(delta)) for delta in deltas + deltas])
        self.assertEqual(await state.total("day"), sum(range(50)))

    async def test_counter_ends(self) -> None:
        """A counter is over when the last of its moments is; then it begins at nothing."""
        state = await self.open()
        await state.add(Delta("day", "u1", 5, BEGIN + 10))
        await state.add(Delta("day", "u2", 6, BEGIN + 5))
        self.hands.time = BEGIN + 10
        self.assertEqual(await state.total("day"), 11)
        self.hands.time = BEGIN + 11
        self.assertEqual(await state.total("day"), 0)
        self.assertEqual(await state.deltas(START, 9), [])
        await state.add(Delta("day", "u1", 7, LATER))
        self.assertEqual(await state.total("day"), 7)

    async def test_deltas(self) -> None:
        """Changes are told in the order of the bytes of counter and key; one can be taken back."""
        state = await self.open()
        deltas = [
            Delta(counter, key, amount, LATER)
            for amount, (counter, key) in enumerate(
                [("a", "x"), ("a", "é"), ("b", "A"), ("b", "a")]
            )
        ]
        for delta in reversed(deltas):
            await state.add(delta)
        self.assertEqual(await state.deltas(START, 3), deltas[:3])
        self.assertEqual(await state.deltas(("a", "é"), 9), deltas[2:])
        await state.subtract(deltas[3])
        await state.subtract(deltas[3])
        self.assertEqual(await state.deltas(START, 9), deltas[:3])
        self.assertEqual(await state.total("b"), 2)

    async def test_clear_expired(self) -> None:
        """To give back room takes nothing away that is there."""
        state = await self.open()
        await state.put("a", "over", b"", BEGIN + 1)
        kept = await state.claim("a", "there", b"", LATER)
        await state.add(Delta("over", "u", 1, BEGIN + 1))
        await state.add(Delta("there", "u", 1, LATER))
        self.hands.time = BEGIN + 2
        await state.clear_expired()
        self.assertEqual(await state.entries(START, 9), [Named("a", "there", kept)])
        self.assertEqual(await state.deltas(START, 9), [Delta("there", "u", 1, LATER)])
        self.assertEqual((await state.total("over"), await state.total("there")), (0, 1))

    async def test_closed(self) -> None:
        """What is closed refuses whatever is asked, and may be closed again."""
        state = await self.open()
        await state.ping()
        await state.close()
        named, delta = Named("a", "b", Entry(b"", 1, LATER)), Delta("a", "b", 1, LATER)
        for ask in (
            lambda: state.find("a", "b"),
            lambda: state.claim("a", "b", b"", LATER),
            lambda: state.put("a", "b", b"", LATER),
            lambda: state.delete("a", "b"),
            lambda: state.restore(named),
            lambda: state.entries(START, 1),
            lambda: state.add(delta),
            lambda: state.total("a"),
            lambda: state.deltas(START, 1),
            lambda: state.subtract(delta),
            state.clear_expired,
            state.ping,
        ):
            with self.assertRaises(StoreFailed):
                await ask()
        await state.close()


def make_state_tests(opened: Opened) -> type[TestCase]:
    """
    Make the tests of a shared state.

    :param opened: opens an empty one, with a clock; if it needs a file, the one
        of this path, which does not exist.
    """

    class StateTests(_StateTests):
        """The rules that hold for every shared state."""

        async def open(self) -> State:
            """Open an empty state, to be closed after the test."""
            state = await opened(Path(self.mktemp()), self.hands.now)
            self.addCleanup(state.close)
            return state

    # Trial names tests by these, and finds them again by their name.
    StateTests.__module__ = opened.__module__
    StateTests.__qualname__ = StateTests.__name__
    return StateTests


WORDS = ("a", "b", STRANGE)
words = st.sampled_from(WORDS)
values = st.binary(max_size=8)
moments = st.integers(0, 6).map(lambda seconds: BEGIN + seconds)


class StateMachine(RuleBasedStateMachine):
    """Whatever is asked in whatever order, a shared state knows what the twin in memory knows."""

    def __init__(self) -> None:
        super().__init__()
        self.hands = Hands()
        self.model = MemoryState(self.hands.now)
        self.state = self.open()

    def open(self) -> State:
        """Open an empty state with the clock of :attr:`hands`."""
        raise NotImplementedError

    def wait(self, result: Deferred[T]) -> T:
        """Return a result when it has fired."""
        raise NotImplementedError

    def same(self, ask: Callable[[State], Awaitable[object]]) -> None:
        """Ask both, and fail unless they answer the same."""
        expected: list[object] = []
        begun(ask(self.model)).addCallback(expected.append)
        assert [self.wait(begun(ask(self.state)))] == expected

    @rule(seconds=st.integers(0, 3))
    def pass_time(self, seconds: int) -> None:
        """Time goes by."""
        self.hands.time += seconds

    @rule(kind=words, key=words, value=values, until=moments)
    def claim(self, kind: str, key: str, value: bytes, until: float) -> None:
        """A key is claimed."""
        self.same(lambda state: state.claim(kind, key, value, until))

    @rule(kind=words, key=words, value=values, until=moments, fits=st.booleans() | st.none())
    def put(self, kind: str, key: str, value: bytes, until: float, fits: bool | None) -> None:
        """An entry is put, with an expectation that holds, or does not, or with none."""
        there: list[Entry | None] = []
        self.model.find(kind, key).addCallback(there.append)
        sequence = ABSENT if there[0] is None else there[0].sequence
        expected = None if fits is None else sequence if fits else sequence + 1
        self.same(lambda state: state.put(kind, key, value, until, expected))

    @rule(kind=words, key=words)
    def delete(self, kind: str, key: str) -> None:
        """An entry is deleted."""
        self.same(lambda state: state.delete(kind, key))

    @rule(kind=words, key=words, value=values, until=moments, later=st.integers(-3, 3))
    def restore(self, kind: str, key: str, value: bytes, until: float, later: int) -> None:
        """An entry comes from another store."""
        sequence = int((self.hands.time + later) * 1_000_000)
        named = Named(kind, key, Entry(value, sequence, until))
        self.same(lambda state: state.restore(named))

    @rule(counter=words, key=words, amount=st.integers(-(2**40), 2**40), until=moments)
    def add(self, counter: str, key: str, amount: int, until: float) -> None:
        """A counter is changed."""
        self.same(lambda state: state.add(Delta(counter, key, amount, until)))

    @rule(counter=words, key=words)
    def subtract(self, counter: str, key: str) -> None:
        """A change is taken back."""
        self.same(lambda state: state.subtract(Delta(counter, key, 0, 0.0)))

    @rule()
    def clear_expired(self) -> None:
        """Room is given back."""
        self.same(lambda state: state.clear_expired())

    @rule(after=st.tuples(words, words) | st.just(START), limit=st.integers(1, 4))
    def compare(self, after: tuple[str, str], limit: int) -> None:
        """A page of entries, a page of changes, and the counters are what the model says."""
        self.same(lambda state: state.entries(after, limit))
        self.same(lambda state: state.deltas(after, limit))
        for word in WORDS:
            self.same(lambda state, word=word: state.total(word))  # type: ignore[misc]

    def teardown(self) -> None:
        """At the end too it knows what the model knows."""
        try:
            self.compare(START, 100)
        finally:
            self.wait(begun(self.state.close()))
