"""Moving the stores of a server to a database server and back."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import subprocess
import sys
from collections.abc import Mapping

from tests.real import left
from tests.real.case import ServerCase, command, noise
from tests.real.client import ask, put
from tests.real.daemon import CHECKOUT, Daemon, Sections, eventually
from tests.real.database_suite import emptied
from tests.real.redis_server import Redis
from tests.real.store_servers import PASSWORD, DatabaseServer, MariadbServer, PostgresqlServer

SCHEMES = {"PostgreSQL": "postgresql", "MySQL": "mysql"}
FILES = 20
MANY = 6_000


def redis_url(redis: Redis) -> str:
    """Return where a Redis is, as the command line has it."""
    return f"redis://127.0.0.1:{redis.port}/0"


class MigrateTests(ServerCase):
    """``hmac-file-server migrate``."""

    def begun(
        self, daemon: Daemon, source: str, target: str, environ: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """Begin to move."""
        program = [sys.executable, "-m", "hmacfs.cli.main", "-config", str(daemon.config)]
        process = subprocess.Popen(
            [*program, "migrate", "-from", source, "-to", target],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        return process

    def migrate(
        self, daemon: Daemon, source: str, target: str, password: str = PASSWORD
    ) -> subprocess.CompletedProcess[str]:
        """Move; the passwords are in the environment."""
        environ = {"HMAC_FROM_PASSWORD": password, "HMAC_TO_PASSWORD": password}
        if "redis:" not in source + target:
            return command(daemon, "migrate", "-from", source, "-to", target, environ=environ)
        # It needs a reactor, and so a process of its own.
        with self.begun(daemon, source, target, environ) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def stopped(self, sections: Sections | None = None) -> Daemon:
        """Return a server that has stopped, and has left its stores."""
        daemon = self.unstarted(sections)
        left.leave(daemon.storage)
        return daemon

    def check(self, server: DatabaseServer) -> None:
        """Move the index there, use it, move it back to another file, and use that."""
        daemon = self.start()
        data = [noise(100, number) for number in range(FILES)]
        for number, content in enumerate(data):
            target = daemon.target(f"name{number}", 100, "text/plain")
            self.assert_status(201, put(daemon.port, target, content, "text/plain"))
        there = f"sqlite:{daemon.storage}/.hmacfs/index.sqlite"
        place = server.place()
        scheme = SCHEMES[server.driver.name]
        url = f"{scheme}://{place.user}@{place.host}:{place.port}/{place.database}"
        refused = self.migrate(daemon, there, url)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another hmac-file-server is running", refused.stderr)
        daemon.stop()
        for _ in range(2):
            moved = self.migrate(daemon, there, url)
            self.assertEqual(moved.returncode, 0, moved.stderr)
            self.assertIn(f"file: {FILES} moved", moved.stdout)
            self.assertIn("100%", moved.stderr)
        other = self.directory() / "index.sqlite"
        moved = self.migrate(daemon, url, f"sqlite:{other}")
        self.assertEqual(moved.returncode, 0, moved.stderr)
        (daemon.storage / ".hmacfs" / "index.sqlite").unlink()
        text = daemon.config.read_text(encoding="utf-8")
        daemon.config.write_text(f'{text}\n[index]\npath = "{other}"\n', encoding="utf-8")
        daemon.start()
        for number, content in enumerate(data):
            answer = self.assert_comes_back(daemon, daemon.place(f"name{number}"), content)
            self.assertEqual(answer.headers["content-type"], "text/plain")
        self.assert_status(404, ask(daemon.port, "GET", daemon.place("other")))

    def test_postgresql(self) -> None:
        """To PostgreSQL and back nothing is lost, and a move can be repeated."""
        self.check(emptied(PostgresqlServer))

    def test_mariadb(self) -> None:
        """To MariaDB and back nothing is lost, and a move can be repeated."""
        self.check(emptied(MariadbServer))

    def test_redis(self) -> None:
        """The shared state moves to Redis and back, under the configured keys; the index stays."""
        daemon = self.stopped({"redis": {"key_prefix": "files:"}})
        state = daemon.storage / ".hmacfs" / "state.sqlite"
        index = f"sqlite:{daemon.storage}/.hmacfs/index.sqlite"
        made = self.migrate(daemon, index, f"sqlite:{self.directory()}/index.sqlite")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.fill(state, FILES)
        redis = Redis(self.directory())
        self.addCleanup(redis.kill9)
        redis.start()
        url = redis_url(redis)
        other_keys = f"{url}?prefix=other:"
        back = f"sqlite:{self.directory()}/index.sqlite"
        for source, target in [(index, url), (url, other_keys), (other_keys, back)]:
            moved = self.migrate(daemon, source, target, password="")
            self.assertEqual(moved.returncode, 0, moved.stderr)
            self.assertIn(f"entry: {FILES} moved", moved.stdout)
        keys = redis.ask("KEYS", "*").splitlines()
        self.assertEqual(len(keys), 2 * (FILES + 2))
        self.assertEqual({key.partition(":")[0] for key in keys}, {"files", "other"})
        other = pathlib.Path(target.removeprefix("sqlite:")).with_name("state.sqlite")
        with contextlib.closing(sqlite3.connect(other)) as connection:
            rows = connection.execute("SELECT count(*), min(sequence) FROM entries").fetchall()
        self.assertEqual(rows, [(FILES, 1)])
        redis.kill9()
        refused = self.migrate(daemon, index, url)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Redis", refused.stderr)

    def fill(self, state: pathlib.Path, count: int) -> None:
        """Put entries into a file of the shared state."""
        with contextlib.closing(sqlite3.connect(state)) as connection, connection:
            rows = [("nonce", f"key{number}", b"value", number + 1, 4e9) for number in range(count)]
            connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)

    def test_killed(self) -> None:
        """A move that is killed on the way goes on when it is begun again, and nothing is lost."""
        daemon = self.stopped()
        self.fill(daemon.storage / ".hmacfs" / "state.sqlite", MANY)
        redis = Redis(self.directory())
        self.addCleanup(redis.kill9)
        redis.start()
        source, url = f"sqlite:{daemon.storage}/.hmacfs/index.sqlite", redis_url(redis)

        def moved() -> int:
            return int(redis.ask("ZCARD", "hmac-file-server:entries"))

        with self.begun(daemon, source, url, {}) as process:
            eventually("something to be moved", moved)
            process.kill()
        self.assertLess(0, moved())
        self.assertLess(moved(), MANY, "it was over before it was killed")
        again = self.migrate(daemon, source, url, password="")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("100%", again.stderr)
        self.assertEqual(moved(), MANY)

    def test_refused(self) -> None:
        """What cannot be moved is told in a sentence."""
        daemon = self.stopped()
        there = f"sqlite:{daemon.storage}/.hmacfs/index.sqlite"
        for source, target, code, part in [
            ("sqlite:/nowhere/index", there, 2, "there is no index /nowhere/index"),
            (there, there, 2, "both are the same"),
            (there, "postgresql://u@localhost:1/x", 1, "cannot be reached"),
        ]:
            refused = self.migrate(daemon, source, target)
            self.assertEqual((refused.returncode, part in refused.stderr), (code, True), refused)
            self.assertNotIn(PASSWORD, refused.stderr)
