"""Two servers with storages of their own that share a Redis, reached at random."""

from __future__ import annotations

from typing import Final

from tests.real.case import KILOBYTE, noise
from tests.real.client import Answer, Connection, ask
from tests.real.daemon import Daemon, eventually
from tests.real.redis_server import Redis
from tests.real.test_session_refusals import RefusalCase
from tests.real.v3_case import JWT_SECRET, target_of

SIZE: Final = 100 * KILOBYTE
HALF: Final = SIZE // 2
TOKEN: Final = {"X-Session-Token": "a-token-of-these-tests"}


class SeveralTests(RefusalCase):
    """An upload that began on one of them."""

    def setUp(self) -> None:
        self.redis = Redis(self.directory())
        self.addCleanup(self.redis.kill9)
        self.redis.start()
        self.data = noise(SIZE)

    def begin(self) -> Daemon:
        """Start one of them."""
        return self.start(
            {
                "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
                "redis": {"redisenabled": True, "redisaddr": f"127.0.0.1:{self.redis.port}"},
                "uploads": {"chunk_size": HALF},
            }
        )

    def test_other_one(self) -> None:
        """The other tells to try again, and not that there is none; a whole file it takes."""
        one, other = self.begin(), self.begin()
        session = self.create(one, self.data)
        chunks = [target_of(url) for url in session["upload_urls"]["chunks"]]
        status = target_of(session["status_url"])

        def is_told() -> bool:
            return ask(other.port, "GET", status).status == 503

        eventually("the first to be known as alive", is_told)
        refused = self.ask_with(other, "PUT", chunks[0], self.data[:HALF])
        self.assertEqual((503, "1"), (refused.status, refused.headers["retry-after"]))
        for number, chunk in enumerate(chunks):
            self.ask_with(one, "PUT", chunk, self.data[number * HALF :][:HALF])
        self.assert_stored(one, session, self.data)
        target = one.target("photo", SIZE)
        first = {**TOKEN, "Content-Range": f"bytes 0-{HALF - 1}/{SIZE}"}
        rest = {**TOKEN, "Content-Range": f"bytes {HALF}-{SIZE - 1}/{SIZE}"}
        self.assert_status(202, self.ask_with(one, "PUT", target, self.data[:HALF], first))
        self.assert_status(503, self.head(other, target))
        self.assert_status(503, self.ask_with(other, "PUT", target, self.data[HALF:], rest))
        self.assert_status(200, self.head(one, target))
        self.assert_status(201, self.ask_with(other, "PUT", target, self.data, TOKEN))
        self.assert_comes_back(other, other.place("photo"), self.data)
        # Without Redis each knows its own, and nothing of the other's.
        self.redis.kill9()
        self.assert_status(404, ask(other.port, "GET", status))
        self.assert_status(200, ask(one.port, "GET", status))
        self.assert_status(201, self.ask_with(one, "PUT", target, self.data[HALF:], rest))
        self.assert_comes_back(one, one.place("photo"), self.data)

    def test_new_key(self) -> None:
        """One of them makes the key that is due, and none while they cannot agree which."""

        def begun() -> Daemon:
            keys = self.directory() / "keys.toml"
            return self.start(
                {
                    "security": {"keys_file": str(keys)},
                    "key_rotation": {"enabled": True},
                    "redis": {"redisenabled": True, "redisaddr": f"127.0.0.1:{self.redis.port}"},
                }
            )

        first = begun()
        eventually("a new key", lambda: "made the key" in first.log)
        second = begun()
        eventually("a look", lambda: "another server makes the key" in second.log)
        self.assertNotIn("made the key", second.log)
        self.redis.kill9()
        apart = begun()
        eventually("a look", lambda: "cannot be told without Redis" in apart.log)
        self.assertNotIn("made the key", apart.log)

    def head(self, daemon: Daemon, target: str) -> Answer:
        """Ask how much is there."""
        with Connection(daemon.port) as connection:
            return connection.request("HEAD", target, TOKEN)
