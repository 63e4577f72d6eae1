"""Clients of resumable uploads that others wrote: tus-js-client, and node's own HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from typing import Any, Final

import jwt
from twisted.trial.unittest import SkipTest

from tests.real import browser, certificates, proxies
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Connection
from tests.real.daemon import PATIENCE, Daemon

HERE: Final = pathlib.Path(__file__).parent
TUS: Final = HERE / "tus_client"
RUFH: Final = HERE / "rufh_client.js"
TOKEN_SECRET: Final = "a secret for the tokens of these tests only"
SIZE: Final = 12 * MEGABYTE
CHUNK: Final = MEGABYTE
KILLS: Final = 5
FAR_AWAY: Final = 4_000_000_000
PROTOCOLS: Final = ("tus-v1", "ietf-draft-03", "ietf-draft-05")


def program(name: str) -> str:
    """Return the path of a program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        raise SkipTest(f"needs {name}")
    return found


def modules() -> pathlib.Path:
    """Return where tus-js-client is, as its lock has it; it is fetched once a machine."""
    lock = (TUS / "package-lock.json").read_bytes()
    user = os.getuid()
    cache = pathlib.Path(tempfile.gettempdir()) / f"hmacfs-tests-{user}" / "tus-js-client"
    place = cache / hashlib.sha256(lock).hexdigest()[:16]
    found = place / "node_modules"
    if (place / "whole").exists():
        return found
    npm = program("npm")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(TUS / name, place / name)
    fetch = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", f"--cache={place}"]
    try:
        done = subprocess.run(
            fetch, cwd=place, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        raise SkipTest("npm could not fetch tus-js-client in two minutes") from None
    if done.returncode != 0:
        raise SkipTest(f"npm could not fetch tus-js-client: {done.stderr[-300:]}")
    (place / "whole").touch()
    return found


def token() -> str:
    """Sign a token that may upload."""
    claims = {"sub": "alice", "exp": FAR_AWAY, "scope": "upload"}
    return jwt.encode(claims, TOKEN_SECRET, "HS256")


class ClientCase(ServerCase):
    """A server that takes tokens, and a file."""

    def serve(self, **uploads: object) -> Daemon:
        """Start a server that no proxy is before."""
        return self.start(
            {
                "server": {"trusted_proxies": []},
                "security": {
                    "enablejwt": True,
                    "jwtsecret": TOKEN_SECRET,
                    "jwtexpiration": "100y",
                },
                "uploads": uploads,
            }
        )

    def file(self, size: int) -> pathlib.Path:
        """Make a file."""
        path = self.directory() / "photo.jpg"
        path.write_bytes(noise(size))
        return path


class TusClientTests(ClientCase):
    """tus-js-client 4.3.1, from npm."""

    def upload(
        self, daemon: Daemon, path: pathlib.Path, kills: int = 0, **options: object
    ) -> dict[str, Any]:
        """Upload; kill the server so often on the way; return what the client says in the end."""
        wish: Mapping[str, object] = {
            "file": os.fspath(path),
            "endpoint": f"{daemon.base_url}/files",
            "headers": {"Authorization": f"Bearer {token()}"},
            **options,
        }
        command = [program("node"), os.fspath(TUS / "upload.js"), os.fspath(modules())]
        lives = 1
        marks = [path.stat().st_size * number // (kills + 1) for number in range(1, kills + 1)]
        told: dict[str, Any] = {}
        with subprocess.Popen([*command, json.dumps(wish)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            alarm = threading.Timer(6 * PATIENCE, process.kill)
            alarm.start()
            for line in process.stdout:
                told = json.loads(line)
                if marks and told.get("sent", 0) > marks[0]:
                    marks.pop(0)
                    daemon.kill9()
                    daemon.start()
                    lives += 1
            alarm.cancel()
        self.assertEqual(kills + 1, lives, "the client was done too soon")
        self.assertNotIn("error", told)
        return told

    def assert_uploaded(
        self, daemon: Daemon, path: pathlib.Path, kills: int = 0, **options: object
    ) -> None:
        """Fail unless the file comes back from where the client was told that it is."""
        told = self.upload(daemon, path, kills, **options)
        target = told["location"].removeprefix(daemon.base_url)
        answer = self.assert_comes_back(daemon, target, path.read_bytes())
        self.assertEqual("image/jpeg", answer.headers["content-type"])
        self.assertNotIn(told["url"].rpartition("/")[2], daemon.log)

    def test_tus(self) -> None:
        """tus 1.0: the server is killed five times on the way, and the file is whole."""
        daemon = self.serve(max_bytes_per_second="8MB")
        path = self.file(SIZE)
        self.assert_uploaded(daemon, path, KILLS, protocol="tus-v1", chunkSize=CHUNK)
        self.assertEqual(1, len(daemon.stored()))

    def test_draft_03(self) -> None:
        """Draft -03 of the IETF: the same."""
        daemon = self.serve(max_bytes_per_second="8MB")
        path = self.file(SIZE)
        self.assert_rufh(daemon, path, "ietf-draft-03")

    def test_draft_05(self) -> None:
        """Draft -05 of the IETF: the same."""
        daemon = self.serve(max_bytes_per_second="8MB")
        path = self.file(SIZE)
        self.assert_rufh(daemon, path, "ietf-draft-05")

    def assert_rufh(self, daemon: Daemon, path: pathlib.Path, protocol: str) -> None:
        """Upload with a draft of the IETF; the type is not told there."""
        told = self.upload(daemon, path, KILLS, protocol=protocol, chunkSize=CHUNK)
        target = told["location"].removeprefix(daemon.base_url)
        self.assert_comes_back(daemon, target, path.read_bytes())
        self.assertEqual(1, len(daemon.stored()))

    def test_options(self) -> None:
        """What else the client can do: data at creation, deferred lengths, parts, other methods."""
        daemon = self.serve()
        path = self.file(300 * KILOBYTE)
        for options in (
            {"uploadDataDuringCreation": True},
            {"uploadDataDuringCreation": True, "chunkSize": 100 * KILOBYTE},
            {"parallelUploads": 4},
            {"overridePatchMethod": True},
            {"addRequestId": True},
        ):
            self.assert_uploaded(daemon, path, **options)
        self.assert_uploaded(daemon, path, uploadLengthDeferred=True, chunkSize=65536)


class BrowserTests(ClientCase):
    """tus-js-client in Chromium, on a page of another origin."""

    def test_upload(self) -> None:
        """In each protocol the server is killed once on the way, and the file is whole."""
        daemon = self.serve()
        client = (modules() / "tus-js-client" / "dist" / "tus.min.js").read_text(encoding="utf-8")
        page = (TUS / "page.html").read_text(encoding="utf-8")
        for name, value in (
            ("SIZE", str(4 * CHUNK)),
            ("CHUNK", str(CHUNK // 2)),
            ("SERVER", daemon.base_url),
            ("TOKEN", token()),
            ("PROTOCOLS", json.dumps(PROTOCOLS)),
            ("CLIENT", client),
        ):
            page = page.replace(name, value)
        row = range(4 * CHUNK)
        data = bytes(((index & 65535) * 31 + (index >> 8)) & 255 for index in row)
        killed: list[str] = []
        ends: list[str] = []
        with browser.serving(page) as server, browser.visiting(self.directory(), server.url):
            while len(ends) < len(PROTOCOLS):
                told = json.loads(server.told.get(timeout=browser.PATIENCE))
                if "end" in told:
                    ends.append(told["end"])
                elif told["accepted"] > CHUNK and told["protocol"] not in killed:
                    killed.append(told["protocol"])
                    daemon.kill9()
                    daemon.start()
        self.assertEqual(list(PROTOCOLS), killed)
        for end in ends:
            self.assertTrue(end.startswith(f"{daemon.base_url}/upload/"), end)
            self.assert_comes_back(daemon, end.removeprefix(daemon.base_url), data)


class SlotTests(ClientCase):
    """A signed upload URL of XMPP, and a client that knows the draft but nothing of XMPP."""

    def upload(self, daemon: Daemon, path: pathlib.Path, version: int, *cuts: int) -> Any:
        """Upload, and cut the connection after so many bytes of each request."""
        target = daemon.target("slot/photo.jpg", path.stat().st_size)
        wish = {
            "url": daemon.base_url + target,
            "file": os.fspath(path),
            "version": version,
            "breakAfter": cuts,
        }
        done = subprocess.run(
            [program("node"), os.fspath(RUFH), json.dumps(wish)],
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_resumed(self) -> None:
        """The upload goes on where its connection was cut, twice, in every draft."""
        for version in (3, 5, 6, 9):
            daemon = self.serve()
            path = self.file(2 * MEGABYTE)
            cuts = (500 * KILOBYTE, 700 * KILOBYTE)
            told = self.upload(daemon, path, version, *cuts)
            self.assertEqual(201, told["status"])
            self.assertEqual([cuts[0], sum(cuts)], told["offsets"])
            self.assertIn(104, told["interim"])
            place = daemon.place("slot/photo.jpg")
            self.assertEqual(daemon.base_url + place, told["headers"]["location"])
            self.assert_comes_back(daemon, place, path.read_bytes())


class NginxTests(ClientCase):
    """nginx, which takes an interim response for the final answer, so that it is sent none."""

    def test_put(self) -> None:
        """An upload that could be resumed works through nginx as its example has it."""
        certificate = certificates.make(self.directory())
        daemon = self.start({"server": {"trusted_proxies": ["127.0.0.1/32"]}})
        proxy = proxies.nginx(self.directory(), daemon.port, certificate)
        self.addCleanup(proxy.stop)
        proxy.start()
        data = noise(2 * MEGABYTE)
        for version in (3, 6, 9):
            with Connection(proxy.port, "", certificate.trusting()) as connection:
                name = f"slot/{version}"
                fields = {
                    "Upload-Draft-Interop-Version": str(version),
                    "Upload-Incomplete" if version == 3 else "Upload-Complete": (
                        "?0" if version == 3 else "?1"
                    ),
                }
                target = daemon.target(name, len(data))
                answer = connection.put(target, data, headers=fields)
                self.assert_status(201, answer)
            self.assert_comes_back(daemon, daemon.place(name), data)
