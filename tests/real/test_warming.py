"""Reading the index ahead, beside requests."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.real.case import ServerCase
from tests.real.client import ask, put
from tests.real.daemon import Daemon, eventually


class WarmingTests(ServerCase):
    """Reading the index ahead."""

    def test_ready_before(self) -> None:
        """The server is ready, and answers, before it has read its index."""
        daemon = self.start({"server": {"pre_cache": True, "pre_cache_workers": 4}})
        self.assert_status(201, put(daemon.port, daemon.target("a", 1), b"a"))
        self.fill(daemon, 150_000)
        before = daemon.log.count("rows of the index ahead")
        daemon.restart()
        self.assert_status(200, ask(daemon.port, "GET", daemon.place("a")))
        self.assertEqual(daemon.log.count("rows of the index ahead"), before)
        self.assert_status(201, put(daemon.port, daemon.target("b", 1), b"b"))
        eventually("the whole index", lambda: daemon.log.count("rows of the index ahead") > before)
        self.assertRegex(daemon.log, "read 15000[12] rows of the index ahead")

    def fill(self, daemon: Daemon, rows: int) -> None:
        """Let the index know of many files."""
        daemon.stop()
        index = daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index)) as connection, connection:
            connection.executemany(
                "INSERT INTO files (name, size, sha256, content_type, uploaded_at) "
                "VALUES (?, 3, zeroblob(32), 'text/plain', 5)",
                ((f"many/{number}",) for number in range(rows)),
            )
