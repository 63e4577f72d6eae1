"""What must hold for the stores in every database server, as tests; and servers to try it on."""

from __future__ import annotations

import atexit
import socket
import time
from pathlib import Path
from typing import Final, cast

from attrs import evolve
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.trial.unittest import TestCase

from hmacfs.cli.probes import probe
from hmacfs.config import options
from hmacfs.config.checks.connectivity import Service, Target
from hmacfs.config.network import Address
from hmacfs.stores import scripts
from hmacfs.stores.drivers import Link
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.places import Place
from hmacfs.stores.servers import server_pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from tests.ports import free_port
from tests.real.certificates import make
from tests.real.store_servers import DatabaseServer
from tests.stores.samples import stored
from tests.stores.state_suite import LATER

PATIENCE = 20.0
FIRST_TABLES = ("files", "tombstones", "blocks", "entries", "counters", "deltas")
TABLES = (*FIRST_TABLES, "storages", "hmacfs_schema")
COPIES = tuple(f"{table}_version_1" for table in FIRST_TABLES)

reactor = cast(IReactorFromThreads, global_reactor)
clock = cast(IReactorTime, global_reactor)


def shared(kind: type[DatabaseServer]) -> DatabaseServer:
    """Return a server for all tests that only need its tables to be empty."""
    return _started(kind, "well treated")


def ill_treated(kind: type[DatabaseServer]) -> DatabaseServer:
    """Return a server for tests that kill it or let it hang, one after the other."""
    return _started(kind, "ill treated")


_servers: Final[dict[tuple[type[DatabaseServer], str], DatabaseServer]] = {}
_links: Final[dict[type[DatabaseServer], Link]] = {}


def _started(kind: type[DatabaseServer], treated: str) -> DatabaseServer:
    if (kind, treated) not in _servers:
        _servers[kind, treated] = server = kind()
        atexit.register(server.stop)
        server.start()
    return _servers[kind, treated]


def _link(kind: type[DatabaseServer]) -> Link:
    if kind not in _links:
        server = shared(kind)
        _links[kind] = server.driver.connect(server.place(socket=server.socket), PATIENCE)
        atexit.register(_links[kind].close)
    return _links[kind]


def emptied(kind: type[DatabaseServer]) -> DatabaseServer:
    """Return the shared server with nothing in its tables, which may be there or not."""
    server = shared(kind)
    link = _link(kind)
    there = {name for (name,) in link.execute(server.driver.tables).fetchall()}
    if there != set(TABLES):
        return without_tables(kind)
    [(version,)] = link.execute("SELECT version FROM hmacfs_schema").fetchall()
    if version != len(scripts.packaged_steps(server.driver.steps)):
        return without_tables(kind)
    for table in TABLES[:-1]:
        link.execute(f"DELETE FROM {table}")  # noqa: S608 - one of ours
    return server


def without_tables(kind: type[DatabaseServer]) -> DatabaseServer:
    """Return the shared server with no tables at all."""
    server = shared(kind)
    for table in (*TABLES, *COPIES):
        _link(kind).execute(f"DROP TABLE IF EXISTS {table}")
    return server


def index_of(server: DatabaseServer, **changes: object) -> SqlIndex:
    """Make an index in a server."""
    return SqlIndex(
        server_pair(server.driver, server.place(**changes), reactor, clock, PATIENCE, "index")
    )


class DatabaseCase(TestCase):
    """A server that does not let us in, goes away, or hangs."""

    kind: type[DatabaseServer]

    async def told(self, server: DatabaseServer, **changes: object) -> str:
        """Return why an index cannot be opened."""
        index = index_of(server, **changes)
        try:
            await index.start()
        except StoreFailed as error:
            self.assertNotIn("tests", str(error).replace("hmacfs-tests", ""))
            return str(error)
        await index.close()
        raise AssertionError("it was opened")

    async def test_credentials(self) -> None:
        """A wrong password, user or database is told as what it is, and the password never."""
        server = emptied(self.kind)
        self.assertIn("password", await self.told(server, password="wrong"))
        self.assertIn("password", await self.told(server, user="nobody-known"))
        self.assertIn("database", await self.told(server, database="nowhere"))
        self.assertIn("cannot be reached", await self.told(server, port=free_port()))

    async def test_silent(self) -> None:
        """What listens there and never says anything is told so, and does not hold up the start."""
        driver = self.kind.driver
        with socket.create_server(("127.0.0.1", 0)) as listener:
            host, port = listener.getsockname()
            place = Place(host, port, user="user", password="password", database="any")
            pair = server_pair(driver, place, reactor, clock, 0.5, "index")
            with self.assertRaises(StoreFailed) as caught:
                await SqlIndex(pair).start()
        self.assertIn("does not answer", str(caught.exception))

    def test_tried(self) -> None:
        """What is tried on request tells the version, or the same as the start would."""
        server = shared(self.kind)
        place = server.place()
        service = Service.POSTGRES if server.driver.name == "PostgreSQL" else Service.MYSQL
        target = Target(
            service,
            Address(place.host, place.port),
            options.INDEX_TYPE,
            user=place.user,
            password=place.password,
            database=place.database,
        )
        answer = probe(target)
        self.assertTrue(answer.fine, answer)
        self.assertIn("version", answer.detail)
        for other, expected in [
            (evolve(target, password="x"), "password"),
            (evolve(target, database="x"), "database"),
        ]:
            answer = probe(other)
            self.assertFalse(answer.fine)
            self.assertIn(expected, answer.detail)
        answer = probe(evolve(target, at=Address("localhost", free_port())))
        self.assertIn("cannot be reached", answer.detail)

    async def test_older(self) -> None:
        """Tables of an older release are changed, after a copy, which a second try leaves alone."""
        server = without_tables(self.kind)
        link = server.driver.connect(server.place(), PATIENCE)
        self.addCleanup(link.close)
        steps = scripts.packaged_steps(server.driver.steps)
        self.assertEqual(scripts.tables(steps[:1]), FIRST_TABLES)
        for statement in scripts.statements(steps[0]):
            link.execute(statement)
        link.execute("CREATE TABLE hmacfs_schema (version INTEGER NOT NULL)")
        link.execute("INSERT INTO hmacfs_schema (version) VALUES (1)")
        link.execute("INSERT INTO blocks (sha256, blocked_at) VALUES (?, 5)", (bytes(32),))
        for kept in (1, 2):
            index = index_of(server)
            await index.start()
            await index.close()
            [[version]] = link.execute("SELECT version FROM hmacfs_schema").fetchall()
            self.assertEqual(version, len(steps))
            self.assertEqual(link.execute("SELECT COUNT(*) FROM blocks").fetchall()[0][0], kept)
            copies = link.execute("SELECT COUNT(*) FROM blocks_version_1").fetchall()
            self.assertEqual(copies[0][0], 1)
            # As a change leaves it that was broken off, and begun anew.
            link.execute("UPDATE hmacfs_schema SET version = 1")
            more = "INSERT INTO blocks (sha256, blocked_at) VALUES (?, 5)"
            link.execute(more, (bytes([kept]) * 32,))

    async def test_newer(self) -> None:
        """Tables of a newer release are refused, and stay as they are."""
        server = emptied(self.kind)
        index = index_of(server)
        await index.start()
        await index.add(stored())
        await index.close()
        link = server.driver.connect(server.place(), PATIENCE)
        link.execute("UPDATE hmacfs_schema SET version = 99")
        self.assertIn("newer release", await self.told(server))
        link.execute("UPDATE hmacfs_schema SET version = 1")
        link.close()
        await index.start()
        self.assertEqual(await index.find(stored().name), stored())
        await index.close()

    async def test_tls(self) -> None:
        """With TLS only a server is spoken to that has the certificate of its name."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        good, other = make(directory), make(directory, "other")
        server = self.kind(good)
        self.addCleanup(server.stop)
        server.start()
        index = index_of(server, tls=True, ca_file=good.certificate)
        await index.start()
        await index.add(stored())
        await index.close()
        await self.told(server, tls=True, ca_file=other.certificate)
        await self.told(server, tls=True)
        # The certificate is for localhost, and for no address.
        await self.told(server, tls=True, ca_file=good.certificate, host="127.0.0.1")
        plain = shared(self.kind)
        await self.told(plain, tls=True, ca_file=good.certificate)

    async def test_lost(self) -> None:
        """After a server was killed and is back, work goes on; in between it fails and says so."""
        server = ill_treated(self.kind)
        self.addCleanup(server.revive)
        index = index_of(server)
        await index.start()
        self.addCleanup(index.close)
        await index.add(stored("before"))
        server.kill9()
        for ask in (index.find(stored("before").name), index.add(stored("meanwhile"))):
            with self.assertRaises(StoreFailed):
                await ask
        server.start()
        await index.add(stored("after"))
        told = [str(file.name) for file in await index.page("", 9)]
        self.assertEqual(told, ["after", "before"])

    async def test_ended(self) -> None:
        """Connections that were ended while nobody used them are made anew, and nothing fails."""
        server = ill_treated(self.kind)
        self.addCleanup(server.revive)
        index = index_of(server)
        await index.start()
        self.addCleanup(index.close)
        server.end_connections()
        await index.add(stored("before"))
        self.assertEqual(await index.find(stored("before").name), stored("before"))

    async def test_many_begin(self) -> None:
        """Servers that start at once with an empty database make the tables once."""
        server = without_tables(self.kind)
        several = [index_of(server) for _ in range(6)]
        begun = [index.start() for index in several]
        try:
            await gatherResults(begun)
        finally:
            for start, index in zip(begun, several, strict=True):
                await start.addErrback(lambda _: None)
                await index.close()
        rows = _link(self.kind).execute("SELECT version FROM hmacfs_schema").fetchall()
        self.assertEqual(len(rows), 1)

    async def test_hangs(self) -> None:
        """A server that takes connections and answers nothing has failed when the time is over."""
        server = ill_treated(self.kind)
        self.addCleanup(server.revive)
        pair = server_pair(server.driver, server.place(), reactor, clock, 0.5, "state")
        state = SqlState(pair, lambda: LATER)
        await state.start()
        self.addCleanup(state.close)
        await state.put("a", "b", b"c", LATER)
        server.freeze()
        begun = time.monotonic()
        for ask in (state.find("a", "b"), state.put("a", "d", b"", LATER)):
            with self.assertRaises(StoreFailed) as caught:
                await ask
            self.assertIn("did not answer within 0.5 seconds", str(caught.exception))
        self.assertLess(time.monotonic() - begun, PATIENCE)
        server.thaw()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                there = await state.find("a", "b")
                break
            except StoreFailed:
                continue
        assert there is not None
        self.assertEqual(there.value, b"c")

    async def test_hangs_at_the_end(self) -> None:
        """A server that hangs does not keep us from ending."""
        server = ill_treated(self.kind)
        self.addCleanup(server.revive)
        pair = server_pair(server.driver, server.place(), reactor, clock, 0.5, "state")
        state = SqlState(pair, lambda: LATER)
        await state.start()
        server.freeze()
        # Another name than in other tests: it may be put when the server goes on.
        asked = state.put("a", "end", b"", LATER)
        begun = time.monotonic()
        await state.close()
        self.assertLess(time.monotonic() - begun, PATIENCE)
        with self.assertRaises(StoreFailed):
            await asked
