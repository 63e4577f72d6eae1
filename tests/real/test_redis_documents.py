"""What docs/operate-redis.rst tells to do, done; and what it draws is what the server does."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import Any

from hmacfs.stores.switchover import MOVES
from tests.docs.documents import ROOT, examples
from tests.real.case import noise
from tests.real.client import put
from tests.real.daemon import eventually
from tests.real.store_servers import PASSWORD, MariadbServer
from tests.real.test_redis import RedisCase, kept, target

DOCUMENT = "docs/operate-redis.rst"


def blocks(language: str) -> list[str]:
    """Return the examples in a language."""
    return [each.text for each in examples(language) if each.where.startswith(DOCUMENT)]


class RedisDocumentTests(RedisCase):
    """The examples."""

    def test_redis(self) -> None:
        """The user that is made as told can do all that the server needs."""
        redis = self.redis()
        redis.start()
        command = blocks("console")[0].removeprefix("$ ")
        words = shlex.split(command)
        self.assertEqual("redis-cli", words[0])
        redis.ask(*words[1:])
        told: dict[str, Any] = tomllib.loads(blocks("toml")[0])["redis"]
        told["redisaddr"] = f"127.0.0.1:{redis.port}"
        daemon = self.start({"redis": told})
        eventually("Redis to answer", lambda: self.is_well(daemon), 5)
        self.assert_status(201, put(daemon.port, target(0), noise(20 * 1024)))
        self.assertEqual(1, kept(redis))

    def test_fallback(self) -> None:
        """The database that is named as told takes over."""
        database = MariadbServer()
        self.addCleanup(database.stop)
        database.start()
        redis = self.redis()
        told: dict[str, Any] = tomllib.loads(blocks("toml")[1])
        place = database.place()
        told["fallback"] |= {
            "port": place.port,
            "user": place.user,
            "password": PASSWORD,
            "name": place.database,
        }
        told["redis"]["redisaddr"] = f"127.0.0.1:{redis.port}"
        daemon = self.start({"redis": told["redis"], "fallback": told["fallback"]})
        self.assertEqual("degraded", self.part(daemon, "redis"))
        self.assertEqual("ok", self.part(daemon, "fallback"))
        self.assert_status(201, put(daemon.port, target(0), noise(20 * 1024)))
        link = database.driver.connect(place, 5)
        self.assertEqual(
            1, len(link.execute("SELECT name FROM entries WHERE kind = 'nonce'").fetchall())
        )
        link.close()

    def test_moves(self) -> None:
        """The table of moves is that of the server."""
        text = (ROOT / DOCUMENT).read_text(encoding="utf-8")
        table = text[text.index("* - from") : text.index("\nup\n")]
        rows = re.findall(r"\* - (.*)\n +- (.*)\n +- (.*)\n", table)[1:]
        told = [(before.value, why, after.value) for before, why, after in MOVES]
        self.assertEqual(told, rows)
