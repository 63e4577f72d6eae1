"""The shared state in Redis: what every state must do, and what Redis does to it."""

from __future__ import annotations

import atexit
import functools
import itertools
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test
from twisted.internet import reactor as global_reactor
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.stores.interfaces import StoreFailed, StoreFull, StoreRefused
from hmacfs.stores.places import Place
from hmacfs.stores.redis import RedisState
from hmacfs.stores.redis_scripts import SPARE
from hmacfs.stores.state import START, Delta, State
from tests.ports import free_port
from tests.real.certificates import Certificate
from tests.real.redis_server import Redis
from tests.stores.index_suite import begun, given_up
from tests.stores.state_suite import BEGIN, LATER, Hands, StateMachine, make_state_tests

T = TypeVar("T")

PATIENCE = 60.0
PASSWORD = "a password of the tests"
reactor = cast(IReactorTime, global_reactor)
prefixes = (f"test {number}:" for number in itertools.count())


@functools.cache
def shared() -> Redis:
    """Return a Redis for all tests that do it no harm, which ends with this process."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-redis-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    redis = Redis(directory)
    atexit.register(redis.kill9)
    redis.start()
    return redis


async def open_redis(_: pathlib.Path, now: Callable[[], float]) -> State:
    """Open a state under a prefix of its own."""
    return RedisState(shared().place, reactor, now, PATIENCE, next(prefixes))


StateTests = make_state_tests(open_redis)


class RedisStateMachine(StateMachine):
    """The state in Redis beside the model."""

    def open(self) -> State:
        """Open a state under a prefix of its own."""
        self.prefix = next(prefixes)
        return self.opened()

    def opened(self) -> RedisState:
        """Connect, without a name that would be looked up in a thread of the running reactor."""
        place = evolve(shared().place, socket=shared().socket)
        return RedisState(place, reactor, self.hands.now, PATIENCE, self.prefix)

    def wait(self, result: Deferred[T]) -> T:
        """Let the reactor turn until a result has fired."""
        outcomes: list[T | Failure] = []
        result.addBoth(outcomes.append)
        while not outcomes:
            cast(ReactorBase, global_reactor).iterate(0.05)
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    @rule()
    def connect_again(self) -> None:
        """What was kept is there for another connection."""
        self.wait(begun(self.state.close()))
        self.state = self.opened()


class MachineTests(SynchronousTestCase):
    """The machine."""

    def test_model(self) -> None:
        """After any sequence of requests the state knows what the model knows."""
        few = settings(max_examples=settings().max_examples // 4)
        run_state_machine_as_test(RedisStateMachine, settings=few)


class RedisCase(TestCase):
    """A test with a Redis of its own, or with the shared one."""

    def directory(self) -> pathlib.Path:
        """Return a directory that is gone after the test."""
        path = pathlib.Path(self.mktemp()).resolve()
        path.mkdir()
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def redis(self, *options: str, certificate: Certificate | None = None) -> Redis:
        """Start a Redis that ends with the test."""
        redis = Redis(self.directory(), options, certificate)
        self.addCleanup(redis.kill9)
        redis.start()
        return redis

    def state(self, place: Place, patience: float = PATIENCE, prefix: str = "x:") -> RedisState:
        """Make a state that is closed after the test."""
        state = RedisState(place, reactor, time.time, patience, prefix)
        self.addCleanup(state.close)
        return state

    async def told(self, place: Place, patience: float = PATIENCE) -> StoreFailed:
        """Return why nothing can be asked."""
        with self.assertRaises(StoreFailed) as caught:
            await self.state(place, patience).ping()
        self.assertNotIn(PASSWORD, str(caught.exception))
        self.assertIn(str(place), str(caught.exception))
        failure: StoreFailed = caught.exception
        return failure


class KeyTests(RedisCase):
    """What is in Redis."""

    async def test_end(self) -> None:
        """Every key ends, some time after what it keeps, but for three that are the only ones."""
        redis = self.redis()
        state = self.state(redis.place, prefix="ours:")
        until = time.time() + 100
        await state.put("a", "b", b"", until)
        await state.add(Delta("day", "u", 1, until))
        self.assertEqual(
            sorted(redis.ask("KEYS", "*").splitlines()),
            ["ours:c:day", "ours:deltas", "ours:e:a\0\1b", "ours:entries", "ours:memory"],
        )
        for key in ("ours:c:day", "ours:e:a\0\1b"):
            left = await state._link.ask("PTTL", key)
            self.assertLess(abs(left / 1000 - 100 - SPARE), 30)

    async def test_left_over(self) -> None:
        """The place of a key that Redis has thrown away is thrown away when it is met."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.put("a", "b", b"", time.time() + 100)
        await state.add(Delta("day", "u", 1, time.time() + 100))
        await state._link.ask("DEL", "x:e:a\0\1b", "x:c:day")
        self.assertEqual(await state.entries(START, 9), [])
        self.assertEqual(await state.deltas(START, 9), [])
        self.assertEqual(redis.ask("KEYS", "*"), "x:memory")

    async def test_many(self) -> None:
        """Pages and clearing reach beyond what is looked at in one go."""
        hands = Hands()
        state = RedisState(shared().place, reactor, hands.now, PATIENCE, next(prefixes))
        self.addCleanup(state.close)
        for kind, until in (("a", BEGIN + 1), ("b", LATER)):
            await gatherResults([state.put(kind, f"{n:04}", b"", until) for n in range(1100)])
        hands.time += 2
        entries = await state.entries(START, 1050)
        self.assertEqual([named.key for named in entries], [f"{n:04}" for n in range(1050)])
        self.assertEqual(len(await state.entries(START, 2000)), 1100)
        await state.clear_expired()
        self.assertEqual(len(await state.entries(START, 2000)), 1100)
        self.assertEqual(await state._link.ask("ZCARD", state._entries), 1100)


class EntryTests(RedisCase):
    """As whom we come."""

    async def test_password(self) -> None:
        """The password lets us in; a wrong one, none, or one that is not asked for does not."""
        place = self.redis("--requirepass", PASSWORD).place
        await self.state(evolve(place, password=PASSWORD)).ping()
        for wrong in (evolve(place, password=PASSWORD + "!"), place):
            failure = await self.told(wrong)
            self.assertIsInstance(failure, StoreRefused)
            self.assertIn("password", str(failure))
        failure = await self.told(evolve(shared().place, user="", password=PASSWORD))
        self.assertIsInstance(failure, StoreRefused)
        self.assertIn("out of the configuration", str(failure))

    async def test_user(self) -> None:
        """A user has rights of their own; who may do too little is told so."""
        redis = self.redis()
        rights = ("+@read", "+@write", "+@scripting", "+@connection")
        redis.ask("ACL", "SETUSER", "files", "on", f">{PASSWORD}", "~x:*", *rights)
        redis.ask("ACL", "SETUSER", "guest", "on", f">{PASSWORD}", "~x:*", "+@read", "+@connection")
        place = evolve(redis.place, user="files", password=PASSWORD)
        state = self.state(place)
        await state.claim("a", "b", b"", time.time() + 5)
        await state.add(Delta("a", "b", 1, time.time() + 5))
        self.assertEqual(len(await state.entries(START, 5)), 1)
        self.assertEqual(len(await state.deltas(START, 5)), 1)
        await state.clear_expired()
        with self.assertRaises(StoreRefused) as caught:
            await self.state(evolve(place, user="guest")).claim("a", "c", b"", time.time() + 5)
        self.assertIn("@scripting", str(caught.exception))
        self.assertIn("password", str(await self.told(evolve(place, user="nobody"))))
        # Not as somebody else who happens to be let in.
        self.assertIn("password", str(await self.told(evolve(place, password=""))))

    async def test_database(self) -> None:
        """Databases are apart; a number that there is not is told."""
        place = shared().place
        first, second = (self.state(evolve(place, database=number)) for number in ("3", "4"))
        await first.claim("a", "database", b"", time.time() + 5)
        self.assertIsNone(await second.find("a", "database"))
        failure = await self.told(evolve(place, database="16"))
        self.assertIsInstance(failure, StoreRefused)
        self.assertIn("no database of this number", str(failure))

    async def test_socket(self) -> None:
        """Redis is reached by its socket in the file system."""
        redis = shared()
        place = evolve(redis.place, host="nowhere.invalid", socket=redis.socket)
        await self.state(place).ping()
        missing = await self.told(evolve(place, socket=redis.socket.with_name("missing")))
        self.assertIn("whether it runs", str(missing))


class AbsenceTests(RedisCase):
    """A Redis that is not there, goes, or hangs."""

    async def test_refused(self) -> None:
        """Where nothing listens is told at once, and what is not wrong with the settings."""
        failure = await self.told(Place("127.0.0.1", free_port()))
        self.assertNotIsInstance(failure, StoreRefused)
        self.assertIn("whether it runs", str(failure))

    async def test_killed(self) -> None:
        """What was asked of a Redis that is killed fails; when it is back, it is asked again."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.ping()
        redis.freeze()
        asked = [state.find("a", f"{n}") for n in range(5)]
        redis.kill9()
        for question in asked:
            with self.assertRaises(StoreFailed) as caught:
                await question
            self.assertIn("ended the connection", str(caught.exception))
        await self.told(redis.place)
        redis.start()
        with self.assertRaises(StoreFailed) as caught:
            await state.ping()
        self.assertIn("lost what it knew", str(caught.exception))
        self.assertIsNone(await state.find("a", "0"))

    async def test_hangs(self) -> None:
        """What has no answer in time fails, and so does all that waits with it; later it works."""
        redis = self.redis()
        state = self.state(redis.place, patience=0.3)
        await state.claim("a", "b", b"first", time.time() + 60)
        redis.freeze()
        begin = time.monotonic()
        asked = [begun(state.find("a", f"{n}")) for n in range(50)]
        await DeferredList(asked, consumeErrors=True)
        self.assertLess(time.monotonic() - begin, 2)
        with self.assertRaises(StoreFailed) as caught:
            await state.ping()
        self.assertIn("within 0.3 seconds", str(caught.exception))
        redis.thaw()
        entry = await self.state(redis.place).find("a", "b")
        assert entry is not None
        self.assertEqual(entry.value, b"first")
        self.assertEqual(await state.find("a", "b"), entry)

    async def test_nobody_waits(self) -> None:
        """A question that nobody waits for any more disturbs nothing."""
        redis = self.redis()
        state = self.state(redis.place, patience=0.3)
        await state.ping()
        redis.freeze()
        given_up(state.find("a", "b"))
        with self.assertRaises(StoreFailed):
            await state.ping()
        redis.thaw()
        given_up(state.find("a", "b"))
        await state.ping()

    async def test_nobody_was_told(self) -> None:
        """A Redis that has lost its memory is told to somebody, if the first have given up."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.ping()
        redis.restart()
        for _ in range(3):
            given_up(state.find("a", "b"))
        # A question that came later has been answered, so these were too.
        await self.state(redis.place, prefix="y:").ping()
        while state._link._attempt is not None:
            await deferLater(reactor, 0.01)
        with self.assertRaises(StoreFailed) as caught:
            await state.find("a", "b")
        self.assertIn("lost what it knew", str(caught.exception))
        self.assertIsNone(await state.find("a", "b"))

    async def test_emptied(self) -> None:
        """Scripts that Redis has forgotten are sent again."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.claim("a", "b", b"", time.time() + 60)
        redis.ask("SCRIPT", "FLUSH")
        await state.claim("a", "c", b"", time.time() + 60)
        self.assertEqual(len(await state.entries(START, 9)), 2)

    async def fails(self, question: Awaitable[object], sentence: str) -> StoreFailed:
        """Fail unless a question fails, with this sentence."""
        with self.assertRaises(StoreFailed) as caught:
            await question
        self.assertIn(sentence, str(caught.exception))
        self.assertNotIn("script:", str(caught.exception))
        failure: StoreFailed = caught.exception
        return failure

    async def test_flushed(self) -> None:
        """Each who asks a Redis that was emptied is told so once, and nothing is done then."""
        redis = self.redis()
        states = [self.state(redis.place) for _ in range(2)]
        for state in states:
            await state.claim("a", "b", b"", LATER)
        redis.ask("FLUSHALL")
        for state in states:
            asked = [begun(state.put("a", key, b"", LATER)) for key in "bcd"]
            for question in asked:
                await self.fails(question, "lost what it knew")
            self.assertEqual(await state.entries(START, 9), [])

    async def test_ended(self) -> None:
        """A connection that ended while nobody asked is told once: Redis may be an older one."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.ping()
        redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        while state._link._conversation is not None and state._link._conversation.connected:
            await deferLater(reactor, 0.01)
        await self.fails(state.find("a", "b"), "ended the connection")
        self.assertIsNone(await state.find("a", "b"))

    async def test_takes_nothing(self) -> None:
        """A Redis that has no room, or is a copy of another, is not well, and says what helps."""
        redis = self.redis()
        state = self.state(redis.place)
        await state.ping()
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        for question in (state.claim("a", "b", b"", LATER), state.ping()):
            self.assertIsInstance(await self.fails(question, "maxmemory"), StoreFull)
        await self.fails(self.state(redis.place).ping(), "maxmemory")
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        await state.ping()
        redis.ask("REPLICAOF", "127.0.0.1", str(free_port()))
        for question in (state.claim("a", "b", b"", LATER), state.ping()):
            await self.fails(question, "is a copy")
        # At its address there may be another by now.
        self.assertIsNone(state._link._conversation)
        redis.ask("REPLICAOF", "NO", "ONE")
        await state.ping()
        redis.ask("CONFIG", "SET", "maxclients", "1")
        await self.fails(self.state(redis.place).ping(), "`maxclients`")

    async def test_cluster(self) -> None:
        """One of a cluster is told as what it is."""
        failure = await self.told(self.redis("--cluster-enabled", "yes").place)
        self.assertIsInstance(failure, StoreRefused)
        self.assertIn("a cluster", str(failure))

    async def test_other(self) -> None:
        """What listens there and is no Redis is told, and nothing hangs."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            place = Place(*listener.getsockname())
            self.assertIn("within 0.2 seconds", str(await self.told(place, 0.2)))


class TlsTests(RedisCase):
    """TLS, which proves with whom we speak, or fails."""

    def certificate(self, name: str, *alternatives: str) -> Certificate:
        """Make a certificate that signs itself."""
        directory = self.directory()
        made = Certificate(directory / "tls.crt", directory / "tls.key")
        more: list[str] = []
        for text in alternatives:
            more += ("-addext", f"subjectAltName={text}")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}"),
                *more,
                *("-keyout", str(made.key), "-out", str(made.certificate)),
            ],
            capture_output=True,
            check=True,
        )
        return made

    def place(self, certificate: Certificate, host: str = "localhost") -> Place:
        """Start a Redis with a certificate; return where it is, to be vouched for by that."""
        port = self.redis(certificate=certificate).port
        return Place(host, port, tls=True, ca_file=certificate.certificate)

    async def test_good(self) -> None:
        """A certificate for the name, or for the address, is good."""
        place = self.place(self.certificate("any", "DNS:localhost,IP:127.0.0.1"))
        for host in ("localhost", "127.0.0.1"):
            state = self.state(evolve(place, host=host), prefix=f"{host}:")
            await gatherResults([begun(state.claim("a", f"{n}", b"", LATER)) for n in range(20)])
            self.assertEqual(len(await state.entries(START, 99)), 20)

    async def refused(self, place: Place) -> str:
        """Return why a server is not taken for what it says it is."""
        failure = await self.told(place)
        self.assertIsInstance(failure, StoreRefused)
        return str(failure)

    async def test_other_name(self) -> None:
        """A certificate for another name, or for the name where it is the address, is refused."""
        place = self.place(self.certificate("localhost", "DNS:other.example"))
        self.assertIn("does not prove", await self.refused(place))
        self.assertIn("does not prove", await self.refused(evolve(place, host="127.0.0.1")))

    async def test_no_name(self) -> None:
        """A certificate that names nothing but its owner is refused."""
        place = self.place(self.certificate("localhost"))
        self.assertIn("does not prove", await self.refused(place))

    async def test_stranger(self) -> None:
        """A certificate that nobody vouches for is refused, by the file and by the system."""
        place = self.place(self.certificate("localhost", "DNS:localhost"))
        stranger = self.certificate("localhost", "DNS:localhost").certificate
        for ca_file in (stranger, None):
            sentence = await self.refused(evolve(place, ca_file=ca_file))
            self.assertIn("certificate verify failed", sentence)

    async def test_no_file(self) -> None:
        """A file that vouches for nobody is told."""
        place = Place("localhost", 1, tls=True, ca_file=self.directory() / "missing.pem")
        with self.assertRaises(StoreRefused) as caught:
            await self.state(place).ping()
        self.assertIn("missing.pem", str(caught.exception))

    async def test_plain(self) -> None:
        """A Redis without TLS, to which our greeting is noise, is given up where TLS is wanted."""
        await self.told(evolve(shared().place, host="localhost", tls=True), 0.3)
