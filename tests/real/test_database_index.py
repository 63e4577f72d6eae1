"""A server whose index is kept by PostgreSQL or MariaDB."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hmacfs.base.names import INTERNAL_DIRECTORY
from tests.real import left
from tests.real.case import ServerCase, command, noise
from tests.real.client import ask, put
from tests.real.daemon import SECRET, DidNotStart
from tests.real.database_suite import emptied
from tests.real.store_servers import PASSWORD, DatabaseServer, MariadbServer, PostgresqlServer

TYPES = {"PostgreSQL": "postgres", "MySQL": "mysql"}
DATA = noise(2000)


class DatabaseIndexTests(ServerCase):
    """Files whose facts are in a database server."""

    def index(self, server: DatabaseServer, **changes: object) -> dict[str, Any]:
        """Return the configuration of an index in a server."""
        place = server.place()
        return {
            "index": {
                "type": TYPES[server.driver.name],
                "host": place.host,
                "port": place.port,
                "user": place.user,
                "password": place.password,
                "name": place.database,
                **changes,
            }
        }

    def check(self, server: DatabaseServer) -> None:
        """Upload, restart, ask, and look with the commands."""
        daemon = self.start(self.index(server))
        target = daemon.target("folder/name", len(DATA), "text/plain")
        self.assert_status(201, put(daemon.port, target, DATA, "text/plain"))
        daemon.kill9()
        daemon.restart()
        answer = self.assert_comes_back(daemon, daemon.place("folder/name"), DATA)
        self.assertEqual(answer.headers["content-type"], "text/plain")
        other = noise(len(DATA), "other")
        self.assert_status(409, put(daemon.port, target, other, "text/plain"))
        listed = command(daemon, "ls")
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        self.assertIn("folder/name", listed.stdout)
        removed = command(daemon, "rm", "folder/name")
        self.assertEqual(removed.returncode, 0, removed.stderr)
        self.assert_status(410, ask(daemon.port, "GET", daemon.place("folder/name")))
        refused = command(daemon, "index", "backup", str(self.directory() / "copy"))
        self.assertEqual(refused.returncode, 2)
        self.assertIn("backups of its own", refused.stderr)

    def test_postgresql(self) -> None:
        """With PostgreSQL all is as with a file."""
        self.check(emptied(PostgresqlServer))

    def test_mariadb(self) -> None:
        """With MariaDB all is as with a file."""
        self.check(emptied(MariadbServer))

    def old_index(self) -> pathlib.Path:
        """Make the files of SQLite that a server leaves; return that of the index."""
        storage = self.directory() / "storage"
        left.leave(storage)
        return storage / INTERNAL_DIRECTORY / "index.sqlite"

    def check_one_storage(self, server: DatabaseServer, *commands: Sequence[str]) -> None:
        """Start a server of another storage, and have it refuse these commands too."""
        config = self.index(server)
        daemon, other = self.start(config), self.unstarted(config)
        self.assert_status(201, put(daemon.port, daemon.target("name", len(DATA)), DATA))
        with self.assertRaises(DidNotStart) as caught:
            other.start()
        self.assertEqual(1, other.process.returncode)
        self.assertIn("has the index of another storage", str(caught.exception))
        for words in commands:
            done = command(other, *words, environ={"HMAC_TO_PASSWORD": PASSWORD})
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn("has the index of another storage", done.stderr)
        daemon.restart()
        self.assert_comes_back(daemon, daemon.place("name"), DATA)
        daemon.stop()
        (other.storage / "mine").write_bytes(DATA)
        taken = command(other, "reindex")
        self.assertEqual(0, taken.returncode, taken.stderr)
        other.start()
        self.assert_comes_back(other, other.place("mine"), DATA)
        self.assertRaises(DidNotStart, daemon.start)

    def test_one_storage_in_postgresql(self) -> None:
        """What has another storage is refused; a storage that takes the place can say so."""
        server = emptied(PostgresqlServer)
        place = server.place()
        there = f"postgresql://{place.user}@{place.host}:{place.port}/{place.database}"
        migrate = ("migrate", "-from", f"sqlite:{self.old_index()}", "-to", there)
        self.check_one_storage(server, ("ls",), ("reindex", "-dry-run"), migrate)

    def test_one_storage_in_mariadb(self) -> None:
        """What has another storage is refused; a storage that takes the place can say so."""
        self.check_one_storage(emptied(MariadbServer))

    def test_refused(self) -> None:
        """A server that cannot use its database says so in a sentence, without the password."""
        for kind in (PostgresqlServer, MariadbServer):
            server = emptied(kind)
            with self.assertRaises(DidNotStart) as caught:
                self.start(self.index(server, password="the wrong one"))
            told = str(caught.exception)
            self.assertIn("password", told)
            for secret in ("the wrong one", SECRET):
                self.assertNotIn(secret, told)

    def check_away(
        self,
        server: DatabaseServer,
        go: Callable[[DatabaseServer], object],
        come: Callable[[DatabaseServer], object],
    ) -> None:
        """Upload before the database goes, while it is away, and when it is back."""
        self.addCleanup(server.stop)
        server.start()
        daemon = self.start(self.index(server))
        self.assert_status(201, put(daemon.port, daemon.target("a", len(DATA)), DATA))
        go(server)
        with ThreadPoolExecutor() as pool:
            health = pool.submit(ask, daemon.port, "GET", "/health")
            answer = put(daemon.port, daemon.target("b", len(DATA)), DATA)
            self.assert_status(503, answer)
            self.assertIn("retry-after", answer.headers)
            self.assert_status(503, health.result())
        come(server)
        self.assert_status(201, put(daemon.port, daemon.target("b", len(DATA)), DATA))
        self.assert_comes_back(daemon, daemon.place("a"), DATA)
        self.assert_status(200, ask(daemon.port, "GET", "/health"))

    def test_away(self) -> None:
        """While the database is away uploads are refused for a while; then all goes on."""
        self.check_away(PostgresqlServer(), DatabaseServer.kill9, DatabaseServer.start)

    def test_hangs(self) -> None:
        """A database that takes connections and answers nothing is as good as away."""
        self.check_away(MariadbServer(), DatabaseServer.freeze, DatabaseServer.thaw)
