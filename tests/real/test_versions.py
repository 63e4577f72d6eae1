"""Older versions of files: kept, listed, given out and restored."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
from twisted.trial.unittest import SkipTest

from tests.docs.documents import examples
from tests.real import ways
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import Daemon
from tests.real.test_operate_documents import programs
from tests.real.ways import WAYS, File

OWN_NAME = {
    "PUT of file_share",
    "V3",
    *(way for way in WAYS if way.startswith("tus")),
    "draft on /files",
}
"""Ways by which the server gives each upload a name of its own."""

WANT_DIGEST = {"Want-Repr-Digest": "sha-256=1"}
NAME = "folder/Entwurf #1.txt"
PLACE = "/api/v3/files/folder/Entwurf%20%231.txt/versions"


def contents(count: int, size: int) -> Iterator[bytes]:
    """Make so many files of one size."""
    return (noise(size, seed) for seed in range(count))


class DocumentTests(ServerCase):
    """What docs/operate-storage.rst tells to type, typed."""

    def test_typed(self) -> None:
        """Versions are listed, fetched and restored by the lines of the document."""
        if shutil.which("curl") is None:
            raise SkipTest("needs curl")
        daemon = self.start({**ways.SECTIONS, "versioning": {"enableversioning": True}})
        bin_ = programs(self.directory() / "bin", daemon)
        for data in (b"first", b"second"):
            with Connection(daemon.port) as connection:
                answer = connection.put(daemon.target("abc/photo.jpg", len(data)), data)
            self.assert_status(201, answer)
        printed: list[str] = []
        for example in examples("sh"):
            if example.where.startswith("docs/operate-storage.rst"):
                for line in example.text.splitlines():
                    printed.append(self.type(line, daemon, bin_, printed))
        self.assertEqual(["5", "5", "first"], [printed[0].split()[1], size(printed[1]), printed[2]])
        self.assert_comes_back(daemon, daemon.place("abc/photo.jpg"), b"first")

    def type(self, line: str, daemon: Daemon, programs: Path, printed: list[str]) -> str:
        """Type a line, and return what it prints."""
        line = line.replace("https://files.example.org", daemon.base_url)
        line = line.replace("curl", "curl -sS --fail").replace(
            "/ID", f"/{printed[0].split()[0] if printed else ''}"
        )
        done = subprocess.run(
            ["sh", "-eu", "-c", line],
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(0, done.returncode, f"{line}: {done.stderr}")
        return done.stdout


def size(listed: str) -> str:
    """Return the size of the one version of a list."""
    (version,) = json.loads(listed)["versions"]
    return str(version["size"])


class VersionTests(ServerCase):
    """A server that keeps versions."""

    def setUp(self) -> None:
        self.daemon = self.begin_server()

    def begin_server(self, **versioning: object) -> Daemon:
        """Start it."""
        return self.start(
            {
                **ways.SECTIONS,
                "versioning": {"enableversioning": True, "maxversions": 2, **versioning},
            }
        )

    def put(self, data: bytes, name: str = NAME) -> Answer:
        """Upload."""
        with Connection(self.daemon.port) as connection:
            return connection.put(self.daemon.target(name, len(data)), data)

    def ask(self, method: str, target: str, **claims: object) -> Answer:
        """Send a request with a token."""
        facts = {"sub": "romeo", "exp": int(time.time()) + 600, **claims}
        token = jwt.encode(facts, ways.TOKEN_SECRET, "HS256")
        with Connection(self.daemon.port) as connection:
            headers: Headers = {"Authorization": f"Bearer {token}", "Content-Length": 0}
            return connection.request(method, target, headers)

    def listed(self, place: str = PLACE) -> list[dict[str, Any]]:
        """Tell the versions, the newest first."""
        answer = self.ask("GET", place)
        self.assert_status(200, answer)
        versions: list[dict[str, Any]] = json.loads(answer.body)["versions"]
        return versions

    def test_versions(self) -> None:
        """The newest is at the URL, two older ones below it, and nobody sees more."""
        contents = [noise(MEGABYTE, seed) + bytes(seed) for seed in range(4)]
        for data in contents:
            self.assert_status(201, self.put(data))
        self.assert_status(201, self.put(contents[3]))
        self.assert_comes_back(self.daemon, self.daemon.place(NAME), contents[3])
        versions = self.listed()
        self.assertEqual([2 + MEGABYTE, 1 + MEGABYTE], [each["size"] for each in versions])
        for version, data in zip(versions, (contents[2], contents[1]), strict=True):
            target = version["url"].removeprefix(self.daemon.base_url)
            answer = self.ask("GET", target)
            self.assertEqual(data, answer.body)
            self.assertIn("Entwurf", answer.headers["content-disposition"])
            self.assert_status(206, self.ranged(target))
        self.assertEqual([NAME], list(self.daemon.stored()))
        with Connection(self.daemon.port) as connection:
            self.assert_status(401, connection.request("GET", PLACE))
        self.assert_status(404, self.ask("GET", f"{PLACE}/1-a"))
        self.assert_status(404, self.ask("GET", f"{PLACE}/..%2f..%2fx"))
        for path in self.daemon.storage.glob(".hmacfs/versions/*/*"):
            inside = path.relative_to(self.daemon.storage).as_posix()
            with Connection(self.daemon.port) as connection:
                answer = connection.request("GET", self.daemon.place(inside))
            self.assert_status(404, answer)

    def ranged(self, target: str) -> Answer:
        """Ask for a part of a version."""
        facts = {"sub": "romeo", "exp": int(time.time()) + 600}
        token = jwt.encode(facts, ways.TOKEN_SECRET, "HS256")
        with Connection(self.daemon.port) as connection:
            headers = {"Authorization": f"Bearer {token}", "Range": "bytes=1-9"}
            return connection.request("GET", target, headers)

    def test_restore(self) -> None:
        """A version is restored by who may, over a restart, and the file becomes a version."""
        self.put(b"first")
        self.put(b"second")
        target = self.listed()[0]["restore_url"].removeprefix(self.daemon.base_url)
        self.assert_status(404, self.ask("POST", target))
        self.assert_status(403, self.ask("POST", target, scope="download"))
        self.assert_status(409, self.ask("PUT", self.daemon.place(NAME)), "of somebody else")
        self.assert_comes_back(self.daemon, self.daemon.place(NAME), b"second")
        self.daemon.restart()
        self.assert_status(200, self.ask("POST", target, scope="admin upload"))
        self.assert_comes_back(self.daemon, self.daemon.place(NAME), b"first")
        self.assertEqual(2, len(self.listed()))

    def test_deleted(self) -> None:
        """Versions go with their file."""
        self.put(b"first")
        self.put(b"second")
        target = f"/api/v3/download/{PLACE.split('/')[4]}/{PLACE.split('/')[5]}"
        self.assert_status(200, self.ask("GET", target))
        answer = self.ask("DELETE", self.daemon.place(NAME), scope="admin")
        self.assert_status(204, answer)
        self.assert_status(410, self.ask("GET", PLACE))
        left = list(self.daemon.storage.rglob(".hmacfs/versions/*/*"))
        self.assertEqual([], left)

    def test_every_way(self) -> None:
        """By every way in whose client chooses the name the new bytes rule, the old are kept."""
        first, second = noise(3000, 1), noise(2000, 2)
        for way, upload in WAYS.items():
            name = ways.name_of(way)
            before = set(self.daemon.stored())
            for data in (first, second):
                answer = upload(self.daemon, File(name, data))
                self.assertIn(answer.status, (200, 201, 204), f"{way}: {answer.body!r}")
                if way == "V1":
                    # Its signature counts once, and is of a second.
                    time.sleep(1)
            new = set(self.daemon.stored()) - before
            if way in OWN_NAME:
                self.assertEqual(2, len(new), way)
                continue
            self.assertEqual({name}, new, way)
            answer = self.assert_comes_back(self.daemon, self.daemon.place(name), second)
            self.assertEqual("public, no-cache", answer.headers["cache-control"])
            (version,) = self.listed(f"/api/v3/files/{name}/versions")
            self.assertEqual(hashlib.sha256(first).hexdigest(), version["checksum"][7:], way)

    def test_killed(self) -> None:
        """Killed at any moment of an exchange: each version and the file are what was uploaded."""
        size = MEGABYTE
        uploaded = {hashlib.sha256(data).hexdigest(): data for data in contents(9, size)}
        acknowledged = ""
        target = self.daemon.target(NAME, size)
        for number, (digest, data) in enumerate(uploaded.items()):
            connection = self.connect(self.daemon)
            connection.begin("PUT", target, {"Content-Length": size})
            connection.send(data)
            if number % 3 == 0:
                self.assert_status(201, connection.answer("PUT"))
                acknowledged = digest
            else:
                time.sleep(0.004 * number)
                self.daemon.kill9()
                self.daemon.start()
            with Connection(self.daemon.port) as other:
                present = other.request("GET", self.daemon.place(NAME))
            self.assertIn(present.sha256, {acknowledged, digest})
            acknowledged = present.sha256
            for version in self.listed():
                answer = self.ask("GET", ways.target_of(version["url"]))
                self.assertEqual(version["checksum"][7:], answer.sha256)
                self.assertIn(answer.sha256, uploaded)
        self.assertEqual([], self.daemon.stages())
        self.put(b"the last one")
        self.assertEqual(2, len(self.listed()))

    def test_while_read(self) -> None:
        """Who downloads while the file is exchanged, again and again, gets one of both, whole."""
        both = list(contents(2, MEGABYTE))
        digests = {hashlib.sha256(data).hexdigest() for data in both}
        self.assert_status(201, self.put(both[0]))
        stopped = threading.Event()

        def upload() -> None:
            while not stopped.is_set():
                for data in both:
                    self.put(data)

        thread = threading.Thread(target=upload)
        thread.start()
        try:
            for _ in range(30):
                with Connection(self.daemon.port) as connection:
                    answer = connection.request("GET", self.daemon.place(NAME), WANT_DIGEST)
                self.assert_status(200, answer)
                told = base64.b64decode(answer.headers["repr-digest"][9:-1]).hex()
                self.assertIn(answer.sha256, digests)
                self.assertEqual(told, answer.sha256)
        finally:
            stopped.set()
            thread.join()

    def test_rules(self) -> None:
        """What would be refused as a new file does not become a version either."""
        self.put(b"first", "a.txt")
        with Connection(self.daemon.port) as connection:
            answer = connection.put(self.daemon.target("a.txt", 4), b"five5")
        self.assertGreaterEqual(answer.status, 400)
        self.assert_comes_back(self.daemon, self.daemon.place("a.txt"), b"first")
        self.assertEqual([], self.listed("/api/v3/files/a.txt/versions"))

    def test_off(self) -> None:
        """Without versions another file is a conflict."""
        self.daemon = self.begin_server(enableversioning=False)
        self.put(b"first")
        self.assert_status(409, self.put(b"second"))
        self.assertEqual([], self.listed())
