"""Prosody's mod_http_file_share leaves the files to the server: its tokens say whose they are."""

from __future__ import annotations

import sqlite3
import time
from urllib.parse import urlsplit

from tests.real.case import MEGABYTE, ServerCase, command, noise
from tests.real.client import Answer, Connection, ask
from tests.real.prosody import Component, Prosody
from tests.real.slots import JID, Slot, Wish

SECRET = "a secret that Prosody and the server share, and nobody else"
NAMES = ("photo.jpg", "holiday (1) + 100%.png", "фото на пляже.jpg", "😀.txt")


class FileShareTests(ServerCase):
    """Slots of mod_http_file_share in its external mode."""

    def setUp(self) -> None:
        self.daemon = self.start({"security": {"file_share_secret": SECRET}})
        base_url = f"http://127.0.0.1:{self.daemon.port}/upload/"
        component = Component("share.localhost", base_url, SECRET, "file_share")
        self.prosody = Prosody([component])
        self.addCleanup(self.prosody.stop)
        self.prosody.start()

    def slot(self, name: str, size: int, kind: str | None = None) -> Slot:
        """Ask for a slot."""
        return self.prosody.slots("share.localhost", [Wish(name, size, kind)])[0]

    def put(self, slot: Slot, data: bytes, kind: str | None = None, **changed: str) -> Answer:
        """Upload as the slot says, but for changed headers."""
        target = target_of(slot.put)
        with Connection(self.daemon.port) as connection:
            return connection.put(target, data, kind, {**slot.headers, **changed})

    def test_names(self) -> None:
        """Names come back as they were, byte for byte, and so do the bytes."""
        for name in NAMES:
            data = noise(1000, name)
            slot = self.slot(name, len(data), "image/png")
            self.assert_status(201, self.put(slot, data, "image/png"), name)
            answer = self.assert_comes_back(self.daemon, target_of(slot.get), data)
            self.assertEqual("image/png", answer.headers["content-type"])

    def test_facts(self) -> None:
        """The index knows whose the file is, and when it ceases to exist."""
        slot = self.slot("photo.jpg", 5, "image/jpeg")
        self.assert_status(201, self.put(slot, b"hello", "image/jpeg"))
        path = self.daemon.storage / ".hmacfs" / "index.sqlite"
        with sqlite3.connect(path) as connection:
            rows = connection.execute("SELECT owner, expires_at FROM files").fetchall()
        connection.close()
        ((owner, expires_at),) = rows
        self.assertEqual(JID, owner)
        self.assertTrue(3000 < expires_at - time.time() <= 3700, expires_at)

    def test_bounds(self) -> None:
        """Another size, type, path or token is refused, and nothing is stored."""
        slot = self.slot("photo.jpg", 5, "image/jpeg")
        other = self.slot("other.jpg", 5, "image/jpeg")
        self.assert_status(413, self.put(slot, b"hello!", "image/jpeg"))
        self.assert_status(403, self.put(slot, b"hello", "text/html"))
        self.assert_status(403, self.put(slot, b"hello", "image/jpeg", **other.headers))
        token = slot.headers["Authorization"]
        for wrong in (token[:-4] + "AAAA", token + "x", "Bearer x.y.z"):
            answer = self.put(slot, b"hello", "image/jpeg", Authorization=wrong)
            self.assert_status(401, answer, wrong)
            self.assertIn("Bearer", answer.headers["www-authenticate"])
        self.assert_nothing_stored(self.daemon)

    def test_again(self) -> None:
        """The same bytes again are fine, as clients repeat uploads; a token deletes nothing."""
        data = noise(5 * MEGABYTE)
        slot = self.slot("video.mp4", len(data), "video/mp4")
        for _ in range(2):
            self.assert_status(201, self.put(slot, data, "video/mp4"))
        answer = ask(self.daemon.port, "DELETE", target_of(slot.get), slot.headers)
        self.assert_status(401, answer)
        self.assert_comes_back(self.daemon, target_of(slot.get), data)


class TakeoverTests(ServerCase):
    """Files that Prosody has kept until now."""

    def test_import(self) -> None:
        """They are here at the end of their old URLs, with their types and uploaders."""
        host = "share.localhost"
        prosody = Prosody([Component(host, "", "", "own_files")])
        self.addCleanup(prosody.stop)
        prosody.start()
        assert prosody.http_port is not None
        wishes = [Wish(name, 1000, "image/png") for name in (*NAMES, "never sent.txt")]
        slots = prosody.slots(host, wishes)
        sent = dict(zip(NAMES, slots, strict=False))
        for name, slot in sent.items():
            with Connection(prosody.http_port) as connection:
                headers = {**slot.headers, "Host": f"{host}:{prosody.http_port}"}
                answer = connection.put(
                    target_of(slot.put), noise(1000, name), "image/png", headers
                )
            self.assert_status(201, answer)
        daemon = self.start({"server": {"upload_prefix": "file_share"}})
        done = command(daemon, "import", "file-share", str(prosody.kept_of(host)))
        self.assertEqual((0, f"{len(sent)} copied\n"), (done.returncode, done.stderr))
        for name, slot in sent.items():
            answer = self.assert_comes_back(daemon, target_of(slot.get), noise(1000, name))
            self.assertEqual("image/png", answer.headers["content-type"])
        self.assertIn(JID, command(daemon, "who", done.stdout.splitlines()[0][9:]).stdout)


def target_of(url: str) -> str:
    """Tell path and query of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
