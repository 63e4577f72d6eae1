"""No infected file is visible: uploads are scanned by a clamd that works, hangs, or is gone."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import pathlib
import re
import socket
import threading
import time
from typing import Self

from tests import forms
from tests.ports import free_port
from tests.real.case import MEGABYTE, ServerCase, lasting_directory, noise
from tests.real.clamd import EICAR, MARK, STREAM_LIMIT, Clamd
from tests.real.client import Answer, Connection, Headers, ask
from tests.real.daemon import Daemon, Sections, eventually

TIMEOUT = 2
ZEROS = 256 * MEGABYTE


@functools.cache
def shared_clamd() -> Clamd:
    """Return the clamd of all tests, which may have killed it."""
    clamd = Clamd(lasting_directory())
    atexit.register(clamd.kill)
    return clamd


@functools.cache
def metrics_port() -> int:
    """Return where the usual server tells its metrics."""
    return free_port()


@functools.cache
def kept_directory() -> pathlib.Path:
    """Return where the quarantines and the audit logs of all servers are."""
    return lasting_directory()


class ScanningCase(ServerCase):
    """A clamd, and a server that asks it."""

    def setUp(self) -> None:
        self.clamd = shared_clamd()
        self.clamd.revive()
        self.over_tcp = f"tcp:127.0.0.1:{self.clamd.port}"

    def sections(self, name: str, socket: str = "", **more: object) -> Sections:
        """
        Return the configuration of a server.

        :param name: of its quarantine and of its audit log.
        """
        self.quarantine = kept_directory() / f"{name} quarantine"
        self.audit = kept_directory() / f"{name} audit.log"
        clamav: dict[str, object] = {
            "clamavenabled": True,
            "clamavsocket": socket or os.fspath(self.clamd.path),
            "scan_timeout": TIMEOUT,
            "quarantine_directory": os.fspath(self.quarantine),
        }
        return {
            "clamav": {**clamav, **more},
            "uploads": {"max_upload_size": "5GB"},
            "audit": {"enabled": True, "path": os.fspath(self.audit)},
        }

    def usual(self) -> Daemon:
        """Return a server that asks clamd on its Unix socket."""
        server = {"metrics_port": metrics_port()}
        return self.together({**self.sections("usual"), "server": server})

    def tcp(self) -> Daemon:
        """Return one that asks it over TCP."""
        return self.together(self.sections("tcp", self.over_tcp, oversize_policy="accept"))

    def other(self) -> Daemon:
        """Return one with a few workers that have time, which scans some files and keeps none."""
        sections = self.sections(
            "other",
            quarantine_directory="",
            scanfileextensions=[".exe", ".COM"],
            numscanworkers=2,
            scan_timeout=60,
        )
        return self.together(sections)

    def name(self, name: str) -> str:
        """Return the name of a file that no other test has."""
        return f"{self.label}/{name}"

    def audited(self, daemon: Daemon, count: int) -> list[tuple[str, str, str]]:
        """Tell event, outcome and file of the records of this test's infected files, so many."""

        def found() -> list[tuple[str, str, str]]:
            lines = self.audit.read_text().splitlines(keepends=True)
            records = [json.loads(line) for line in lines if line.endswith("\n")]
            return [
                (record["event"], record["outcome"], record["file"].removeprefix(self.name("")))
                for record in records
                if record.get("reason") == "infected" and self.label in record["file"]
            ]

        eventually("the records", lambda: len(found()) >= count)
        return found()

    def stored(self, daemon: Daemon) -> set[str]:
        """Tell the names of the files of this test."""
        prefix = self.name("")
        return {name.removeprefix(prefix) for name in daemon.stored() if name.startswith(prefix)}

    def put(self, daemon: Daemon, name: str, data: bytes) -> Answer:
        """Upload."""
        with Connection(daemon.port) as connection:
            return connection.put(daemon.target(self.name(name), len(data)), data)

    def get(self, daemon: Daemon, name: str) -> Answer:
        """Download."""
        with Connection(daemon.port) as connection:
            return connection.request("GET", daemon.place(self.name(name)))

    def check_works(self, daemon: Daemon) -> None:
        """Check that clean bytes are taken and infected ones are not."""
        clean = noise(3 * MEGABYTE)
        self.assert_status(201, self.put(daemon, "clean.bin", clean))
        self.assert_comes_back(daemon, daemon.place(self.name("clean.bin")), clean)
        self.assert_status(201, self.put(daemon, "empty", b""))
        for name, data in (("eicar.com", EICAR), ("late.bin", clean + MARK)):
            answer = self.put(daemon, name, data)
            self.assert_status(422, answer, name)
            self.assertIn(b"infected", answer.body)
            self.assert_status(404, self.get(daemon, name), name)
        self.assertEqual({"clean.bin", "empty"}, self.stored(daemon))
        self.assertEqual([], daemon.stages())


class WorkingTests(ScanningCase):
    """A clamd that works."""

    def test_dropped(self) -> None:
        """Without a quarantine infected bytes are nowhere when the answer is there."""
        daemon = self.other()
        self.assert_status(422, self.put(daemon, "late.exe", noise(100_000) + MARK))
        for path in daemon.storage.parent.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.assertNotIn(MARK, path.read_bytes(), path)
        expected = [("validation_failure", "dropped", "late.exe")]
        self.assertEqual(expected, self.audited(daemon, 1))

    def test_unix_socket(self) -> None:
        """On a Unix socket clamd reads the file itself; what is infected goes to quarantine."""
        daemon = self.usual()
        self.check_works(daemon)
        facts = [json.loads(path.read_text()) for path in self.quarantine.glob("*.json")]
        facts = [fact for fact in facts if fact["name"].startswith(self.label)]
        infected = ("eicar.com", "late.bin")
        self.assertEqual({self.name(name) for name in infected}, {fact["name"] for fact in facts})
        for fact in facts:
            kept = self.quarantine / fact["sha256"]
            self.assertEqual(fact["size"], kept.stat().st_size)
            self.assertEqual(0, kept.stat().st_mode & 0o077)
        expected = [("validation_failure", "quarantined", name) for name in infected]
        self.assertEqual(expected, self.audited(daemon, 2))

    def test_tcp(self) -> None:
        """Over TCP it is sent the bytes."""
        self.check_works(self.tcp())

    def test_stream_limit(self) -> None:
        """What clamd takes no stream of is taken or refused as the policy has it, and no more."""
        large = noise(4 * STREAM_LIMIT)
        self.assert_status(201, self.put(self.tcp(), "large", large))
        daemon = self.start(self.sections("stream", self.over_tcp, oversize_policy="refuse"))
        self.assert_status(413, self.put(daemon, "large", large))
        self.assert_nothing_stored(daemon)

    def test_too_large(self) -> None:
        """Files above maxscansize are not scanned; refused before their bytes, if they are."""
        daemon = self.start(self.sections("large", maxscansize="1MB"))
        self.assert_status(201, self.put(daemon, "large", noise(2 * MEGABYTE) + MARK))
        self.assert_status(422, self.put(daemon, "small", MARK))
        # Far more than clamd takes at all.
        block = bytes(MEGABYTE)
        with Connection(daemon.port) as connection:
            connection.begin("PUT", daemon.target("zeros", ZEROS), {"Content-Length": ZEROS})
            for _ in range(ZEROS // MEGABYTE):
                connection.send(block)
            self.assert_status(201, connection.answer("PUT"))
        self.begin_large(daemon, 4096 * MEGABYTE, 100)
        daemon = self.start(self.sections("too large", maxscansize="1MB", oversize_policy="refuse"))
        self.begin_large(daemon, 2 * MEGABYTE, 413)

    def begin_large(self, daemon: Daemon, size: int, status: int) -> None:
        """Fail unless an upload of this size has this answer before its first byte."""
        with Connection(daemon.port) as connection:
            headers: Headers = {"Content-Length": size, "Expect": "100-continue"}
            connection.begin("PUT", daemon.target("begun", size), headers)
            self.assert_status(status, connection.answer("PUT"))

    def test_extensions(self) -> None:
        """With a list of extensions only such files are scanned, doubled ones too."""
        daemon = self.other()
        self.assert_status(201, self.put(daemon, "eicar.txt", EICAR))
        for name in ("eicar.com", "eicar.EXE", "eicar.com.txt"):
            self.assert_status(422, self.put(daemon, name, EICAR), name)

    def test_form(self) -> None:
        """What comes in a form is scanned too."""
        daemon = self.usual()
        name = self.name("a.bin")
        for data, status in ((EICAR, 422), (b"clean", 201)):
            body = forms.form(forms.file(data, "a.bin"))
            target = f"/upload?path={name}&v={daemon.sign(name.encode(), len(data), scheme='v')}"
            headers: Headers = {
                "Content-Type": forms.CONTENT_TYPE,
                "Content-Length": len(body),
                "X-File-Size": len(data),
            }
            with Connection(daemon.port) as connection:
                connection.begin("POST", target, headers)
                connection.send(body)
                self.assert_status(status, connection.answer("POST"))

    def scans(self, result: str) -> float:
        """Tell how many scans the metrics count that ended so."""
        text = ask(metrics_port(), "GET", "/metrics").body.decode()
        found = re.search(rf'scans_total{{result="{result}"}} (.+)', text)
        return float(found[1]) if found else 0.0

    def test_metrics_and_health(self) -> None:
        """The health tells of clamd, the log of what was found, and the metrics count it."""
        daemon = self.usual()
        before = {result: self.scans(result) for result in ("infected", "clean")}
        self.put(daemon, "eicar.com", EICAR)
        self.put(daemon, "clean", b"clean")
        for result, count in before.items():
            self.assertEqual(count + 1, self.scans(result))
        told = [line for line in daemon.log.splitlines() if self.name("eicar.com") in line]
        self.assertTrue(any("Eicar-Test" in line for line in told), told)
        self.assertEqual("ok", self.health(daemon)["status"])
        self.clamd.kill()
        health = self.health(daemon)
        self.assertEqual("degraded", health["status"])
        self.assertIn("cannot be reached", health["parts"]["clamav"]["detail"])

    def health(self, daemon: Daemon) -> dict[str, dict[str, dict[str, str]]]:
        """Ask how the server is."""
        with Connection(daemon.port) as connection:
            answer = connection.request("GET", "/health", {"Accept": "application/json"})
        self.assert_status(200, answer)
        health: dict[str, dict[str, dict[str, str]]] = json.loads(answer.body)
        return health

    def test_many_at_once(self) -> None:
        """Many uploads at once are all scanned, with two workers."""
        daemon = self.other()
        statuses: dict[int, int] = {}

        def upload(number: int) -> None:
            data = noise(200_000, number) + (MARK if number % 2 else b"")
            statuses[number] = self.put(daemon, f"file{number}.exe", data).status

        threads = [threading.Thread(target=upload, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({n: 422 if n % 2 else 201 for n in range(20)}, statuses)


class BrokenTests(ScanningCase):
    """A clamd that does not work, and a server that refuses what it cannot scan."""

    def check_refused(self, daemon: Daemon, data: bytes = b"anything") -> None:
        """Check that an upload is refused for now, and soon."""
        began = time.monotonic()
        answer = self.put(daemon, "refused", data)
        self.assert_status(503, answer)
        self.assertIn("retry-after", answer.headers)
        self.assertLess(time.monotonic() - began, 4 * TIMEOUT)
        self.assertEqual((set(), []), (self.stored(daemon), daemon.stages()))

    def check_back(self, daemon: Daemon) -> None:
        """Check that it works again."""
        self.assert_status(201, self.put(daemon, "back", b"clean"))
        self.assert_status(422, self.put(daemon, "infected", EICAR))

    def test_down(self) -> None:
        """While clamd is down uploads are refused, later ones before their bytes."""
        daemon = self.usual()
        self.clamd.kill()
        self.check_refused(daemon)
        with Connection(daemon.port) as connection:
            headers: Headers = {"Content-Length": 9, "Expect": "100-continue"}
            connection.begin("PUT", daemon.target(self.name("refused"), 9), headers)
            self.assert_status(503, connection.answer("PUT"))
        self.clamd.start()
        self.check_back(daemon)

    def test_hanging(self) -> None:
        """A clamd that hangs costs the time of a scan, and is used again when it goes on."""
        for daemon in (self.usual(), self.tcp()):
            self.clamd.hang()
            self.check_refused(daemon, noise(3 * MEGABYTE))
            self.clamd.go_on()
            self.check_back(daemon)

    def test_killed_in_a_scan(self) -> None:
        """A clamd that is killed in a scan has not said that the file is clean."""
        daemon = self.usual()
        self.clamd.hang()
        killer = threading.Timer(0.5, self.clamd.kill)
        killer.start()
        self.check_refused(daemon)
        killer.join()

    def test_restarted_in_a_scan(self) -> None:
        """A clamd that is back at once scans the file that it was asked about before."""
        daemon = self.usual()
        self.clamd.hang()

        def restart() -> None:
            self.clamd.kill()
            self.clamd.start()

        timer = threading.Timer(0.5, restart)
        timer.start()
        answer = self.put(daemon, "eicar.com", EICAR)
        timer.join()
        self.assertIn(answer.status, (422, 503))
        self.assertEqual((set(), []), (self.stored(daemon), daemon.stages()))
        eventually("its return", lambda: self.put(daemon, "back", b"clean").status == 201)

    def test_garbage(self) -> None:
        """Answers that make no sense are none."""
        daemon = self.usual()
        self.clamd.kill()
        with _Fake(self.clamd.path) as fake:
            for answer in (
                b"",
                b"\0",
                b"OK\0",
                b"stream: OK",
                b"stream: clean\0",
                b"HTTP/1.1 400 Bad Request\r\n\r\n\0",
                b"\xff" * 100_000,
                b"stream: Access denied. ERROR\0",
                b"stream: OK\nstream: OK\0",
            ):
                fake.answer = answer
                self.check_refused(daemon)
            fake.answer = b"stream: OK\0"
            self.assert_status(201, self.put(daemon, "taken", b"clean"))


class LaterTests(ScanningCase):
    """A server that takes what it cannot scan, and scans it later."""

    def test_withdrawn(self) -> None:
        """What is found to be infected later is gone; what is not stays; also over a crash."""
        daemon = self.start(self.sections("later", on_scan_failure="accept"))
        self.clamd.kill()
        self.assert_status(201, self.put(daemon, "clean", b"clean"))
        self.assert_status(201, self.put(daemon, "eicar.com", EICAR))
        self.assert_status(200, self.get(daemon, "eicar.com"))
        daemon.kill9()
        daemon.start()
        self.assert_status(200, self.get(daemon, "eicar.com"))
        self.clamd.start()
        unscanned = daemon.storage / ".hmacfs/unscanned"
        eventually("an empty list", lambda: not list(unscanned.iterdir()))
        answer = self.get(daemon, "eicar.com")
        self.assert_status(410, answer)
        self.assertIn(b"infected", answer.body)
        self.assert_status(200, self.get(daemon, "clean"))
        self.assert_status(409, self.put(daemon, "eicar.com", EICAR))
        self.assertEqual({"clean"}, self.stored(daemon))
        self.assertEqual(1, len(list(self.quarantine.glob("*.json"))))
        expected = [
            ("validation_failure", "quarantined", "eicar.com"),
            ("delete", "deleted", "eicar.com"),
        ]
        self.assertEqual(expected, self.audited(daemon, 2))


class _Fake:
    """Something on a Unix socket that gives ``answer`` to each command but PING."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self.answer = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._listener.bind(os.fspath(self._path))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                command = connection.recv(1000)
                is_ping = command.startswith(b"zPING")
                # What is closed before all was read is reset, and the answer may be lost.
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"PONG\0" if is_ping else self.answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(MEGABYTE):
                        continue
