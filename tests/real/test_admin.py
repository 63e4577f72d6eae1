"""The interface for administrators of a running server."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any, Final
from urllib.parse import quote

from twisted.trial.unittest import SkipTest

from tests.docs.documents import examples
from tests.ports import free_port
from tests.real.case import MEGABYTE, lasting_directory
from tests.real.client import Answer, Connection, ask
from tests.real.daemon import CHECKOUT, SECRET, eventually
from tests.real.v3_case import JWT_SECRET, SessionCase

TOKEN: Final = "3d0e7c9a51f2486b9c7d08e4f1a2b3c4"
GUESSER: Final = "203.0.113.66"
MANY: Final = 20_000
DATA: Final = b"a photo of the balcony"

Document = dict[str, Any]


@functools.cache
def place() -> pathlib.Path:
    """Return the directory with the token and the audit log."""
    return lasting_directory()


@functools.cache
def ports() -> tuple[int, int]:
    """Return where administrators ask, and where the metrics are."""
    return free_port(), free_port()


class AdminTests(SessionCase):
    """One server for all of them, with the index of a larger one."""

    def setUp(self) -> None:
        self.port, self.metrics = ports()
        self.token_file = place() / "admin-token"
        self.write_token(TOKEN)
        self.daemon = self.together(
            {
                "server": {"metrics_port": str(self.metrics)},
                "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
                "quotas": {"enabled": True, "default": "1GB", "custom": {"juliet": "2GB"}},
                "bans": {"block_after_fails": 5},
                "audit": {"enabled": True, "path": os.fspath(place() / "audit.log")},
                "admin": {
                    "enabled": True,
                    "bind": str(self.port),
                    "auth": {"token_file": os.fspath(self.token_file)},
                },
            }
        )

    def write_token(self, token: str) -> None:
        """Make this the token that the next reload takes."""
        self.token_file.touch(0o600)
        self.token_file.write_text(f"{token}\n", encoding="ascii")

    def reload(self) -> None:
        """Have the configuration read."""
        before = self.daemon.log.count("the configuration was reloaded")
        self.daemon.process.send_signal(signal.SIGHUP)
        eventually(
            "reload", lambda: self.daemon.log.count("the configuration was reloaded") > before
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str = "application/json",
        **headers: str,
    ) -> Answer:
        """Ask as an administrator, unless the headers say otherwise."""
        with Connection(self.port) as connection:
            sent: dict[str, str] = {"Authorization": f"Bearer {TOKEN}", **headers}
            if body is None:
                return connection.request(method, f"/admin/{path}", sent)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            typed = {"Content-Type": kind, "Content-Length": str(len(data))}
            connection.begin(method, f"/admin/{path}", {**sent, **typed})
            connection.send(data)
            return connection.answer(method)

    def told(self, path: str) -> Document:
        """Return the document at a path."""
        answer = self.ask("GET", path)
        self.assert_status(200, answer, path)
        self.assertEqual("application/json", answer.headers["content-type"])
        return dict(json.loads(answer.body))

    def refused(self, status: int, code: str, answer: Answer) -> Document:
        """Return the problem document of a refusal."""
        self.assert_status(status, answer)
        self.assertEqual("application/problem+json", answer.headers["content-type"])
        problem = dict(json.loads(answer.body))
        self.assertTrue(problem["type"].endswith(f":{code}"), problem)
        return problem

    def upload(self, owner: str, name: str, data: bytes = DATA) -> None:
        """Upload as somebody."""
        target = f"/upload/{quote(name)}"
        with Connection(self.daemon.port) as connection:
            bearer = {"Authorization": f"Bearer {self.token(owner)}"}
            answer = connection.put(target, data, "image/png", bearer)
        self.assert_status(201, answer)

    def records(self) -> list[Document]:
        """Return what the audit log has of those that are done."""
        return [json.loads(line) for line in (place() / "audit.log").read_text().splitlines()]

    def command(self, *words: str) -> str:
        """Give a command beside the server, and return what it prints."""
        config = ("-config", os.fspath(self.daemon.config))
        done = subprocess.run(
            [sys.executable, "-m", "hmacfs.cli.main", *words, *config],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def test_closed(self) -> None:
        """Nobody else learns anything, not even what is there; nor is it anywhere else."""
        self.upload("romeo", "closed")
        answers = []
        for path in ("files/closed", "files/never", "nothing", "stats", "config", ""):
            for method in ("GET", "DELETE", "PUT", "OPTIONS"):
                answer = self.ask(method, path, Authorization="Basic cm9tZW86cm9tZW8=")
                self.refused(401, "signature-missing", answer)
                asked = answer.headers["www-authenticate"]
                self.assertEqual('Bearer realm="hmac-file-server administration"', asked)
                answers.append(answer.body)
            answer = self.ask("GET", path, Authorization="Bearer ${ADMIN_TOKEN}")
            self.refused(401, "signature-wrong", answer)
            self.assertIn('error="invalid_token"', answer.headers["www-authenticate"])
        self.assertEqual(1, len(set(answers)))
        # Before the first byte of a body.
        with Connection(self.port) as connection:
            connection.begin("POST", "/admin/bans", {"Content-Length": 10**9})
            answer = connection.answer()
            self.assertTrue(answer.closes)
        for name in answer.headers:
            self.assertFalse(name.startswith("access-control"), name)
        self.assert_comes_back(self.daemon, "/upload/closed", DATA)
        good = {"Authorization": f"Bearer {TOKEN}"}
        self.assert_status(404, ask(self.daemon.port, "GET", "/admin/stats", good))
        self.assert_status(404, ask(self.metrics, "GET", "/admin/stats", good))
        self.assert_status(404, ask(self.port, "GET", "/metrics", good))
        self.assert_status(404, ask(self.port, "GET", "/administrator", good))
        self.assertNotIn(TOKEN, self.daemon.log)
        self.assertIn("GET /admin/files/closed 401", self.daemon.log)

    def test_files(self) -> None:
        """Files are listed page by page and in order, told, and removed as by the command."""
        for number, size in enumerate((30, 10, 20)):
            self.upload("mercutio", f"f/{number} \u00e9", bytes(size))
        mine = "owner=mercutio"

        def names(query: str) -> list[str]:
            return [file["name"] for file in self.told(f"files?{query}")["files"]]

        self.assertEqual(["0 \u00e9", "2 \u00e9", "1 \u00e9"], names(f"{mine}&sort=size"))
        self.assertEqual(["0 \u00e9", "1 \u00e9", "2 \u00e9"], names(f"{mine}&sort=name"))
        self.assertEqual(names(f"{mine}&sort=name")[::-1], names(mine))
        page = self.told(f"files?{mine}&sort=name&page=2&limit=2")
        self.assertEqual(["2 \u00e9"], [file["name"] for file in page["files"]])
        paging = {key: page[key] for key in ("total", "page", "limit", "total_pages")}
        self.assertEqual({"total": 3, "page": 2, "limit": 2, "total_pages": 2}, paging)
        self.assertEqual([], names(f"{mine}&page=3&limit=2"))
        self.assertEqual([], names("owner=nobody"))
        place = "files/f/1%20%C3%A9"
        file = self.told(place)
        self.assertEqual(page["files"][0].keys(), file.keys())
        self.assertEqual(
            ("f/1 \u00e9", 10, "mercutio"), tuple(map(file.get, ("path", "size", "owner")))
        )
        self.assertEqual(hashlib.sha256(bytes(10)).hexdigest(), file["sha256"])
        self.assert_status(200, self.ask("HEAD", place))
        self.assert_status(204, self.ask("DELETE", place))
        self.assert_status(410, ask(self.daemon.port, "GET", "/upload/f/1%20%C3%A9"))
        self.assertIn("taken-down", self.refused(410, "gone", self.ask("GET", place))["detail"])
        self.refused(410, "gone", self.ask("DELETE", place))
        self.refused(404, "not-found", self.ask("DELETE", "files/f/9"))
        self.refused(404, "not-found", self.ask("GET", "files/.hmacfs/index.sqlite"))
        told = [
            r for r in self.records() if r.get("file") == "f/1 \u00e9" and r["event"] == "delete"
        ]
        self.assertEqual([("taken-down", "127.0.0.1")], [(r["reason"], r["client"]) for r in told])
        acts = [r["outcome"] for r in self.records() if r.get("subject") == "f/1 \u00e9"]
        self.assertEqual(["done", "failed"], acts)

    def test_users(self) -> None:
        """Users are told with what they have, and may have; quotas cannot be changed here."""
        for name in ("u/1", "u/2"):
            self.upload("juliet", name)
        listed = {user["jid"]: user for user in self.told("users?limit=100")["users"]}
        juliet = listed["juliet"]
        self.assertEqual((2, 2 * len(DATA)), (juliet["files"], juliet["used_bytes"]))
        shown = self.told("users/juliet")
        self.assertEqual(juliet, {key: shown[key] for key in juliet})
        quota = self.told("users/juliet/quota")
        self.assertEqual((2 * 1024**3, True), (quota["limit_bytes"], quota["custom"]))
        self.assertEqual(
            (2 * len(DATA), None), (quota["sent_today_bytes"], quota["daily_limit_bytes"])
        )
        self.assertEqual(shown["quota"], {key: quota[key] for key in shown["quota"]})
        self.assertEqual(1024**3, self.told("users/benvolio/quota")["limit_bytes"])
        files = self.told("users/juliet/files?sort=name")
        self.assertEqual(["u/1", "u/2"], [file["path"] for file in files["files"]])
        self.refused(404, "not-found", self.ask("GET", "users/benvolio"))
        answer = self.ask("POST", "users/juliet/quota", {"quota": "10GB"})
        self.refused(405, "method-not-allowed", answer)
        self.assertEqual("GET, HEAD", answer.headers["allow"])

    def test_bans(self) -> None:
        """Bans are made, seen by the command, and ended; what is never banned is refused."""
        order = {"address": "198.51.100.7", "duration": "2h", "reason": "fills the disk"}
        made = self.ask("POST", "bans", order)
        self.assert_status(201, made)
        self.assert_status(201, self.ask("POST", "bans", {"address": "198.51.100.128/25"}))
        listed = self.told("bans")
        self.assertTrue(listed["enabled"])
        self.assertIn(json.loads(made.body), listed["bans"])
        lines = self.command("bans", "list", "-json").splitlines()
        commanded = [json.loads(line)["address"] for line in lines]
        self.assertEqual(commanded, [ban["address"] for ban in listed["bans"]])
        banned = {"X-Forwarded-For": "198.51.100.200"}
        eventually("the ban", lambda: ask(self.daemon.port, "GET", "/health", banned).status == 429)
        self.assert_status(204, self.ask("DELETE", "bans/198.51.100.128/25"))
        self.refused(404, "not-found", self.ask("DELETE", "bans/198.51.100.128%2F25"))
        self.refused(404, "not-found", self.ask("DELETE", "bans/romeo"))
        self.assert_status(204, self.ask("DELETE", "bans/198.51.100.7"))
        self.refused(422, "never-banned", self.ask("POST", "bans", {"address": "127.0.0.1"}))
        for wrong in (
            {"address": "romeo"},
            {"address": 5},
            {},
            {**order, "duration": "0s"},
            {**order, "duration": True},
            {**order, "reason": "x" * 201},
            {**order, "until": 5},
            [order],
            b"{",
            b"[" * 2000,
        ):
            self.refused(400, "malformed-request", self.ask("POST", "bans", wrong))
        self.refused(413, "too-large", self.ask("POST", "bans", bytes(5000)))
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            self.refused(415, "type-refused", self.ask("POST", "bans", order, kind=kind))
        acts = {
            (r["action"], r["outcome"]) for r in self.records() if r.get("action", "")[:4] == "bans"
        }
        self.assertLessEqual({("bans add", "done"), ("bans remove", "done")}, acts)

    def test_server(self) -> None:
        """It tells how it is and how it is configured, and no secret."""
        before = self.told("stats")
        self.upload("paris", "s/1")
        self.assert_comes_back(self.daemon, "/upload/s/1", DATA)
        after = self.told("stats")
        for part, name, more in (
            ("storage", "used_bytes", len(DATA)),
            ("storage", "file_count", 1),
            ("storage", "version_count", 0),
            ("users", "total", 1),
            ("users", "active_24h", 1),
            ("users", "active_7d", 1),
            ("requests", "uploads_24h", 1),
            ("requests", "downloads_24h", 1),
            ("requests", "errors_24h", 0),
        ):
            self.assertEqual(before[part][name] + more, after[part][name], name)
        self.assertEqual(
            [True] * 3,
            [after["system"][n] > 0 for n in ("num_cpu", "num_threads", "memory_usage_mb")],
        )
        self.assertEqual("ok", self.told("health")["parts"]["storage"]["status"])
        answer = self.ask("GET", "config")
        for secret in (SECRET, JWT_SECRET, TOKEN):
            self.assertNotIn(secret, answer.body.decode())
        config = json.loads(answer.body)
        self.assertEqual(
            {True}, {config[f"{n}"]["set"] for n in ("security.secret", "admin.auth.token")}
        )
        self.assertEqual("bearer", config["admin.auth.type"]["value"])

    def test_bounds(self) -> None:
        """Questions out of bounds are refused, and so are methods that are not there."""
        for query in (
            "files?page=0",
            "files?page=-1",
            "files?page=1000001",
            "files?page=1e3",
            "files?limit=101",
            "files?limit=0",
            "files?limit=",
            "files?limit=\u0661",
            "files?sort=owner",
            "files?user=romeo",
            "files?owner=a&owner=b",
            "users?sort=name",
            "stats?x",
            "files/a?page=1",
        ):
            answer = self.ask("GET", query.replace("\u0661", "%D9%A1"))
            self.assert_status(400, answer, query)
        self.assertEqual([], self.told("files?page=1000000&limit=100")["files"])
        for method, path, status in (
            ("PUT", "files", 405),
            ("POST", "stats", 405),
            ("DELETE", "users/romeo", 405),
            ("get", "stats", 405),
            ("GET", "files/", 404),
            ("GET", "users//quota", 404),
            ("GET", "stats/", 404),
            ("GET", "/stats", 404),
            ("GET", "dashboard", 404),
        ):
            self.assert_status(status, self.ask(method, path), f"{method} {path}")

    def test_many(self) -> None:
        """However many files there are, a page of them takes little memory."""
        index = self.daemon.storage / ".hmacfs" / "index.sqlite"
        facts = "x" * 1000
        with closing(sqlite3.connect(index)) as connection, connection:
            connection.executemany(
                "INSERT INTO files VALUES (?, ?, zeroblob(32), 'text/plain', ?, 'many', NULL, ?)",
                ((f"m/{n:06}", n, n, f'{{"x": "{facts}"}}') for n in range(MANY)),
            )
        before = self.daemon.peak_memory()
        for sort, first in (("name", 299), ("size", MANY - 300), ("date", MANY - 300)):
            page = self.told(f"users/many/files?sort={sort}&page=300&limit=1")
            self.assertEqual((MANY, first), (page["total"], page["files"][0]["size"]))
        self.assertEqual(MANY, self.told("users/many")["files"])
        self.assertLess(self.daemon.peak_memory() - before, 16 * MEGABYTE)

    def test_guessing(self) -> None:
        """Who guesses is shut out everywhere, by the address that the proxy tells; we are not."""
        seen = {"X-Forwarded-For": f"127.0.0.1, {GUESSER}"}
        for _ in range(5):
            answer = self.ask("GET", "stats", Authorization="Bearer guess", **seen)
            self.refused(401, "signature-wrong", answer)
        self.assert_status(429, self.ask("GET", "stats", **seen))
        self.assert_status(429, ask(self.daemon.port, "GET", "/health", seen))
        eventually("the ban in the list", lambda: GUESSER in self.ask("GET", "bans").body.decode())
        for _ in range(40):
            self.ask("GET", "stats", Authorization="Bearer guess")
        self.told("stats")
        failures = [r for r in self.records() if r.get("client") == GUESSER]
        self.assertEqual({"auth_failure", "banned"}, {record["event"] for record in failures})

    def test_reload(self) -> None:
        """A reload takes another token, and the old one is nobody's any more."""
        self.write_token(TOKEN[::-1])
        self.reload()
        self.refused(401, "signature-wrong", self.ask("GET", "stats"))
        self.assert_status(200, self.ask("GET", "stats", Authorization=f"bearer {TOKEN[::-1]}"))
        self.write_token(TOKEN)
        self.reload()
        self.told("stats")

    def test_document(self) -> None:
        """What docs/operate-admin.rst tells to type works as it stands."""
        if not all(map(shutil.which, ("curl", "openssl"))):
            raise SkipTest("needs curl and openssl")
        for name in ("abc/photo.jpg", "abc/other.jpg"):
            self.upload("romeo@example.org", name)
        self.addCleanup(self.reload)
        self.addCleanup(self.write_token, TOKEN)
        home = self.directory()
        told = {
            "/etc/hmac-file-server/admin-token": os.fspath(self.token_file),
            "-g hmac-file-server ": "",
            "curl": "curl --fail --silent --show-error",
            "127.0.0.1:9091": f"127.0.0.1:{self.port}",
        }
        typed = 0
        for example in examples("sh"):
            if not example.where.startswith("docs/operate-admin.rst"):
                continue
            for each in example.text.splitlines():
                line = each
                for written, real in told.items():
                    line = line.replace(written, real)
                done = subprocess.run(
                    ["sh", "-eu", "-c", line],
                    env={**os.environ, "HOME": os.fspath(home)},
                    capture_output=True,
                    timeout=60,
                    check=False,
                )
                self.assertEqual(0, done.returncode, f"{line}: {done.stderr.decode()}")
                typed += 1
                if "openssl" in line:
                    self.reload()
        self.assertGreater(typed, 15)
        self.assert_status(410, ask(self.daemon.port, "GET", "/upload/abc/photo.jpg"))
