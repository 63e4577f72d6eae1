"""Clients of the API that others wrote: the JavaScript class of the 3.2 documents, and curl."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pathlib
import shutil
import subprocess
import time
import unittest
from typing import Any

from hmacfs.auth.mac import message_v
from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.daemon import PATIENCE, SECRET

CLIENT = pathlib.Path(__file__).parent / "javascript_client.js"


def run(*command: str) -> str:
    """Run a program and return what it says on its standard output."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=3 * PATIENCE, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr}")
    return done.stdout


class ApiCase(ServerCase):
    """A server, and files for it."""

    program = ""

    def setUp(self) -> None:
        if shutil.which(self.program) is None:
            raise unittest.SkipTest(f"there is no {self.program}")
        self.daemon = self.start({"security": {"unverified_bytes": "1MB"}})
        self.origin = f"http://127.0.0.1:{self.daemon.port}"
        self.files = self.directory()

    def file(self, name: str, size: int) -> pathlib.Path:
        """Make a file."""
        path = self.files / name
        path.write_bytes(noise(size))
        return path

    def assert_stored(self, answer: Any, path: pathlib.Path) -> None:
        """Fail unless an answer tells of the file, and it comes back from where it says."""
        self.assertTrue(answer["success"], answer)
        self.assertEqual(path.stat().st_size, answer["size"])
        self.assertTrue(answer["url"].startswith(f"{self.origin}/download/"), answer["url"])
        target = answer["url"].removeprefix(self.origin)
        self.assert_comes_back(self.daemon, target, path.read_bytes())


class JavascriptTests(ApiCase):
    """The class of the documents, unchanged, in Node."""

    program = "node"

    def upload(self, path: pathlib.Path, metadata: Any) -> Any:
        """Upload a file."""
        facts = (str(path), "application/pdf", json.dumps(metadata))
        return json.loads(run("node", str(CLIENT), self.origin, SECRET, *facts))

    def test_upload(self) -> None:
        """A file with metadata goes up, and everything is told."""
        path = self.file("document.pdf", 900_000)
        metadata = {"title": "My Document", "tags": ["important", "ü😀"]}
        answer = self.upload(path, metadata)
        self.assert_stored(answer, path)
        self.assertEqual(("v2", metadata), (answer["version"], answer["metadata"]))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(f"sha256:{digest}", answer["checksum"])

    def test_names(self) -> None:
        """Names that have to be escaped in a form are signed as they are."""
        for name in ("holiday photo (1)+.jpg", "фото.jpg", "a%20b&c=d.jpg", 'quo"te.jpg', "😀.png"):
            path = self.file(name, 10)
            answer = self.upload(path, {})
            self.assertEqual(name, answer.get("filename"), answer)
            self.assert_stored(answer, path)

    def test_too_large(self) -> None:
        """What cannot be verified before its end is refused above the limit, which is told."""
        answer = self.upload(self.file("large.pdf", 3 * MEGABYTE), {})
        self.assertEqual((413, MEGABYTE), (answer["status"], answer["limit"]))
        self.assert_nothing_stored(self.daemon)


class CurlTests(ApiCase):
    """The curl lines of the documents."""

    program = "curl"

    def curl(self, *arguments: str) -> Any:
        """Run curl and read the JSON it gets."""
        return json.loads(run("curl", "-sS", *arguments))

    def sign(self, message: str) -> str:
        """Sign as the API does."""
        digest = hmac.digest(SECRET.encode(), message.encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()

    def test_v1(self) -> None:
        """``POST /api/v1/upload`` of a large file, whose signature comes with its head."""
        path = self.file("document.pdf", 40 * MEGABYTE)
        now = int(time.time())
        answer = self.curl(
            *("-X", "POST", f"{self.origin}/api/v1/upload"),
            *("-H", f"Authorization: HMAC-SHA256 {self.sign(f'document.pdfapplication/pdf{now}')}"),
            *("-H", f"X-Upload-Timestamp: {now}", "-H", "Content-Type: multipart/form-data"),
            *("-F", f"file=@{path};type=application/pdf"),
        )
        self.assertEqual({"success", "url", "filename", "size"}, set(answer))
        self.assert_stored(answer, path)

    def test_v2(self) -> None:
        """``POST /api/v2/upload`` with metadata, under the hash of the file."""
        path = self.file("document.pdf", 40 * MEGABYTE)
        now, upload_id = int(time.time()), "550e8400-e29b-41d4-a716-446655440000"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        signature = self.sign(f"POST/api/v2/upload{now}{upload_id}{digest}")
        answer = self.curl(
            *("-X", "POST", f"{self.origin}/api/v2/upload"),
            *("-H", f"Authorization: HMAC-SHA256-V2 {signature}"),
            *("-H", f"X-Upload-Timestamp: {now}", "-H", f"X-Upload-ID: {upload_id}"),
            *("-H", f"X-Content-SHA256: {digest}", "-F", f"file=@{path}"),
            *("-F", 'metadata={"title":"My Document","tags":["important"]}'),
        )
        self.assert_stored(answer, path)
        self.assertEqual({"title": "My Document", "tags": ["important"]}, answer["metadata"])

    def test_2x(self) -> None:
        """``PUT`` of a form with a bearer MAC, as 2.x had it."""
        path = self.file("example.txt", 100_000)
        mac = hmac.digest(SECRET.encode(), message_v(b"example.txt", 100_000, ""), "sha256").hex()
        url = f"{self.origin}/uploads/example.txt"
        answer = self.curl(
            *("-X", "PUT", "-H", f"Authorization: Bearer {mac}", "-F", f"file=@{path}", url)
        )
        self.assert_stored(answer, path)
        self.assert_comes_back(self.daemon, "/uploads/example.txt", path.read_bytes())


del ApiCase
