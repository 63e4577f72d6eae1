"""The stores in PostgreSQL and MariaDB: what every store must do, and what servers do to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.stores.interfaces import Index, Survey
from hmacfs.stores.postgresql import Postgresql
from hmacfs.stores.servers import server_pair, server_survey
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.state import State
from tests.real import database_suite
from tests.real.database_suite import (
    PATIENCE,
    clock,
    emptied,
    index_of,
    reactor,
    shared,
)
from tests.real.store_servers import DATABASE, DatabaseServer, MariadbServer, PostgresqlServer
from tests.stores.index_suite import IndexMachine, make_index_tests
from tests.stores.pump import Pump
from tests.stores.state_suite import Opened, StateMachine, make_state_tests
from tests.stores.survey_suite import Opened as SurveyOpened
from tests.stores.survey_suite import closed_after, make_survey_tests

T = TypeVar("T")


def opener(kind: type[DatabaseServer]) -> Callable[[Path], Awaitable[Index]]:
    """Return what opens an index."""

    async def opened(_: Path) -> Index:
        server = emptied(kind)
        index = index_of(server, socket=server.socket)
        await index.start()
        return index

    opened.__module__ = __name__
    return opened


def state_opener(kind: type[DatabaseServer]) -> Opened:
    """Return what opens a shared state."""

    async def opened(_: Path, now: Callable[[], float]) -> State:
        server = emptied(kind)
        place = server.place(socket=server.socket)
        pair = server_pair(server.driver, place, reactor, clock, PATIENCE, "state")
        state = SqlState(pair, now)
        await state.start()
        return state

    opened.__module__ = __name__
    return opened


def survey_opener(kind: type[DatabaseServer]) -> SurveyOpened:
    """Return what opens an index and a survey of it."""

    async def opened(case: TestCase, _: Path) -> tuple[Index, Survey]:
        server = emptied(kind)
        index = index_of(server)
        survey = server_survey(server.driver, server.place(), reactor, clock, PATIENCE)
        closed_after(case, index.close)
        closed_after(case, survey.close)
        await index.start()
        await survey.start()
        return index, survey

    return opened


PostgresqlIndexTests = make_index_tests(opener(PostgresqlServer))
PostgresqlIndexTests.__qualname__ = PostgresqlIndexTests.__name__ = "PostgresqlIndexTests"
MariadbIndexTests = make_index_tests(opener(MariadbServer))
MariadbIndexTests.__qualname__ = MariadbIndexTests.__name__ = "MariadbIndexTests"
PostgresqlStateTests = make_state_tests(state_opener(PostgresqlServer))
PostgresqlStateTests.__qualname__ = PostgresqlStateTests.__name__ = "PostgresqlStateTests"
MariadbStateTests = make_state_tests(state_opener(MariadbServer))
MariadbStateTests.__qualname__ = MariadbStateTests.__name__ = "MariadbStateTests"
PostgresqlSurveyTests = make_survey_tests(
    "PostgresqlSurveyTests", __name__, survey_opener(PostgresqlServer)
)
MariadbSurveyTests = make_survey_tests("MariadbSurveyTests", __name__, survey_opener(MariadbServer))


class DurabilityTests(SynchronousTestCase):
    """How much a server waits for its disk."""

    def test_postgresql(self) -> None:
        """PostgreSQL syncs what it commits, unless the administrator does without."""
        server = shared(PostgresqlServer)
        for synced, setting in ((True, "on"), (False, "off")):
            link = Postgresql(synced).connect(server.place(), PATIENCE)
            self.addCleanup(link.close)
            [[found]] = link.execute("SHOW synchronous_commit").fetchall()
            self.assertEqual(found, setting)


class IsolationTests(SynchronousTestCase):
    """What a transaction sees of others."""

    def test_postgresql(self) -> None:
        """Who has waited for the lock sees what was written meanwhile, whatever the default is."""
        server = shared(PostgresqlServer)
        first = server.driver.connect(server.place(), PATIENCE)
        self.addCleanup(first.close)
        changed = f"ALTER DATABASE {DATABASE} {{}} default_transaction_isolation"
        self.addCleanup(first.execute, changed.format("RESET"))
        first.execute(f"{changed.format('SET')} = 'serializable'")
        second = server.driver.connect(server.place(), PATIENCE)
        self.addCleanup(second.close)
        second.execute("BEGIN")
        [[found]] = second.execute("SHOW transaction_isolation").fetchall()
        self.assertEqual(found, "read committed")


class TimedPump(Pump):
    """A pump with a clock that nobody waits for."""

    def callLater(self, *_: object, **__: object) -> DelayedCall:
        """Keep nothing: these tests wait as long as it takes."""
        return DelayedCall(0, lambda: None, (), {}, lambda _: None, lambda _: None)


class ServerIndexMachine(IndexMachine):
    """An index in a server beside the model."""

    kind: type[DatabaseServer]

    def open(self) -> Index:
        """Open an empty index."""
        self.pump = TimedPump()
        server = emptied(self.kind)
        pump, clock = self.pump, cast(IReactorTime, self.pump)
        place = server.place(socket=server.socket)
        index = SqlIndex(server_pair(server.driver, place, pump, clock, PATIENCE, "index"))
        self.wait(index.start())
        return index

    def wait(self, result: Deferred[T]) -> T:
        """Make the calls that the threads ask for until a result has fired."""
        return self.pump.wait(result)


class ServerStateMachine(StateMachine):
    """A state in a server beside the model."""

    kind: type[DatabaseServer]

    def open(self) -> State:
        """Open an empty state."""
        self.pump = TimedPump()
        server = emptied(self.kind)
        pump, clock = self.pump, cast(IReactorTime, self.pump)
        place = server.place(socket=server.socket)
        pair = server_pair(server.driver, place, pump, clock, PATIENCE, "state")
        state = SqlState(pair, self.hands.now)
        self.wait(state.start())
        return state

    def wait(self, result: Deferred[T]) -> T:
        """Make the calls that the threads ask for until a result has fired."""
        return self.pump.wait(result)


class MachineTests(SynchronousTestCase):
    """The machines, over both servers."""

    def check(self, machine: type[Any], kind: type[DatabaseServer]) -> None:
        """Run a machine; each example empties the tables anew, so there are few."""
        shared(kind)
        over = type(f"{kind.__name__}Machine", (machine,), {"kind": kind})
        few = settings(max_examples=max(4, settings().max_examples // 10), stateful_step_count=25)
        run_state_machine_as_test(over, settings=few)

    def test_index_in_postgresql(self) -> None:
        """An index in PostgreSQL knows what the model knows."""
        self.check(ServerIndexMachine, PostgresqlServer)

    def test_index_in_mariadb(self) -> None:
        """An index in MariaDB knows what the model knows."""
        self.check(ServerIndexMachine, MariadbServer)

    def test_state_in_postgresql(self) -> None:
        """A state in PostgreSQL knows what the model knows."""
        self.check(ServerStateMachine, PostgresqlServer)

    def test_state_in_mariadb(self) -> None:
        """A state in MariaDB knows what the model knows."""
        self.check(ServerStateMachine, MariadbServer)


class PostgresqlTests(database_suite.DatabaseCase):
    """PostgreSQL."""

    kind = PostgresqlServer

    async def test_told(self) -> None:
        """What keeps a user out is told as what it is."""
        server = shared(PostgresqlServer)
        link = server.driver.connect(server.place(), PATIENCE)
        self.addCleanup(link.close)
        self.addCleanup(link.execute, "DROP ROLE guest")
        link.execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 0 PASSWORD 'guest'")
        guest = {"user": "guest", "password": "guest"}
        self.assertIn("takes no more connections", await self.told(server, **guest))
        link.execute("ALTER ROLE guest CONNECTION LIMIT 9")
        self.assertIn("the owner of the database", await self.told(server, **guest))
        link.execute("ALTER ROLE guest SET default_transaction_read_only = on")
        self.assertIn("takes no changes", await self.told(server, **guest))
        guest["password"] = "pässwört 😀"
        link.execute(f"ALTER ROLE guest PASSWORD '{guest['password']}'")
        self.assertIn("takes no changes", await self.told(server, **guest))
        link.execute("ALTER ROLE guest NOLOGIN")
        self.assertIn("refuses the user", await self.told(server, **guest))
        self.assertIn("cannot be found", await self.told(server, host="nowhere.invalid"))
        nowhere = server.directory / "nowhere" / ".s.PGSQL.1"
        self.assertIn("the path of its socket", await self.told(server, socket=nowhere))
        self.assertIn("speaks no TLS", await self.told(server, tls=True, ca_file=nowhere))


class MariadbTests(database_suite.DatabaseCase):
    """MariaDB."""

    kind = MariadbServer

    async def test_told(self) -> None:
        """What keeps a user out is told as what it is."""
        server = shared(MariadbServer)
        root = server.place(user="root", password="", socket=server.socket)
        link = server.driver.connect(root, PATIENCE)
        self.addCleanup(link.close)
        self.addCleanup(link.execute, "DROP USER guest@localhost")
        link.execute("CREATE USER guest@localhost IDENTIFIED BY 'guest'")
        guest = {"user": "guest", "password": "guest"}
        self.assertIn("into the database", await self.told(server, **guest))
        link.execute(f"GRANT ALL ON {DATABASE}.* TO guest@localhost WITH MAX_USER_CONNECTIONS 1")
        self.assertIn("takes no more connections", await self.told(server, **guest))
        link.execute("ALTER USER guest@localhost WITH MAX_USER_CONNECTIONS 9")
        self.addCleanup(link.execute, "SET GLOBAL read_only = 0")
        link.execute("SET GLOBAL read_only = 1")
        self.assertIn("takes no changes", await self.told(server, **guest))
        guest["password"] = "pässwört 😀"
        link.execute(f"SET PASSWORD FOR guest@localhost = PASSWORD('{guest['password']}')")
        self.assertIn("takes no changes", await self.told(server, **guest))
        link.execute("ALTER USER guest@localhost ACCOUNT LOCK")
        self.assertIn("refuses the user", await self.told(server, **guest))
        nowhere = server.directory / "nowhere"
        self.assertIn("the path of its socket", await self.told(server, socket=nowhere))
        self.assertIn("no certificates", await self.told(server, tls=True, ca_file=nowhere))


class SocketTests(TestCase):
    """Unix sockets."""

    async def test_mariadb(self) -> None:
        """MariaDB is reached by its socket."""
        server = shared(MariadbServer)
        index = index_of(server, socket=server.socket, host="nowhere.invalid")
        await index.start()
        await index.close()

    async def test_postgresql(self) -> None:
        """PostgreSQL is reached by its socket, or by the directory of it."""
        server = shared(PostgresqlServer)
        for socket in (server.directory, server.socket):
            index = index_of(server, socket=socket, host="nowhere.invalid")
            await index.start()
            await index.close()
