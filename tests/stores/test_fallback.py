"""Tests of the shared state that is kept by two stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import Events, StoreCallFailed, StoreSwitched
from hmacfs.stores.fallback import FallbackState
from hmacfs.stores.graves import clear_graves, is_grave
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.state import ABSENT, START, Advancing, Delta, Entry, Named, State
from hmacfs.stores.switchover import AGAIN, MOVES, Phase
from tests.stores.index_suite import begun, given_up
from tests.stores.state_suite import BEGIN, LATER, WORDS, Hands, make_state_tests

T = TypeVar("T")

WELL, BEFORE, AFTER, HELD = "well", "before", "after", "held"
INTERVAL = 30.0


class Flaky:
    """
    A state in memory that fails as it is told.

    :ivar script: for each coming question whether it is answered, fails before or after it is
        done, or is held until :meth:`release`.
    :ivar always: the same for all that the script does not tell.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.memory = MemoryState(now)
        self.script: list[str] = []
        self.always = WELL
        self.failure: type[StoreFailed] = StoreFailed
        self.asked: list[str] = []
        self._held: list[Deferred[None]] = []
        self._is_emptied = False

    @property
    def state(self) -> State:
        """It, as a state."""
        return cast(State, self)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return partial(self._answer, name)

    async def _answer(self, name: str, *values: object) -> Any:
        self.asked.append(name)
        if self._is_emptied:
            self._is_emptied = False
            raise StoreFailed("lost what it knew")
        step = self.script.pop(0) if self.script else self.always
        if step == BEFORE and name != "close":
            raise self.failure(f"no {name}")
        answer = await getattr(self.memory, name)(*values)
        if step == AFTER:
            raise StoreFailed(f"no answer to {name}")
        if step == HELD:
            held: Deferred[None] = Deferred()
            self._held.append(held)
            await held
        return answer

    def release(self) -> None:
        """Answer what was held."""
        held, self._held = self._held, []
        for answer in held:
            answer.callback(None)

    def lose_memory(self) -> None:
        """Forget everything, which the next question meets as a failure."""
        self.memory = MemoryState(self.now)
        self._is_emptied = True


class Bench:
    """
    Two stores and what is kept by them.

    :param advancing: whether no two moments of their clock are alike.
    """

    def __init__(self, advancing: bool = False) -> None:
        self.hands = Hands()
        now = Advancing(self.hands.now) if advancing else self.hands.now
        self.clock = Clock()
        self.first, self.second = Flaky(now), Flaky(now)
        self.told: list[object] = []
        self.events = Events()
        self.events.listen(StoreCallFailed, self.told.append)
        self.events.listen(StoreSwitched, self.told.append)
        self.state = FallbackState(
            self.first.state,
            self.second.state,
            self.clock,
            now,
            INTERVAL,
            self.events,
        )

    def pass_time(self, seconds: int) -> None:
        """Let time go by."""
        for _ in range(seconds):
            self.hands.time += 1
            self.clock.advance(1)


async def open_fallback(_: Path, now: Callable[[], float]) -> State:
    """Open a state that is kept by two in memory."""
    state = FallbackState(MemoryState(now), MemoryState(now), Clock(), now, INTERVAL, Events())
    await state.start()
    return state


StateTests = make_state_tests(open_fallback)


async def open_fallen(_: Path, now: Callable[[], float]) -> State:
    """Open a state of which the first store does not answer."""
    first = Flaky(now)
    first.always = BEFORE
    state = FallbackState(first.state, MemoryState(now), Clock(), now, INTERVAL, Events())
    begun(state.start()).addErrback(lambda failure: failure.trap(StoreFailed))
    return state


FallenStateTests = make_state_tests(open_fallen)
FallenStateTests.__qualname__ = FallenStateTests.__name__ = "FallenStateTests"


class FallbackCase(SynchronousTestCase):
    """A test with two stores."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.state = self.bench.state
        self.first, self.second = self.bench.first, self.bench.second
        self.get(self.state.start())
        self.assertEqual(self.state.phase, Phase.UP)

    def get(self, result: Awaitable[T]) -> T:
        """Return what a question has led to."""
        answer: T = self.successResultOf(begun(result))
        return answer

    def fall(self) -> None:
        """Let the first store go away, and be missed."""
        self.first.always = BEFORE
        self.get(self.state.ping())
        self.assertEqual(self.state.phase, Phase.DOWN)

    def claimed(self, key: str, value: bytes) -> bytes:
        """Claim a key; return whose it is."""
        return self.get(self.state.claim("nonce", key, value, LATER)).value


class PhaseTests(FallbackCase):
    """Who answers, when."""

    def test_moves(self) -> None:
        """Up, down, returning, up: each for its reason, and listeners hear of it."""
        self.bench.told.clear()
        phases = [self.state.phase]
        self.fall()
        phases.append(self.state.phase)
        self.first.always = WELL
        # The health check is answered; what is brought over takes a while.
        self.first.script = [WELL, HELD]
        self.claimed("a", b"1")
        self.bench.pass_time(1)
        phases.append(self.state.phase)
        self.first.release()
        phases.append(self.state.phase)
        moves = [(before, after) for before, _, after in MOVES if before is not after]
        self.assertEqual(phases, [Phase.UP, Phase.DOWN, Phase.RETURNING, Phase.UP])
        for move in pairwise(phases):
            self.assertIn(move, moves)
        self.assertEqual(
            self.bench.told,
            [
                StoreCallFailed("redis", "failed"),
                StoreSwitched("redis", active=False),
                StoreSwitched("fallback", active=True),
                StoreSwitched("redis", active=True),
                StoreSwitched("fallback", active=False),
            ],
        )

    def test_start(self) -> None:
        """A first store that does not answer at the start is told, and missed by nobody."""
        bench = Bench()
        bench.first.always = BEFORE
        failure = self.failureResultOf(begun(bench.state.start()), StoreFailed)
        self.assertEqual(str(failure.value), "no ping")
        self.assertEqual(bench.state.trouble, "no ping")
        self.get(bench.state.put("a", "b", b"c", LATER))
        bench.first.always = WELL
        bench.pass_time(1)
        self.assertEqual(bench.state.phase, Phase.UP)
        self.assertIsNotNone(self.get(bench.first.memory.find("a", "b")))

    def test_health_check(self) -> None:
        """Who is not asked anything is asked for health; while down, each second."""
        self.first.asked.clear()
        self.bench.pass_time(int(INTERVAL) - 1)
        self.assertEqual(self.first.asked, [])
        self.bench.pass_time(1)
        self.assertEqual(self.first.asked, ["ping"])
        self.claimed("a", b"1")
        self.first.asked.clear()
        self.bench.pass_time(int(INTERVAL))
        self.assertEqual(self.first.asked, [])
        self.first.always = BEFORE
        self.bench.pass_time(int(INTERVAL))
        self.assertEqual(self.state.phase, Phase.DOWN)
        self.first.asked.clear()
        self.bench.pass_time(5)
        self.assertEqual(self.first.asked, ["ping"] * 5)
        self.assertEqual(AGAIN, 1)

    def test_falls_again(self) -> None:
        """A first store that fails while it is returning is down again, and all stays known."""
        self.fall()
        self.claimed("a", b"1")
        self.first.always = WELL
        self.first.script = [WELL, BEFORE]
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.DOWN)
        self.assertEqual(self.claimed("a", b"2"), b"1")
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.UP)
        self.assertEqual(self.claimed("a", b"2"), b"1")

    def test_late_answer(self) -> None:
        """What the first says after the second has begun to answer does not count."""
        self.first.script = [HELD]
        late = begun(self.state.claim("nonce", "a", b"late", LATER))
        self.fall()
        # Another server, which shares the second.
        self.get(self.second.memory.claim("nonce", "a", b"first", LATER))
        self.first.release()
        self.assertEqual(self.successResultOf(late).value, b"first")

    def test_lost_while_returning(self) -> None:
        """A first store that loses what it was just given decides nothing: the second does."""
        bench = Bench(advancing=True)
        state = bench.state
        self.get(state.start())
        bench.first.always = BEFORE
        self.get(state.ping())
        bench.second.script = [HELD]
        slow = begun(state.add(Delta("day", "u", 1, LATER)))
        self.get(state.claim("nonce", "a", b"1", LATER))
        bench.first.always = WELL
        bench.pass_time(1)
        late = begun(state.claim("nonce", "a", b"2", LATER))
        bench.first.script = [HELD]
        bench.second.release()
        self.successResultOf(slow)
        bench.first.lose_memory()
        self.get(state.ping())
        self.assertEqual(state.phase, Phase.DOWN)
        bench.first.release()
        self.assertEqual(self.successResultOf(late).value, b"1")
        bench.pass_time(3)
        self.assertEqual(state.phase, Phase.UP)
        self.assertEqual(self.get(state.claim("nonce", "a", b"3", LATER)).value, b"1")

    def test_late_update(self) -> None:
        """What the first has done unheard is done by the second before the first answers again."""
        self.get(self.state.put("session", "s", b"1", LATER))
        there = self.get(self.state.find("session", "s"))
        assert there is not None
        self.first.script = [HELD]
        late = begun(self.state.put("session", "s", b"2", LATER, there.sequence))
        self.fall()
        self.first.always = WELL
        self.bench.pass_time(3)
        self.assertEqual(self.state.phase, Phase.DOWN)
        self.first.release()
        self.assertTrue(self.successResultOf(late))
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.UP)
        again = self.get(self.state.put("session", "s", b"3", LATER, there.sequence))
        self.assertFalse(again)

    def test_in_turn(self) -> None:
        """Nobody sees what is not acknowledged yet, and others do not wait for it."""
        self.first.script = [HELD]
        first = begun(self.state.claim("nonce", "a", b"1", LATER))
        second = begun(self.state.claim("nonce", "a", b"2", LATER))
        found = begun(self.state.find("nonce", "a"))
        self.assertEqual(self.claimed("b", b"3"), b"3")
        self.assertNoResult(second)
        self.assertNoResult(found)
        self.first.release()
        self.assertEqual(self.successResultOf(first).value, b"1")
        self.assertEqual(self.successResultOf(second), self.successResultOf(found))

    def test_barrier(self) -> None:
        """The first answers again only when the second has acknowledged all it was asked."""
        self.fall()
        self.second.script = [HELD]
        slow = begun(self.state.claim("nonce", "a", b"slow", LATER))
        self.first.always = WELL
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.DOWN)
        waits = begun(self.state.claim("nonce", "a", b"quick", LATER))
        given_up(self.state.find("nonce", "b"))
        self.assertNoResult(waits)
        self.second.release()
        self.assertEqual(self.successResultOf(slow).value, b"slow")
        self.assertEqual(self.successResultOf(waits).value, b"slow")
        self.assertEqual(self.state.phase, Phase.UP)

    def test_down_at_once(self) -> None:
        """A first store that fails who waited for it is down until it is well again."""
        self.fall()
        self.second.script = [HELD]
        slow = begun(self.state.claim("nonce", "a", b"1", LATER))
        self.first.always = WELL
        self.bench.pass_time(1)
        self.first.lose_memory()
        waits = begun(self.state.claim("nonce", "b", b"1", LATER))
        self.second.release()
        self.assertEqual(self.state.phase, Phase.DOWN)
        for waiting in (slow, waits):
            self.assertEqual(self.successResultOf(waiting).value, b"1")
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.UP)
        for key in ("a", "b"):
            self.assertIsNotNone(self.get(self.first.memory.find("nonce", key)))

    def test_brings_what_is_asked_for(self) -> None:
        """While everything is brought over, what is asked for comes first."""
        self.fall()
        self.claimed("a", b"1")
        self.get(self.state.add(Delta("day", "u1", 5, LATER)))
        self.first.always = WELL
        self.first.memory = MemoryState(self.bench.hands.now)
        self.first.script = [WELL, HELD]
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.RETURNING)
        self.assertEqual(self.claimed("a", b"2"), b"1")
        self.get(self.state.add(Delta("day", "u2", 6, LATER)))
        self.assertEqual(self.get(self.state.total("day")), 11)
        self.assertEqual(len(self.get(self.state.entries(START, 9))), 1)
        self.assertEqual(len(self.get(self.state.deltas(START, 9))), 2)
        self.first.release()
        self.assertEqual(self.state.phase, Phase.UP)

    def test_many(self) -> None:
        """More than a page is brought over, and a counter of more than a page."""
        self.fall()
        for number in range(450):
            self.claimed(f"{number}", b"")
            self.get(self.state.add(Delta("day", f"{number}", 1, LATER)))
        self.get(self.state.add(Delta("night", "u", 1, LATER)))
        self.first.always = WELL
        self.first.script = [WELL, HELD]
        self.bench.pass_time(1)
        self.assertEqual(self.get(self.state.total("day")), 450)
        self.first.release()
        self.assertEqual(self.state.phase, Phase.UP)
        self.assertEqual(len(self.get(self.first.memory.entries(START, 999))), 450)
        self.assertEqual(len(self.get(self.first.memory.deltas(START, 999))), 451)


class SpareTests(FallbackCase):
    """A second store that fails."""

    def test_no_copies(self) -> None:
        """While the first answers, nobody misses the second; when it is well, it learns again."""
        self.second.always = BEFORE
        self.assertEqual(self.claimed("a", b"1"), b"1")
        self.assertEqual(self.state.spare_trouble, "no restore")
        self.second.asked.clear()
        self.assertEqual(self.claimed("b", b"1"), b"1")
        for number in range(250):
            self.get(self.state.add(Delta("day", f"{number}", 1, LATER)))
        self.assertEqual(self.second.asked, [], "each question would wait for it")
        self.bench.pass_time(1)
        self.second.always = WELL
        self.bench.pass_time(1)
        self.assertEqual(self.state.spare_trouble, "")
        self.claimed("c", b"1")
        known = self.get(self.second.memory.entries(START, 9))
        self.assertEqual([named.key for named in known], ["a", "b", "c"])
        self.fall()
        self.assertEqual(self.claimed("b", b"2"), b"1")
        self.assertEqual(self.get(self.state.total("day")), 250)

    def test_learns_in_vain(self) -> None:
        """When the first fails while the second learns what it missed, the second answers."""
        self.second.script = [BEFORE]
        self.claimed("a", b"1")
        self.bench.told.clear()
        self.first.script = [BEFORE]
        self.bench.pass_time(1)
        self.assertIn(StoreSwitched("fallback", active=True), self.bench.told)
        self.bench.pass_time(1)
        self.assertEqual((self.state.spare_trouble, self.state.phase), ("", Phase.UP))

    def test_falters_again(self) -> None:
        """When the second fails while it learns what it missed, it learns it the next time."""
        self.second.script = [BEFORE]
        self.claimed("a", b"1")
        self.second.script = [WELL, BEFORE]
        self.bench.pass_time(1)
        self.assertEqual(self.state.spare_trouble, "no restore")
        self.bench.pass_time(1)
        self.assertEqual((self.state.spare_trouble, self.state.phase), ("", Phase.UP))
        self.assertIsNotNone(self.get(self.second.memory.find("nonce", "a")))

    def test_both(self) -> None:
        """When none answers, the failure tells of both."""
        self.fall()
        self.second.always = BEFORE
        failure = self.failureResultOf(begun(self.state.find("a", "b")), StoreFailed)
        self.assertEqual(str(failure.value), "no find; no ping")
        self.assertIn(StoreCallFailed("fallback", "failed"), self.bench.told)

    def test_busy(self) -> None:
        """Failures all the time do not put off the next look at whether it is well."""
        self.fall()
        self.second.always = BEFORE
        for _ in range(3):
            self.bench.clock.advance(0.4)
            self.failureResultOf(begun(self.state.find("a", "b")), StoreFailed)
        self.assertEqual(self.second.asked[-2:], ["ping", "find"])

    def test_returns_later(self) -> None:
        """What cannot be brought over now is brought over when the second is well."""
        self.fall()
        self.claimed("a", b"1")
        self.first.always, self.second.always = WELL, BEFORE
        self.bench.pass_time(2)
        self.assertEqual(self.state.phase, Phase.RETURNING)
        self.second.always = WELL
        self.bench.pass_time(1)
        self.assertEqual(self.state.phase, Phase.UP)
        self.assertIsNotNone(self.get(self.first.memory.find("nonce", "a")))

    def test_kind(self) -> None:
        """Listeners hear what kind of failure it was."""
        self.first.script, self.first.failure = [BEFORE], StoreFull
        self.claimed("a", b"1")
        self.assertIn(StoreCallFailed("redis", "full"), self.bench.told)


class GraveTests(FallbackCase):
    """What was deleted."""

    def test_deleted_while_down(self) -> None:
        """What was deleted while the first was down does not come back with it."""
        self.get(self.state.put("session", "s", b"1", LATER))
        self.fall()
        self.get(self.state.delete("session", "s"))
        self.first.always = WELL
        self.bench.pass_time(1)
        self.assertIsNone(self.get(self.state.find("session", "s")))
        self.assertEqual(self.get(self.state.entries(START, 9)), [])

    def test_other_server(self) -> None:
        """What another server has deleted is not brought back by the copy of this one."""
        self.get(self.state.put("session", "s", b"1", LATER))
        other = FallbackState(
            self.first.memory,
            MemoryState(self.bench.hands.now),
            Clock(),
            self.bench.hands.now,
            INTERVAL,
            Events(),
        )
        self.get(other.start())
        self.get(other.delete("session", "s"))
        self.fall()
        self.first.always = WELL
        self.bench.pass_time(1)
        self.assertIsNone(self.get(self.state.find("session", "s")))

    def test_alone_again(self) -> None:
        """A store that is no longer one of two can be freed of graves."""
        self.get(self.state.put("session", "s", b"1", LATER))
        self.get(self.state.put("session", "t", b"1", LATER))
        self.get(self.state.delete("session", "s"))
        second = self.second.memory
        self.assertTrue(is_grave(self.get(second.find("session", "s"))))
        self.get(clear_graves(second))
        self.assertIsNone(self.get(second.find("session", "s")))
        self.assertEqual([named.key for named in self.get(second.entries(START, 9))], ["t"])


class LogTests(FallbackCase):
    """What is written in the log."""

    def test_once(self) -> None:
        """A reason is told once, however often it is met."""
        seen: list[str] = []

        def observe(event: LogEvent) -> None:
            if event.get("log_level") is LogLevel.warn:
                seen.append(event["reason"])

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.fall()
        self.bench.pass_time(20)
        self.assertEqual(seen, ["no ping"])


keys = st.sampled_from(WORDS[:2])
steps = st.lists(st.sampled_from([WELL, WELL, BEFORE, AFTER]), max_size=12)


class FallbackMachine(RuleBasedStateMachine):
    """Whatever the first store does, the two know what a single one in memory would know."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.model = MemoryState(self.bench.hands.now)
        self.get(self.bench.state.start())

    def get(self, result: Awaitable[T]) -> T:
        """Return what is there at once."""
        outcomes: list[T] = []
        begun(result).addCallback(outcomes.append)
        (outcome,) = outcomes
        return outcome

    @rule(script=steps)
    def fail(self, script: list[str]) -> None:
        """The first store will fail as it is told."""
        self.bench.first.script = script

    @rule()
    def lose_memory(self) -> None:
        """The first store is emptied."""
        self.bench.first.lose_memory()

    @rule(seconds=st.integers(1, 3))
    def pass_time(self, seconds: int) -> None:
        """Time goes by."""
        self.bench.pass_time(seconds)

    @property
    def ends(self) -> float:
        """A moment that is never before one of earlier."""
        return self.bench.hands.time + 5

    @rule(key=keys, value=st.binary(max_size=2))
    def claim(self, key: str, value: bytes) -> None:
        """A key is claimed."""
        ends = self.ends
        ours = self.get(self.bench.state.claim("k", key, value, ends))
        model = self.get(self.model.claim("k", key, value, ends))
        assert (ours.value, ours.until) == (model.value, model.until)

    @rule(key=keys, value=st.binary(max_size=2))
    def put(self, key: str, value: bytes) -> None:
        """An entry is put."""
        ends = self.ends
        assert self.get(self.bench.state.put("k", key, value, ends))
        self.get(self.model.put("k", key, value, ends))

    @rule(key=keys, value=st.binary(max_size=2), fits=st.booleans())
    def compare_and_put(self, key: str, value: bytes, fits: bool) -> None:
        """An entry is put in the place of the one that was just seen, or of another."""
        seen = [self.get(state.find("k", key)) for state in (self.bench.state, self.model)]
        assert (seen[0] is None) == (seen[1] is None)
        sequences = [ABSENT if entry is None else entry.sequence for entry in seen]
        wanted = [sequence if fits else sequence + 1 for sequence in sequences]
        ours = self.get(self.bench.state.put("k", key, value, self.ends, wanted[0]))
        assert ours == self.get(self.model.put("k", key, value, self.ends, wanted[1]))
        assert ours == fits

    @rule(key=keys)
    def delete(self, key: str) -> None:
        """An entry is deleted."""
        self.get(self.bench.state.delete("k", key))
        self.get(self.model.delete("k", key))

    @rule(counter=keys, key=keys, amount=st.integers(-9, 9), until=st.integers(1, 9))
    def add(self, counter: str, key: str, amount: int, until: int) -> None:
        """A counter is changed."""
        delta = Delta(counter, key, amount, BEGIN + until)
        self.get(self.bench.state.add(delta))
        self.get(self.model.add(delta))

    @rule()
    def clear_expired(self) -> None:
        """Room is given back."""
        self.get(self.bench.state.clear_expired())

    @rule()
    def compare(self) -> None:
        """All that is known is what the model knows."""
        for key in WORDS[:2]:
            ours, model = (
                self.get(state.find("k", key)) for state in (self.bench.state, self.model)
            )
            assert (ours and ours.value) == (model and model.value)
            totals = [self.get(state.total(key)) for state in (self.bench.state, self.model)]
            assert totals[0] == totals[1]
        assert self.told(self.bench.state) == self.told(self.model)
        ours_changes = self.get(self.bench.state.deltas(START, 99))
        assert list(ours_changes) == self.get(self.model.deltas(START, 99))

    def told(self, state: State) -> list[tuple[str, bytes, float]]:
        """Return what a state tells when it is asked for everything."""
        entries: list[Named] = list(self.get(state.entries(START, 99)))
        return [(named.key, named.entry.value, named.entry.until) for named in entries]

    def teardown(self) -> None:
        """When the first is well for a while it answers, and knows what the model knows."""
        self.compare()
        self.bench.first.script = []
        self.bench.pass_time(3)
        assert self.bench.state.phase is Phase.UP
        self.compare()
        self.bench.second.always = BEFORE
        self.compare()


class MachineTests(SynchronousTestCase):
    """The machine."""

    def test_model(self) -> None:
        """Nothing acknowledged is lost, nothing counts twice, and what is claimed is unique."""
        run_state_machine_as_test(FallbackMachine)


class CrowdMachine(RuleBasedStateMachine):
    """Many ask at a time, while the first store fails, or is slow, and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(advancing=True)
        begun(self.bench.state.start())
        self.claims: list[tuple[str, list[Entry]]] = []
        self.added = 0
        self.increments: list[bool] = []
        self.waiting: list[Deferred[object]] = []
        self.tokens = 0

    def begin(self, result: Awaitable[object]) -> None:
        """Let somebody wait for an answer."""
        self.waiting.append(begun(result))

    def token(self) -> bytes:
        """Return what nobody else has."""
        self.tokens += 1
        return b"%d" % self.tokens

    @rule(script=st.lists(st.sampled_from([WELL, WELL, BEFORE, AFTER, HELD]), max_size=9))
    def fail(self, script: list[str]) -> None:
        """The first store will fail, or be slow, as it is told."""
        self.bench.first.script = script

    @rule(script=st.lists(st.sampled_from([WELL, HELD]), max_size=4))
    def slow(self, script: list[str]) -> None:
        """The second store will be slow."""
        self.bench.second.script = script

    @rule()
    def release(self) -> None:
        """What was slow is answered."""
        self.bench.first.release()
        self.bench.second.release()

    @rule()
    def lose_memory(self) -> None:
        """The first store is emptied."""
        self.bench.first.lose_memory()

    @rule(seconds=st.integers(1, 2))
    def pass_time(self, seconds: int) -> None:
        """Time goes by."""
        self.bench.pass_time(seconds)

    @rule(key=keys)
    def claim(self, key: str) -> None:
        """Somebody claims a key."""
        value, told = self.token(), list[Entry]()
        self.claims.append((key, told))

        async def claim() -> None:
            told.append(await self.bench.state.claim("nonce", key, value, LATER))

        self.begin(claim())

    @rule()
    def add(self) -> None:
        """Somebody counts one more."""
        self.added += 1
        delta = Delta("day", self.token().decode(), 1, LATER)
        self.begin(self.bench.state.add(delta))

    @rule()
    def increment(self) -> None:
        """Somebody puts the next number in the place of the one that there is."""
        token = self.token()

        async def increment() -> None:
            there = await self.bench.state.find("number", "n")
            number, sequence = (0, ABSENT) if there is None else (value_of(there), there.sequence)
            value = b"%d %s" % (number + 1, token)
            self.increments.append(
                await self.bench.state.put("number", "n", value, LATER, sequence)
            )

        self.begin(increment())

    def teardown(self) -> None:
        """All are answered, and what they were told is what both stores know."""
        first, second, state = self.bench.first, self.bench.second, self.bench.state
        first.script = second.script = []
        # The health check may be the first to meet an emptied store.
        begun(state.ping())
        for _ in range(9):
            self.release()
            self.bench.pass_time(1)
        assert state.phase is Phase.UP
        for waiting in self.waiting:
            assert waiting.called
            waiting.addErrback(lambda failure: failure.raiseException())
            assert not isinstance(waiting.result, Failure), waiting.result
        for _ in range(2):
            self.compare()
            # Then the other one tells.
            first.always = BEFORE

    def compare(self) -> None:
        """What was told is what is known."""
        state = self.bench.state
        for key, (told,) in self.claims:
            known = self.get(state.find("nonce", key))
            assert known is not None
            assert known.value == told.value
        assert self.get(state.total("day")) == self.added
        there = self.get(state.find("number", "n"))
        assert (0 if there is None else value_of(there)) == sum(self.increments)

    def get(self, result: Awaitable[T]) -> T:
        """Return what is there at once."""
        outcomes: list[T] = []
        begun(result).addCallback(outcomes.append)
        (outcome,) = outcomes
        return outcome


def value_of(entry: Entry) -> int:
    """Return the number of an entry of the machine."""
    return int(entry.value.split()[0])


class CrowdTests(SynchronousTestCase):
    """The machine of many."""

    def test_crowd(self) -> None:
        """What is claimed is unique, what is counted counts once, and no update is lost."""
        run_state_machine_as_test(CrowdMachine)
