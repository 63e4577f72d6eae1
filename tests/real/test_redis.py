"""A server whose shared state is in Redis: Redis dies, hangs, comes back empty, or is another."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

from hmacfs.auth import query
from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.stores.redis import PREFIX
from tests.ports import free_port
from tests.real import certificates
from tests.real.case import KILOBYTE, ServerCase, command, noise
from tests.real.certificates import Certificate
from tests.real.client import Connection, ask
from tests.real.daemon import SECRET, Daemon, DidNotStart, eventually
from tests.real.database_suite import emptied, ill_treated
from tests.real.redis_server import Redis
from tests.real.store_servers import MariadbServer

UPLOADS: Final = 200
CLIENTS: Final = 20
SIZE: Final = 20 * KILOBYTE
HALF: Final = SIZE // 2
OWNER: Final = "a" * 40
SLACK: Final = 2.0
"""Seconds that a busy machine may add to what is measured."""

PASSWORD: Final = "a password of the tests"


def target(number: int) -> str:
    """Return the URL of an upload that its signature allows once."""
    name, unique = f"file-{number}.bin", str(uuid.uuid4())
    now = int(time.time())
    mac = hmac.digest(SECRET.encode(), query.message(name, SIZE, now, unique), "sha256")
    signature = quote(base64.b64encode(mac))
    return f"/upload?filename={name}&timestamp={now}&uploadid={unique}&signature={signature}"


def owned(number: int) -> str:
    """Return the name of an upload of somebody, as ejabberd makes them."""
    return f"{OWNER}/file-{number}.bin"


def token(number: int) -> dict[str, str | int]:
    """Return what makes an upload of somebody a session; the others have none."""
    return {"X-Session-Token": f"session-{number}"} if number % 2 else {}


def kept(redis: Redis, kind: str = "nonce", *options: str) -> int:
    """Return how many entries of a kind a Redis has."""
    return len(redis.ask(*options, "KEYS", f"hmac-file-server:e:{kind}*").splitlines())


class RedisCase(ServerCase):
    """A server and a Redis."""

    def redis(self, *options: str, certificate: Certificate | None = None) -> Redis:
        """Return a Redis that has not been started, and ends with the test."""
        redis = Redis(self.directory(), options, certificate)
        self.addCleanup(redis.kill9)
        return redis

    def with_redis(
        self,
        redis: Redis,
        more: Mapping[str, object] | None = None,
        sections: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Daemon:
        """Start a server that has this Redis."""
        table = {"redisenabled": True, "redisaddr": f"127.0.0.1:{redis.port}", **(more or {})}
        return self.start({"redis": table, **(sections or {})})

    def health(self, daemon: Daemon) -> dict[str, Any]:
        """Return what the server tells of itself."""
        with Connection(daemon.port) as connection:
            answer = connection.request("GET", "/health", {"Accept": "application/json"})
        self.assertEqual(200, answer.status)
        document: dict[str, Any] = json.loads(answer.body)
        return document

    def part(self, daemon: Daemon, name: str) -> str:
        """Return the status of a part of the server."""
        status: str = self.health(daemon)["parts"][name]["status"]
        return status

    def is_well(self, daemon: Daemon) -> bool:
        """Tell whether all is as it should be."""
        return bool(self.health(daemon)["status"] == "ok")

    def put(self, daemon: Daemon, url: str, data: bytes) -> int:
        """Upload, and return the status."""
        with Connection(daemon.port) as connection:
            return connection.put(url, data).status


class FaultTests(RedisCase):
    """
    What befalls Redis during many uploads at once.

    Half of them have signatures that count once; the other half are sessions of one uploader,
    whose day is counted, and lose their connections meanwhile.
    """

    def under_way(self, daemon: Daemon, urls: Sequence[str]) -> list[Connection]:
        """Begin all uploads; return when half of each has come."""
        connections = []
        for number, url in enumerate(urls):
            connection = self.connect(daemon)
            connection.begin("PUT", url, {"Content-Length": SIZE, **token(number)})
            connection.send(noise(SIZE, number)[:HALF])
            connections.append(connection)
        sessions = daemon.storage / INTERNAL_DIRECTORY / "sessions"

        def all_there() -> bool:
            begun = [journal.with_suffix("") for journal in sessions.glob("*.journal")]
            # What a connection brought that is lost is only there if it was read before.
            return len(daemon.stages()) + len(begun) == UPLOADS and all(
                piece.stat().st_size == HALF for piece in begun
            )

        eventually("all uploads to be under way", all_there)
        return connections

    def resumed(self, daemon: Daemon, url: str, number: int) -> Connection:
        """Take a session up again where it was left; return the connection that brings the rest."""
        connection = self.connect(daemon)
        known = connection.request("HEAD", url, token(number))
        self.assertEqual(str(HALF), known.headers.get("upload-offset"), known)
        part = f"bytes {HALF}-{SIZE - 1}/{SIZE}"
        headers = {"Content-Range": part, "Content-Length": SIZE - HALF, **token(number)}
        connection.begin("PUT", url, headers)
        return connection

    def upload_during(self, daemon: Daemon, fault: Callable[[], None]) -> list[str]:
        """
        Upload, with a fault in the middle.

        Fails unless all succeed, all bytes are there and all are counted.

        :return: the URLs that count once.
        """
        urls = [
            daemon.target(owned(number), SIZE) if token(number) else target(number)
            for number in range(UPLOADS)
        ]
        connections = self.under_way(daemon, urls)
        for number, url in enumerate(urls):
            if number == UPLOADS // 3:
                fault()
            if token(number):
                connections[number].reset()
                connections[number] = self.resumed(daemon, url, number)
            connections[number].send(noise(SIZE, number)[HALF:])
        statuses = [connection.answer("PUT").status for connection in connections]
        self.assertEqual([201] * UPLOADS, statuses)
        stored = [path.read_bytes() for path in daemon.stored().values()]
        wanted = [noise(SIZE, number) for number in range(UPLOADS)]
        self.assertTrue(sorted(wanted) == sorted(stored), "files are missing, or are not whole")
        self.assert_counted(daemon)
        return urls[::2]

    def assert_counted(self, daemon: Daemon) -> None:
        """Fail unless the uploader has used the day to the last byte."""
        self.assertEqual(429, self.put(daemon, daemon.target(owned(UPLOADS), 1), b"x"))

    def assert_adds_up(self, redis: Redis) -> None:
        """Fail unless Redis has every signature, and every upload of the day counts once."""
        self.assertEqual(UPLOADS // 2, kept(redis))
        self.assertEqual(UPLOADS // 2, kept(redis, "upload"))
        self.assertEqual(UPLOADS // 2, int(redis.ask("ZCARD", "hmac-file-server:deltas")))
        counter = redis.ask("KEYS", "hmac-file-server:c:sent:*")
        self.assertEqual(UPLOADS // 2 * SIZE, int(redis.ask("HGET", counter, "t")))

    def is_spent(self, daemon: Daemon, url: str) -> bool:
        """Tell whether a signature counts no more for other bytes, whatever name they have."""
        with Connection(daemon.port) as connection:
            answer = connection.put(url, noise(SIZE, "other"))
        return answer.status == 409 and b"the signature was used before" in answer.body

    def assert_spent(self, daemon: Daemon, urls: list[str]) -> None:
        """Fail unless each signature counts no more, but for the same bytes."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            self.assertTrue(all(pool.map(lambda url: self.is_spent(daemon, url), urls)))
            same = pool.map(
                lambda pair: self.put(daemon, pair[1], noise(SIZE, 2 * pair[0])), enumerate(urls)
            )
            self.assertEqual({200, 201} | set(same), {200, 201})

    def assert_back(self, daemon: Daemon) -> None:
        """Fail unless Redis answers again within five seconds."""
        eventually("Redis to answer again", lambda: self.is_well(daemon), 5)

    def begin(self) -> tuple[Redis, Daemon]:
        """Start a Redis, and a server whose one uploader may send so many files a day."""
        redis = self.redis()
        redis.start()
        self.metrics = free_port()
        daemon = self.with_redis(
            redis,
            sections={
                "server": {"metrics_port": str(self.metrics)},
                "workers": {"uploadqueuesize": UPLOADS},
                "quotas": {"enabled": True, "daily": UPLOADS // 2 * SIZE},
            },
        )
        self.assert_back(daemon)
        return redis, daemon

    def assert_metrics(self, redis: int) -> None:
        """Fail unless the metrics tell who answers, and that Redis did not always."""
        metrics = ask(self.metrics, "GET", "/metrics").body.decode()
        for store, active in (("redis", redis), ("fallback", 1 - redis)):
            sample = f'hmac_file_server_store_active{{store="{store}"}} {active}.0'
            self.assertIn(sample, metrics.splitlines())
        counted = r'hmac_file_server_store_failures_total\{kind="failed",store="redis"\} [1-9]'
        self.assertRegex(metrics, counted)

    def test_killed(self) -> None:
        """Redis is killed, and comes back with nothing in it: nothing fails, nothing is lost."""
        redis, daemon = self.begin()
        urls = self.upload_during(daemon, redis.kill9)
        self.assertEqual("degraded", self.part(daemon, "redis"))
        self.assert_metrics(redis=0)
        self.assert_spent(daemon, urls)
        redis.start()
        self.assert_back(daemon)
        self.assert_metrics(redis=1)
        self.assert_adds_up(redis)
        self.assert_spent(daemon, urls)
        self.assert_counted(daemon)

    def test_hangs(self) -> None:
        """Redis hangs, and goes on later: nothing fails, nothing is lost."""
        redis, daemon = self.begin()
        urls = self.upload_during(daemon, redis.freeze)
        self.assertEqual("degraded", self.part(daemon, "redis"))
        redis.thaw()
        self.assert_back(daemon)
        self.assert_adds_up(redis)
        self.assert_spent(daemon, urls)
        self.assert_counted(daemon)

    def test_restarted(self) -> None:
        """Redis is restarted on the spot and has forgotten everything: the server has not."""
        redis, daemon = self.begin()
        urls = self.upload_during(daemon, redis.restart)
        self.assert_back(daemon)
        self.assert_adds_up(redis)
        self.assert_spent(daemon, urls)
        self.assert_counted(daemon)

    def test_soon(self) -> None:
        """The first upload that meets a Redis that hangs takes a second more, the next none."""
        redis, daemon = self.begin()
        redis.freeze()
        self.addCleanup(redis.thaw)
        for number, limit in ((0, 1.0 + SLACK), (1, SLACK)):
            began = time.monotonic()
            self.assertEqual(201, self.put(daemon, target(number), noise(SIZE, number)))
            self.assertLess(time.monotonic() - began, limit)

    def test_server_restarted(self) -> None:
        """What is remembered outlives the server, also one that is killed without Redis."""
        redis = self.redis()
        redis.start()
        daemon = self.with_redis(redis)
        url = target(0)
        self.assertEqual(201, self.put(daemon, url, noise(SIZE, 0)))
        redis.kill9()
        daemon.kill9()
        daemon.start()
        self.assertTrue(self.is_spent(daemon, url))
        redis.start()
        self.assert_back(daemon)
        self.assertTrue(self.is_spent(daemon, url))
        self.assertEqual(1, kept(redis))

    def test_older(self) -> None:
        """Redis is emptied, or comes back as it was some time ago: the server fills it again."""
        redis = self.redis()
        redis.start()
        daemon = self.with_redis(redis)
        urls = [target(number) for number in range(2)]
        self.assertEqual(201, self.put(daemon, urls[0], noise(SIZE, 0)))
        redis.ask("SAVE")
        self.assertEqual(201, self.put(daemon, urls[1], noise(SIZE, 1)))
        redis.restart()
        self.assertEqual(1, kept(redis))
        for url in urls:
            self.assertTrue(self.is_spent(daemon, url))
        self.assert_back(daemon)
        redis.ask("FLUSHALL")
        for url in urls:
            self.assertTrue(self.is_spent(daemon, url))
        self.assert_back(daemon)
        self.assertEqual(2, kept(redis))

    def test_two_servers(self) -> None:
        """What one server has let in, the other does not."""
        redis = self.redis()
        redis.start()
        first, second = self.with_redis(redis), self.with_redis(redis)
        apart = self.with_redis(redis, {"key_prefix": "apart:"})
        url = target(0)
        self.assertEqual(201, self.put(first, url, noise(SIZE, 0)))
        self.assertEqual(409, self.put(second, url, noise(SIZE, "other")))
        self.assertEqual(201, self.put(apart, url, noise(SIZE, "other")))

    def test_idle(self) -> None:
        """A Redis that nobody asks is looked after, and missed before anybody needs it."""
        redis = self.redis()
        redis.start()
        daemon = self.with_redis(redis, {"redishealthcheckinterval": "1s"})
        self.assert_back(daemon)
        redis.kill9()
        eventually("Redis to be missed", lambda: not self.is_well(daemon), 5)
        self.assertEqual("degraded", self.part(daemon, "redis"))

    def test_every_key_ends(self) -> None:
        """Every key in Redis ends, but for the two lists of keys and the mark of its memory."""
        redis, daemon = self.begin()
        self.assertEqual(201, self.put(daemon, target(0), noise(SIZE, 0)))
        with Connection(daemon.port) as connection:
            url = daemon.target(owned(1), SIZE)
            answer = connection.put(url, noise(SIZE, 1), headers=token(1))
        self.assertEqual(201, answer.status)
        endless: set[str] = set()
        ends: dict[str, int] = {}
        for key in redis.ask("KEYS", "*").splitlines():
            self.assertTrue(key.startswith("hmac-file-server:"), key)
        script = "local r={} for _,k in ipairs(redis.call('KEYS','*')) do "
        script += "r[#r+1]=redis.call('TTL',k)..' '..k end return r"
        for line in redis.ask("EVAL", script, "0").splitlines():
            seconds, _, key = line.partition(" ")
            if seconds == "-1":
                endless.add(key.removeprefix("hmac-file-server:"))
            else:
                kind = re.match(r"hmac-file-server:(\w:\w+)", key)
                assert kind is not None
                ends[kind[1]] = int(seconds)
        self.assertEqual({"entries", "deltas", "memory"}, endless)
        # In hours, with one more for clocks that differ.
        most = {"e:nonce": 2, "c:sent": 25, "e:host": 1.1, "e:upload": 74}
        self.assertEqual(most.keys(), ends.keys())
        for what, left in ends.items():
            self.assertTrue(0 < left <= most[what] * 3600, (what, left))


class StartTests(RedisCase):
    """A server that starts beside a Redis that is not as it should be."""

    def assert_refused(self, redis: Redis, more: Mapping[str, object], sentence: str) -> None:
        """Fail unless the server ends at once with exit code 1 and a sentence."""
        with self.assertRaises(DidNotStart) as caught:
            self.with_redis(redis, more)
        told = str(caught.exception)
        self.assertIn("exit code 1", told)
        self.assertIn(sentence, told)
        self.assertNotIn(PASSWORD, told)

    def test_away(self) -> None:
        """A Redis that is away is waited for, and the server works meanwhile."""
        redis = self.redis()
        daemon = self.with_redis(redis)
        self.assertEqual("degraded", self.health(daemon)["status"])
        self.assertEqual(201, self.put(daemon, target(0), noise(SIZE, 0)))
        redis.start()
        eventually("Redis to be found", lambda: self.is_well(daemon), 5)
        self.assertEqual(1, kept(redis))

    def test_password(self) -> None:
        """A wrong password, or none, is told, and the server does not start."""
        redis = self.redis("--requirepass", PASSWORD)
        redis.start()
        self.assert_refused(redis, {"redispassword": PASSWORD + "!"}, "the user or the password")
        self.assert_refused(redis, {}, "wants a password")
        daemon = self.with_redis(redis, {"redispassword": PASSWORD})
        eventually("Redis to answer", lambda: self.is_well(daemon), 5)

    def test_tried(self) -> None:
        """What is tried on request says of a real Redis what is wrong with it."""
        redis = self.redis("--requirepass", PASSWORD)
        redis.start()
        address = f"127.0.0.1:{redis.port}"
        table = {"redisenabled": True, "redisaddr": address, "redispassword": PASSWORD}
        daemon = self.unstarted({"redis": table})
        right = daemon.config.read_text(encoding="utf-8")

        def tried(**changes: str) -> tuple[int, str]:
            text = right
            for before, after in changes.items():
                text = re.sub(rf"^{before} = .*$", f"{before} = {after}", text, flags=re.MULTILINE)
            daemon.config.write_text(text, encoding="utf-8")
            done = command(daemon, "-check-connectivity")
            self.assertNotIn(PASSWORD, done.stdout + done.stderr)
            return done.returncode, done.stdout

        self.assertEqual((0, f"Redis at 127.0.0.1:{redis.port}: fine, PONG\n"), tried())
        code, told = tried(redispassword='"wrong"')
        self.assertEqual((1, True), (code, "WRONGPASS" in told), told)
        code, told = tried(redisaddr=f'"127.0.0.1:{free_port()}"')
        self.assertEqual((1, True), (code, "refused" in told), told)
        rights = ("+@read", "+@write", "+@scripting", "+@connection")
        ours, mine = f"~{PREFIX}*", ("-a", PASSWORD, "--no-auth-warning")
        for user, *more in (
            ("files", ours, *rights),
            ("reader", ours, "+@read", "+@scripting", "+@connection"),
            ("unscripted", ours, "+@read", "+@write", "+@connection"),
            ("stranger", "~other:*", *rights),
        ):
            redis.ask(*mine, "ACL", "SETUSER", user, "on", f">{PASSWORD}", *more)
            code, told = tried(redispassword=f'"{PASSWORD}"\nuser = "{user}"')
            if user == "files":
                self.assertEqual((0, True), (code, "fine" in told), told)
            else:
                self.assertEqual((1, True), (code, "@scripting" in told), told)
                self.assertIn(f"the prefix is {PREFIX};", told)
        self.assertEqual("", redis.ask(*mine, "KEYS", "*try:*"))
        redis.freeze()
        self.addCleanup(redis.thaw)
        code, told = tried()
        self.assertEqual((1, True), (code, "no answer within 5 seconds" in told), told)

    def test_database(self) -> None:
        """A database that there is not is told, and the server does not start."""
        redis = self.redis()
        redis.start()
        self.assert_refused(redis, {"redisdbindex": 99}, "no database of this number")

    def test_tls(self) -> None:
        """TLS works with a good certificate; with a stranger's the server does not start."""
        good = certificates.make(self.directory())
        redis = self.redis(certificate=good)
        redis.start()
        where = {"redisaddr": f"localhost:{redis.port}", "tls": True}
        stranger = certificates.make(self.directory(), "stranger")
        for ca_file in (str(stranger.certificate), ""):
            self.assert_refused(redis, {**where, "ca_file": ca_file}, "certificate verify failed")
        self.assert_refused(
            redis,
            {"tls": True, "ca_file": str(good.certificate)},
            "does not prove that it is 127.0.0.1",
        )
        daemon = self.with_redis(redis, {**where, "ca_file": str(good.certificate)})
        eventually("Redis to answer", lambda: self.is_well(daemon), 5)

    def test_socket(self) -> None:
        """Redis is reached by its socket, with a user of its own."""
        redis = self.redis()
        redis.start()
        rights = ("+@read", "+@write", "+@scripting", "+@connection")
        redis.ask("ACL", "SETUSER", "files", "on", f">{PASSWORD}", "~hmac-file-server:*", *rights)
        more = {"user": "files", "redispassword": PASSWORD, "socket": str(redis.socket)}
        daemon = self.with_redis(redis, more)
        eventually("Redis to answer", lambda: self.is_well(daemon), 5)
        self.assertEqual(201, self.put(daemon, target(0), noise(SIZE, 0)))


class DatabaseTests(RedisCase):
    """A database server that takes over from Redis."""

    def test_takes_over(self) -> None:
        """Two servers share what they know in the database while Redis is away."""
        place = emptied(MariadbServer).place()
        fallback: dict[str, object] = {
            "enabled": True,
            "type": "mysql",
            "host": place.host,
            "port": place.port,
            "user": place.user,
            "password": place.password,
            "name": place.database,
        }
        redis = self.redis("--requirepass", PASSWORD)
        redis.start()
        wrong = self.with_redis(redis, {"redispassword": "wrong"}, {"fallback": fallback})
        self.assertEqual("degraded", self.part(wrong, "redis"))
        right = {"redispassword": PASSWORD}
        first, second = (self.with_redis(redis, right, {"fallback": fallback}) for _ in range(2))
        before, during = target(0), target(1)
        self.assertEqual(201, self.put(first, before, noise(SIZE, 0)))
        redis.kill9()
        self.assertEqual(409, self.put(second, before, noise(SIZE, "other")))
        self.assertEqual(201, self.put(first, during, noise(SIZE, 1)))
        self.assertEqual(409, self.put(second, during, noise(SIZE, "other")))
        redis.start()
        eventually("Redis to answer again", lambda: self.is_well(first), 5)
        self.assertEqual(2, kept(redis, "nonce", "-a", PASSWORD))

    def test_database_away(self) -> None:
        """A database that is away is missed only when Redis is; it is waited for."""
        database = ill_treated(MariadbServer)
        self.addCleanup(database.revive)
        database.kill9()
        place = database.place()
        fallback = {
            "enabled": True,
            "type": "mysql",
            "host": place.host,
            "port": place.port,
            "user": place.user,
            "password": place.password,
            "name": place.database,
        }
        redis = self.redis()
        redis.start()
        daemon = self.with_redis(redis, {}, {"fallback": fallback})
        self.assertEqual("degraded", self.part(daemon, "fallback"))
        self.assertEqual(201, self.put(daemon, target(0), noise(SIZE, 0)))
        redis.kill9()
        url = target(1)
        with Connection(daemon.port) as connection:
            answer = connection.put(url, noise(SIZE, 1))
        self.assertEqual((503, "5"), (answer.status, answer.headers["retry-after"]))
        database.start()
        eventually("the database to be found", lambda: self.put(daemon, url, noise(SIZE, 1)) == 201)
