"""The audit log: what a server and the commands beside it record, whatever happens to them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
from typing import Any, Final

import jwt

from hmacfs.observe.chain_check import checked
from tests.ports import free_port
from tests.real.case import KILOBYTE, ServerCase, command
from tests.real.client import Connection, Headers, NoAnswer, ask, put
from tests.real.daemon import CHECKOUT, PATIENCE, PAUSE, SECRET, Daemon, eventually
from tests.real.test_monitoring import program

TOKEN_SECRET: Final = "a secret of tokens, which is only for these tests"
DATA: Final = b"hello, who is there?"
LONG: Final = "x" * 3900


class AuditCase(ServerCase):
    """A server with an audit log."""

    def begin(self, place: pathlib.Path | None = None, metrics: int = 0, **audit: object) -> Daemon:
        """Start it."""
        place = place or self.directory()
        self.audit = place / "audit.log"
        server: dict[str, object] = {"metrics_enabled": bool(metrics)}
        if metrics:
            server["metrics_port"] = metrics
        return self.start(
            {
                "server": server,
                "audit": {"enabled": True, "path": os.fspath(self.audit), **audit},
                "security": {
                    "enablejwt": True,
                    "jwtsecret": TOKEN_SECRET,
                    "jwt_audience": ["tests"],
                },
                "quotas": {"enabled": True, "policy": "drop_oldest", "default": 2 * len(DATA)},
            }
        )

    def records(self) -> list[dict[str, Any]]:
        """Read the file that is written."""
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def until(self, action: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many records tell an action, and return all."""

        def told() -> list[dict[str, Any]] | None:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                records = self.records()
                if sum(record.get("action") == action for record in records) >= count:
                    return records
            return None

        return eventually(f"a record of {action}", told)

    def command(self, daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command on the machine of the server."""
        return command(daemon, *words)

    def bearer(self, scope: str) -> Headers:
        """Make a token of alice."""
        claims = {
            "sub": "alice",
            "scope": scope,
            "exp": time.time() + 3600,
            "iss": "hmac-file-server",
        }
        token = jwt.encode({**claims, "aud": "tests"}, TOKEN_SECRET, "HS256")
        self.tokens.append(token)
        return {"Authorization": f"Bearer {token}"}

    def setUp(self) -> None:
        self.tokens: list[str] = []


class RecordTests(AuditCase):
    """What is recorded."""

    def test_a_day(self) -> None:
        """Who did what is there in its order, with no secret; the commands beside it join in."""
        daemon = self.begin()
        target = daemon.target("a/b.txt", len(DATA))
        self.assert_status(201, put(daemon.port, target, DATA))
        self.assert_status(201, put(daemon.port, target, DATA))
        self.assert_status(200, ask(daemon.port, "GET", daemon.place("a/b.txt") + "?session=no"))
        self.assert_status(403, put(daemon.port, target[:-1] + "x", DATA))
        self.assert_status(404, ask(daemon.port, "GET", "/nothing"))
        self.assert_status(400, put(daemon.port, daemon.target(".hmacfs/b", len(DATA)), DATA))
        uploading, deleting = self.bearer("upload"), self.bearer("upload delete")
        for name in "dec":
            with self.connect(daemon) as connection:
                answer = connection.put(f"/upload/{name}", DATA, headers=uploading)
            self.assert_status(201, answer)
        with self.connect(daemon) as connection:
            self.assert_status(403, connection.request("DELETE", "/upload/c", uploading))
        with self.connect(daemon) as connection:
            self.assert_status(204, connection.request("DELETE", "/upload/c", deleting))
        done = self.command(daemon, "rm", "a/b.txt")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        daemon.process.send_signal(signal.SIGHUP)
        self.until("reload")
        daemon.config.write_text("nonsense", encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        self.until("reload", 2)
        self.assertEqual(0, daemon.stop())
        records = self.records()
        told = [
            (record["event"], record.get("outcome"), record.get("reason") or record.get("action"))
            for record in records
            if record["event"] != "auth_success"
        ]
        self.assertEqual(
            [
                ("audit", None, "begin"),
                ("admin_action", "done", "start"),
                ("upload", "stored", None),
                ("upload", "repeated", None),
                ("download", "sent", None),
                ("auth_failure", "refused", "signature-wrong"),
                ("download", "refused", "not-found"),
                ("validation_failure", "refused", "name-refused"),
                ("upload", "stored", None),
                ("upload", "stored", None),
                ("delete", "deleted", "quota"),
                ("upload", "stored", None),
                ("auth_failure", "refused", "scope-missing"),
                ("delete", "deleted", "deleted"),
                ("delete", "deleted", "taken-down"),
                ("admin_action", "done", "rm"),
                ("admin_action", "done", "reload"),
                ("admin_action", "failed", "reload"),
                ("admin_action", "done", "stop"),
            ],
            told,
        )
        by = {record.get("by") for record in records if record.get("scheme") == "jwt"}
        self.assertEqual({"alice"}, by)
        deleted = next(record for record in records if record.get("reason") == "deleted")
        self.assertEqual(
            ("c", "alice", len(DATA)), tuple(map(deleted.get, ("file", "owner", "size")))
        )
        self.assertEqual("127.0.0.1", deleted["client"])
        for record in records:
            self.assertRegex(record["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
        text = self.audit.read_text().lower()
        for secret in (SECRET, TOKEN_SECRET, *daemon.macs, *self.tokens, "?", "session=no"):
            self.assertNotIn(secret.lower(), text)
        self.assertEqual(0o600, self.audit.stat().st_mode & 0o777)
        verified = self.command(daemon, "audit", "verify", "-file", os.fspath(self.audit))
        self.assertEqual((0, ""), (verified.returncode, verified.stderr))
        self.assertIn(f"{len(records)} records in 1 files are whole", verified.stdout)

    def test_chosen(self) -> None:
        """Only the events that are chosen are recorded; a reload may choose others."""
        daemon = self.begin(events=["download"], format="text")
        ask(daemon.port, "GET", "/nothing")
        text = daemon.config.read_text(encoding="utf-8")
        daemon.config.write_text(text.replace('"download"', '"admin_action"'), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        eventually("the log", self.audit.exists)
        eventually("the reload", lambda: "reload" in self.audit.read_text())
        ask(daemon.port, "GET", "/nothing")
        self.assertEqual(0, daemon.stop())
        events = [line.split()[2] for line in self.audit.read_text().splitlines()]
        self.assertEqual(["audit", "download", "admin_action", "admin_action"], events)
        self.assertIn(" uri=/nothing reason=not-found hash=", self.audit.read_text())
        self.assertEqual(4, checked(self.audit).records)

    def test_standard_output(self) -> None:
        """On standard output it can be taken out of what else is there, and verified."""
        daemon = self.begin(output="stdout")
        ask(daemon.port, "GET", "/nothing")
        self.assertEqual(0, daemon.stop())
        lines = re.findall(r'^\{"seq":.*$', daemon.log, re.MULTILINE)
        self.assertEqual(4, len(lines))
        self.audit.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.assertEqual((4, []), (checked(self.audit).records, checked(self.audit).notes))


class PackageTests(AuditCase):
    """The rules of logrotate in the package."""

    def test_left_alone(self) -> None:
        """They move logs, and not the audit log, which keeps itself as long as it is told to."""
        logrotate = program("logrotate")
        place = self.directory()
        directories = (place / "hmac-file-server", place / "hmac-file-server-two")
        for directory in directories:
            directory.mkdir()
            for name in ("audit.log", "audit-2026-01-31T12-30-15.250.log", "server.log", "a1.log"):
                (directory / name).write_text("line\n", encoding="utf-8")
        packaged = (CHECKOUT / "debian/hmac-file-server.logrotate").read_text(encoding="utf-8")
        rules = place / "rules"
        ours = packaged.replace("/var/log/", f"{place}/")
        rules.write_text(re.sub(r"(?m)^\tsu .*\n", "", ours), encoding="utf-8")
        rules.chmod(0o600)
        looked = subprocess.run(
            [logrotate, "--debug", "--state", os.fspath(place / "state"), os.fspath(rules)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        found = re.findall(r"considering log (\S+)", looked.stderr)
        expected = {f"{each}/{name}" for each in directories for name in ("server.log", "a1.log")}
        self.assertEqual(expected, set(found))


class CrashTests(AuditCase):
    """What happens to the server while it writes."""

    def test_killed(self) -> None:
        """Killed under load again and again, with its file moved away, it leaves one chain."""
        daemon = self.begin(max_size=1)
        stop = threading.Event()

        def ask_on() -> None:
            while not stop.wait(PAUSE):
                with contextlib.suppress(OSError, NoAnswer), Connection(daemon.port) as connection:
                    while not stop.is_set():
                        connection.request("GET", f"/{LONG}")

        threads = [threading.Thread(target=ask_on, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for number in range(2):
                self.until_larger()
                if number == 0:
                    self.assertEqual(1, self.command(daemon, "rm", "nothing").returncode)
                daemon.kill9()
                if number == 1 and self.audit.exists():
                    self.audit.rename(self.audit.with_name("audit.log.1"))
                daemon.start()
            rotated = "audit-*.log*"
            eventually("a new file", lambda: any(self.audit.parent.glob(rotated)))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        daemon.stop()
        chain = checked(self.audit)
        self.assertGreaterEqual(chain.files, 2)
        self.assertGreater(chain.records, 250)
        self.assertLessEqual(len(chain.notes), 2)

    def until_larger(self) -> None:
        """Wait for more records."""
        state = self.state()
        eventually("records", lambda: self.state() not in (None, state))

    def state(self) -> tuple[int, int] | None:
        """Tell which file is written and its size; just after it was put aside there is none."""
        with contextlib.suppress(FileNotFoundError):
            found = self.audit.stat()
            return found.st_ino, found.st_size
        return None

    def test_full_disk(self) -> None:
        """Where it cannot be written all else works, and it says so, then and in the end."""
        disk = self.small_disk(64 * KILOBYTE)
        port = free_port()
        daemon = self.begin(disk, port)
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(KILOBYTE))
        for number in range(20):
            self.assert_status(404, ask(daemon.port, "GET", f"/{LONG}{number}"))
        self.assert_status(201, put(daemon.port, daemon.target("x", len(DATA)), DATA))

        def health() -> dict[str, Any]:
            headers: Headers = {"Accept": "application/json"}
            with Connection(daemon.port) as connection:
                answer = connection.request("GET", "/health", headers)
            self.assert_status(200, answer)
            found: dict[str, Any] = json.loads(answer.body)
            return found

        def lost() -> float:
            page = ask(port, "GET", "/metrics").body.decode()
            [count] = re.findall(r"^hmac_file_server_audit_records_lost_total (.+)$", page, re.M)
            return float(count)

        eventually("lost records", lambda: lost() > 10)
        self.assert_status(404, ask(daemon.port, "GET", f"/{LONG}"))
        found = eventually("its health", lambda: health() if lost() > 11 else None)
        self.assertEqual("degraded", found["status"])
        self.assertIn("No space left on device", found["parts"]["audit"]["detail"])
        ballast.unlink()
        eventually("the log", lambda: health()["parts"]["audit"]["status"] == "ok")
        told = [record["records"] for record in self.records() if record.get("action") == "lost"]
        self.assertEqual(lost(), sum(told))
        self.assertIn("can be written again", daemon.log)
        daemon.stop()
        self.assertEqual("stop", self.records()[-1]["action"])
        self.assertEqual([], checked(self.audit).notes)
