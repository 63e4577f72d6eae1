"""Clients that guess, and clients that send too much: who is shut out, and who is not."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import uuid
from typing import Any, Final
from urllib.parse import quote

from hmacfs.auth import query
from tests.ports import free_port
from tests.real import certificates, namespaces, proxies, ways
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers, NoAnswer, ask
from tests.real.daemon import CHECKOUT, PATIENCE, SECRET, Daemon, eventually
from tests.real.test_redis import RedisCase
from tests.real.v3_case import CHUNK, JWT_SECRET, SessionCase
from tests.real.ways import WAYS, File

GUESSER: Final = "203.0.113.7"
NEIGHBOUR: Final = "203.0.113.8"
SITE: Final = "10.77.9.1"
CLIENT: Final = "10.77.9.9"
DATA: Final = b"hello, who is there?"
WRONG: Final = f"/upload/a/b?v={'0' * 64}"


def seen(client: str, spoofed: str = "") -> Headers:
    """Return what the proxy of the tests says of a client, which may have said more."""
    return {"X-Forwarded-For": f"{spoofed}, {client}" if spoofed else client}


def too_old(number: int) -> str:
    """Return the URL of an upload whose signature was good for an hour, some hours ago."""
    name, unique, then = f"file-{number}.bin", str(uuid.uuid4()), int(time.time()) - 20_000
    mac = hmac.digest(SECRET.encode(), query.message(name, len(DATA), then, unique), "sha256")
    signature = quote(base64.b64encode(mac))
    return f"/upload?filename={name}&timestamp={then}&uploadid={unique}&signature={signature}"


class ProtectionCase(ServerCase):
    """What these tests share; the tests themselves are the proxy that the server trusts."""

    def guess(self, port: int, headers: Headers | None = None) -> int:
        """Upload with a signature that is wrong, and return the status."""
        with Connection(port) as connection:
            return connection.put(WRONG, DATA, headers=headers).status

    def asked(self, daemon: Daemon, client: str) -> int:
        """Return what a client is answered that asks how the server is."""
        return ask(daemon.port, "GET", "/health", seen(client)).status

    def until(self, status: int, daemon: Daemon, client: str) -> None:
        """Wait until it is this."""
        eventually(f"{status} for {client}", lambda: self.asked(daemon, client) == status, 15)

    def command(self, daemon: Daemon, *words: str) -> str:
        """Give a command on the machine of the server, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "hmacfs.cli.main", *words, "-config", os.fspath(daemon.config)],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def listed(self, daemon: Daemon) -> dict[str, Any]:
        """Return the bans that the command shows, by address."""
        lines = self.command(daemon, "bans", "list", "-json").splitlines()
        return {ban["address"]: ban for ban in map(json.loads, lines)}

    def bans_logged(self, daemon: Daemon) -> list[str]:
        """Return who was banned, by the log."""
        return re.findall(r"banned (\S+) for", daemon.log)

    def reload(self, daemon: Daemon, old: str, new: str) -> None:
        """Change the configuration, and have it read."""
        before = daemon.log.count("the configuration was reloaded")
        text = daemon.config.read_text(encoding="utf-8")
        self.assertIn(old, text)
        daemon.config.write_text(text.replace(old, new), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        eventually(
            "the reload", lambda: daemon.log.count("the configuration was reloaded") > before
        )


class BanTests(ProtectionCase):
    """A server that bans after five refusals."""

    def setUp(self) -> None:
        self.metrics = free_port()
        self.audit = self.directory() / "audit.log"
        self.daemon = self.start(
            {
                "server": {"metrics_port": str(self.metrics)},
                "bans": {"block_after_fails": 5, "duration": "2h"},
                "audit": {"enabled": True, "path": os.fspath(self.audit)},
            }
        )

    def test_guesser(self) -> None:
        """Whoever guesses is shut out, whatever it claims, and nobody else, also by its claims."""
        daemon, port = self.daemon, self.daemon.port
        for number in range(5):
            spoofed = seen(GUESSER, f"198.51.100.{number}, {NEIGHBOUR}")
            self.assertEqual(403, self.guess(port, spoofed))
        answer = ask(port, "GET", daemon.place("anything"), seen(GUESSER, "127.0.0.1"))
        self.assert_status(429, answer)
        self.assertTrue(7190 <= int(answer.headers["retry-after"]) <= 7200)
        self.assertTrue(answer.closes)
        # Before any byte of a body.
        connection = self.connect(daemon)
        length: Headers = {"Content-Length": 100 * MEGABYTE, "Expect": "100-continue"}
        connection.begin("PUT", WRONG, {**length, **seen(GUESSER)})
        self.assert_status(429, connection.answer())
        for client in (NEIGHBOUR, "198.51.100.1", "127.0.0.1"):
            self.assertEqual(200, self.asked(daemon, client), client)
        for _ in range(40):
            self.assertEqual(429, self.guess(port, seen(GUESSER)))
        self.assertEqual([GUESSER], self.bans_logged(daemon))
        self.assertLess(daemon.log.count(GUESSER), 10)
        page = ask(self.metrics, "GET", "/metrics").body.decode()
        self.assertIn("\nhmac_file_server_bans_total 1.0\n", page)
        records = [json.loads(line) for line in self.audit.read_text().splitlines()]
        banned = [record for record in records if record["event"] == "banned"]
        self.assertEqual([(GUESSER, 7200)], [(one["banned"], one["seconds"]) for one in banned])
        self.assertLess(sum(record.get("client") == GUESSER for record in records), 10)

    def test_honest(self) -> None:
        """What is missing, too old or wrong bans nobody, nor do our own machine and its proxies."""
        daemon, port = self.daemon, self.daemon.port
        for number in range(12):
            with Connection(port) as connection:
                old = connection.put(too_old(number), DATA, headers=seen(GUESSER))
            self.assertEqual(403, old.status)
            self.assertIn(b"expired", old.body)
        with Connection(port) as connection:
            for number in range(12):
                target = daemon.place(f"missing/{number}")
                self.assertEqual(404, connection.request("GET", target, seen(GUESSER)).status)
                answer = connection.request("GET", "/api/v3/files/x/versions", seen(GUESSER))
                self.assertIn(answer.status, (401, 404))
                bad = connection.request("PATCH", "/health", seen(GUESSER))
                self.assertIn(bad.status, (404, 405))
        for _ in range(12):
            self.assertEqual(403, self.guess(port))
        self.assertEqual(200, self.asked(daemon, GUESSER))
        self.assertEqual(200, self.asked(daemon, "127.0.0.1"))
        self.assertEqual([], self.bans_logged(daemon))

    def test_lasting(self) -> None:
        """Bans outlive a kill; commands change them under the server; a reload forgets nothing."""
        daemon, port = self.daemon, self.daemon.port
        for _ in range(5):
            self.guess(port, seen(GUESSER))
        ban = eventually("the ban to be kept", lambda: self.listed(daemon).get(GUESSER), 10)
        self.assertEqual("5 refused requests within 10m, the last signature-wrong", ban["reason"])
        self.assertEqual(7200, round(ban["until"] - ban["since"]))
        self.assertEqual(403, self.guess(port, seen(NEIGHBOUR)))
        self.reload(daemon, "block_after_fails = 5", "block_after_fails = 2")
        self.assertEqual(429, self.asked(daemon, GUESSER))
        self.assertEqual(403, self.guess(port, seen(NEIGHBOUR)))
        self.assertEqual(429, self.guess(port, seen(NEIGHBOUR)))
        daemon.kill9()
        daemon.start()
        self.assertEqual(429, self.asked(daemon, GUESSER))
        self.command(daemon, "bans", "remove", GUESSER)
        reason = "fills\x1b[2J the disk"
        self.command(daemon, "bans", "add", "2001:db8::1", "-for", "1h", "-reason", reason)
        self.until(429, daemon, "2001:db8::ffff")
        self.assertEqual(200, self.asked(daemon, GUESSER))
        told = self.command(daemon, "bans", "list")
        self.assertIn("2001:db8::/64", told)
        self.assertIn(r"fills\x1b[2J the disk", told)
        self.assertNotIn(GUESSER, told)


class StrangerTests(ProtectionCase):
    """A server on a machine of its own, and a client at the other end of a cable."""

    def setUp(self) -> None:
        self.machine, self.client = machines = namespaces.two_machines()
        self.addCleanup(namespaces.remove, *machines)
        self.machine.ip(
            f"address add {SITE}/24 dev cable", "address add 2001:db8:9::1/64 dev cable nodad"
        )
        self.client.ip(f"address add {CLIENT}/24 dev cable")
        port = free_port()
        with self.machine.entered():
            self.daemon = self.start(
                {
                    "server": {"listen_address": str(port), "metrics_enabled": False},
                    "bans": {"block_after_fails": 5},
                },
                port=port,
            )

    def ask_there(self, number: int, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Guess at the other end, and claim to be somebody else each time."""
        claims = {**seen(f"198.51.100.{number}"), "Forwarded": f"for=198.51.100.{number}"}
        with self.client.entered(), Connection(port, tls=tls, host=SITE) as connection:
            return connection.put(WRONG, DATA, headers=claims).status

    def assert_banned_alone(self) -> None:
        """Fail unless the client is banned and nobody else."""
        with self.machine.entered():
            self.assertEqual(200, self.asked(self.daemon, "198.51.100.1"))
            self.assertEqual(429, self.asked(self.daemon, CLIENT))
        self.assertEqual([CLIENT], self.bans_logged(self.daemon))

    def test_direct(self) -> None:
        """A stranger that claims to be others is banned itself, and is not even heard at last."""
        port = self.daemon.port
        with self.machine.entered():
            for _ in range(8):
                # Our own addresses, by themselves and as a proxy of ours tells them.
                with Connection(port, host=SITE) as connection:
                    self.assertEqual(403, connection.put(WRONG, DATA).status)
                self.assertEqual(403, self.guess(port, seen(SITE)))
                self.assertEqual(403, self.guess(port, seen("2001:db8:9::1")))
        self.assertEqual([], self.bans_logged(self.daemon))
        statuses = [self.ask_there(number, port) for number in range(25)]
        self.assertEqual([403] * 5 + [429] * 20, statuses)
        self.assertRaises((NoAnswer, ConnectionError), self.ask_there, 1, port)
        self.assert_banned_alone()

    def test_nginx(self) -> None:
        """Behind nginx, as its example says, it is the same."""
        certificate = certificates.make(self.directory())
        place = self.directory()
        proxy = proxies.nginx(place, self.daemon.port, certificate)
        self.addCleanup(proxy.stop)
        site = (place / "site.conf").read_text(encoding="utf-8")
        outside = site.replace(f" 127.0.0.1:{proxy.port} ", f" {SITE}:{proxy.port} ")
        self.assertNotEqual(site, outside)
        (place / "site.conf").write_text(outside, encoding="utf-8")
        with self.machine.entered():
            proxy.start()
        statuses = [self.ask_there(n, proxy.port, certificate.trusting()) for n in range(30)]
        self.assertEqual([403] * 5 + [429] * 25, statuses)
        self.assert_banned_alone()


class RateTests(SessionCase, ProtectionCase):
    """A server that takes three uploads at once, and then one a minute."""

    def limited(self, **more: object) -> Daemon:
        """Start it."""
        return self.start(
            {
                "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
                "uploads": {"chunk_size": CHUNK},
                "rate_limit": {"enabled": True, "requests_per_minute": 1, "burst_size": 3, **more},
            }
        )

    def put(self, daemon: Daemon, name: str, client: str, **headers: str) -> Answer:
        """Upload."""
        with Connection(daemon.port) as connection:
            target = daemon.target(name, len(DATA))
            return connection.put(target, DATA, headers={**seen(client), **headers})

    def test_uploads(self) -> None:
        """One too many is told when to come again, and others are not told so; no download is."""
        daemon = self.limited(whitelisted_ips=["198.51.100.0/24"], whitelisted_jids=["a" * 40])
        for number in range(3):
            self.assert_status(201, self.put(daemon, f"x/{number}", GUESSER))
        accept = {"Accept": "application/problem+json"}
        refused = self.put(daemon, "x/3", GUESSER, **accept)
        self.assert_status(429, refused)
        wait = int(refused.headers["retry-after"])
        self.assertTrue(50 <= wait <= 60)
        self.assertEqual('"uploads";q=1;w=60', refused.headers["ratelimit-policy"])
        self.assertEqual(f'"uploads";r=0;t={wait}', refused.headers["ratelimit"])
        self.assertTrue(json.loads(refused.body)["type"].endswith(":rate-limited"))
        for number in range(5):
            get = ask(daemon.port, "GET", daemon.place("x/0"), seen(GUESSER))
            self.assert_status(200, get)
            self.assert_status(201, self.put(daemon, f"y/{number}", "198.51.100.9"))
            self.assertEqual(403, self.guess(daemon.port, seen(NEIGHBOUR)))
        self.assert_status(201, self.put(daemon, "x/4", NEIGHBOUR))
        # An uploader that changes its address, and one that is free.
        owner = "b" * 40
        statuses = [
            self.put(daemon, f"{owner}/{number}", f"192.0.2.{number}").status for number in range(4)
        ]
        self.assertEqual([201, 201, 201, 429], statuses)
        self.assert_status(201, self.put(daemon, f"{'a' * 40}/0", "192.0.2.200"))
        self.reload(daemon, "burst_size = 3", "burst_size = 5")
        again = [self.put(daemon, f"z/{number}", GUESSER).status for number in range(3)]
        self.assertEqual([201, 201, 429], again)

    def test_sessions(self) -> None:
        """However many chunks a session has, and however often it is taken up, it counts once."""
        daemon = self.limited()
        data = noise(5 * CHUNK)
        session = self.create(daemon, data)
        for index in range(5):
            answer = self.put_chunk(daemon, session, index, data)
            self.assertIn(answer.status, (200, 201), repr(answer.body))
        token = {"X-Session-Token": "a-token-of-mine"}
        half = len(data) // 2
        target = daemon.target("whole", len(data))
        for first, last in ((0, half), (half, half + 9), (half + 9, len(data))):
            piece = data[first:last]
            span = {"Content-Range": f"bytes {first}-{last - 1}/{len(data)}"}
            with Connection(daemon.port) as connection:
                answer = connection.put(target, piece, headers={**token, **span})
            self.assertIn(answer.status, (201, 202), repr(answer.body))
        bearer = {"Authorization": f"Bearer {self.token('juliet')}", "Tus-Resumable": "1.0.0"}
        with Connection(daemon.port) as connection:
            made = connection.request(
                "POST", "/files", {**bearer, "Upload-Length": 50, "Content-Length": 0}
            )
            self.assert_status(201, made)
            place = "/files/" + made.headers["location"].rpartition("/")[2]
            for offset in range(0, 50, 10):
                connection.begin(
                    "PATCH",
                    place,
                    {
                        **bearer,
                        "Upload-Offset": offset,
                        "Content-Type": "application/offset+octet-stream",
                        "Content-Length": 10,
                    },
                )
                connection.send(b"x" * 10)
                self.assert_status(204, connection.answer())
            more = connection.request(
                "POST", "/files", {**bearer, "Upload-Length": 50, "Content-Length": 0}
            )
        # These were three uploads of one address.
        self.assert_status(429, more)


class WayTests(ProtectionCase):
    """A server that takes as many uploads as there are ways, and one more."""

    def test_every_way(self) -> None:
        """An upload counts once on every way, in two parts at once twice; then each is refused."""
        limits = {"enabled": True, "requests_per_minute": 1, "by_jid": False}
        many = {"rate_limit": {**limits, "burst_size": len(WAYS) + 1}}
        daemon = self.start({**ways.SECTIONS, **many})
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way), DATA))
            self.assertIn(answer.status, (200, 201, 204), f"{way}: {answer.body!r}")
        before = set(daemon.stored())
        for way, upload in WAYS.items():
            answer = upload(daemon, File(ways.name_of(way, ".more"), DATA))
            self.assertEqual(429, answer.status, f"{way}: {answer.body!r}")
            self.assertIn("ratelimit", answer.headers, way)
        self.assertEqual(before, set(daemon.stored()))
        self.assertEqual([], daemon.stages())


class SharedTests(RedisCase, ProtectionCase):
    """Two servers that share a Redis."""

    def test_shared(self) -> None:
        """What one bans and counts the other knows, and both go on when Redis is killed."""
        redis = self.redis()
        redis.start()
        sections = {
            "bans": {"block_after_fails": 5},
            "rate_limit": {"enabled": True, "requests_per_minute": 1, "burst_size": 4},
        }
        one, two = (self.with_redis(redis, sections=sections) for _ in range(2))
        eventually("Redis", lambda: self.is_well(one) and self.is_well(two), 10)
        for _ in range(5):
            self.guess(one.port, seen(GUESSER))
        self.until(429, two, GUESSER)
        self.command(two, "bans", "add", "192.0.2.0/24")
        self.until(429, one, "192.0.2.99")
        self.assertEqual({GUESSER, "192.0.2.0/24"}, set(self.listed(one)))
        statuses = [self.upload(daemon, n) for n in range(3) for daemon in (one, two)]
        self.assertEqual([201] * 4 + [429] * 2, statuses)
        redis.kill9()
        began = time.monotonic()
        # Each knows what it has counted itself: of the last that came, only one does.
        self.upload(one, 8)
        self.assertEqual([429, 429], [self.upload(daemon, 9) for daemon in (one, two)])
        self.assertLess(time.monotonic() - began, 10)
        for daemon in (one, two):
            self.assertEqual(429, self.asked(daemon, GUESSER))
        for _ in range(5):
            self.guess(one.port, seen(NEIGHBOUR))
        self.assertEqual(429, self.asked(one, NEIGHBOUR))
        self.command(one, "bans", "remove", GUESSER)
        self.until(200, one, GUESSER)
        redis.start()
        self.until(429, two, NEIGHBOUR)
        self.until(200, two, GUESSER)

    def upload(self, daemon: Daemon, number: int) -> int:
        """Upload as the neighbour, and return the status."""
        with Connection(daemon.port) as connection:
            target = daemon.target(f"n/{number}", KILOBYTE)
            return connection.put(target, noise(KILOBYTE), headers=seen("198.51.100.7")).status
