"""What docs/operate-databases.rst tells to do, done."""

from __future__ import annotations

import tomllib
from typing import Any

from hmacfs.stores.places import Place
from tests.docs.documents import examples
from tests.real.case import ServerCase, noise
from tests.real.client import put
from tests.real.store_servers import DatabaseServer, MariadbServer, PostgresqlServer

DOCUMENT = "docs/operate-databases.rst"


class DatabaseDocumentTests(ServerCase):
    """The examples."""

    def block(self, language: str, number: int) -> str:
        """Return an example of the document."""
        blocks = [each.text for each in examples(language) if each.where.startswith(DOCUMENT)]
        self.assertEqual(len(blocks), 2, language)
        return blocks[number]

    def check(self, server: DatabaseServer, administrator: Place, number: int) -> None:
        """Make user and database as told, and run a server with the configuration told."""
        link = server.driver.connect(administrator, 10)
        for statement in filter(str.strip, self.block("sql", number).split(";")):
            link.execute(statement)
        link.close()
        told: dict[str, Any] = tomllib.loads(self.block("toml", number))["index"]
        if "socket" in told:
            told["socket"] = f"{server.directory}/s.sock"
        else:
            told["port"] = server.port
        daemon = self.start({"index": told})
        data = noise(100)
        self.assert_status(201, put(daemon.port, daemon.target("name", 100), data))
        daemon.restart()
        self.assert_comes_back(daemon, daemon.place("name"), data)

    def test_postgresql(self) -> None:
        """With PostgreSQL."""
        server = PostgresqlServer()
        self.addCleanup(server.stop)
        server.start()
        self.check(server, server.place(database="postgres"), 0)

    def test_mariadb(self) -> None:
        """With MariaDB."""
        server = MariadbServer()
        self.addCleanup(server.stop)
        server.start()
        self.check(server, server.place(user="root", password="", database="mysql"), 1)
