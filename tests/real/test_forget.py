"""``forget``: everything of one uploader is gone, beside a running server and in its place."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from typing import Final

from hmacfs.base.names import INTERNAL_DIRECTORY
from tests.library.images import image
from tests.real.case import KILOBYTE, ServerCase, noise
from tests.real.client import Connection, ask
from tests.real.daemon import CHECKOUT, PATIENCE

ALICE: Final = "a" * 40
BOB: Final = "b" * 40
SIZE: Final = 100 * KILOBYTE
DAILY: Final = 3 * SIZE
TOKEN: Final = {"X-Session-Token": "a-token-of-these-tests"}


class ForgetTests(ServerCase):
    """``forget OWNER``."""

    def setUp(self) -> None:
        place = self.directory()
        self.audit = place / "audit.log"
        self.quarantine = place / "quarantine"
        self.quarantine.mkdir()
        self.daemon = self.start(
            {
                "audit": {"enabled": True, "path": os.fspath(self.audit)},
                "clamav": {"quarantine_directory": os.fspath(self.quarantine)},
                "quotas": {"enabled": True, "daily": DAILY},
                "thumbnails": {"enabled": True, "size": "64x64"},
                "versioning": {"enableversioning": True},
            }
        )
        self.internal = self.daemon.storage / INTERNAL_DIRECTORY
        self.photo, self.other = image("JPEG"), noise(SIZE)

    def put(self, name: str, data: bytes, kind: str | None = None) -> int:
        """Upload; return the status."""
        with Connection(self.daemon.port) as connection:
            return connection.put(self.daemon.target(name, len(data), kind), data, kind).status

    def forget(self, *more: str) -> tuple[list[str], str]:
        """Give the command, which succeeds; return the lines that it prints, and what it says."""
        command = [
            sys.executable,
            "-m",
            "hmacfs.cli.main",
            "-config",
            os.fspath(self.daemon.config),
        ]
        done = subprocess.run(
            [*command, "forget", *more, ALICE],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.splitlines(), done.stderr

    def traces(self) -> list[str]:
        """Return where the uploader or her photo still is, but for logs and tombstones."""
        digest = hashlib.sha256(self.photo).hexdigest()
        paths = [path for path in self.daemon.storage.rglob("*") if path.is_file()]
        found = [str(path) for path in paths if ALICE in str(path) or digest in str(path)]
        found += [path.name for path in self.quarantine.iterdir()]
        sessions = [path for path in paths if path.parent.name == "sessions"]
        found += [str(path) for path in sessions if ALICE.encode() in path.read_bytes()]
        index = sqlite3.connect(self.internal / "index.sqlite")
        try:
            rows = index.execute("SELECT name FROM files WHERE owner = ?", (ALICE,))
            return found + [name for (name,) in rows]
        finally:
            index.close()

    def outcomes(self) -> list[tuple[str, str]]:
        """Return what the audit log says of the command."""
        records = [json.loads(line) for line in self.audit.read_text("utf-8").splitlines()]
        told = [record for record in records if record.get("action") == "forget"]
        return [(record["outcome"], record["subject"]) for record in told]

    def fill(self) -> None:
        """Have the uploader leave everything that there can be of one."""
        for owner in (ALICE, BOB):
            self.assertEqual(201, self.put(f"{owner}/1/photo.jpg", self.other))
        self.assertEqual(201, self.put(f"{ALICE}/2/photo.jpg", self.photo, "image/jpeg"))
        small = ask(self.daemon.port, "GET", f"/thumbnail/{ALICE}/2/photo.jpg")
        self.assert_status(200, small)
        # A newer version, and then too much for a day.
        self.assertEqual(201, self.put(f"{ALICE}/1/photo.jpg", self.other[::-1]))
        self.assertEqual(429, self.put(f"{ALICE}/3/photo.jpg", self.other))
        self.rest_target = self.daemon.target(f"{ALICE}/4/film", KILOBYTE)
        part = {"Content-Range": f"bytes 0-9/{KILOBYTE}", **TOKEN}
        with Connection(self.daemon.port) as connection:
            self.assert_status(202, connection.put(self.rest_target, bytes(10), headers=part))
        for owner, content in ((ALICE, b"infected"), (BOB, b"infected, too")):
            kept = self.quarantine / hashlib.sha256(content).hexdigest()
            kept.write_bytes(content)
            kept.with_suffix(".json").write_text(json.dumps({"owner": owner}), "utf-8")

    def test_life(self) -> None:
        """A dry run changes nothing; beside a server, and without one, nothing is left of her."""
        self.fill()
        before = self.traces()
        for kind in ("thumbnails/", "sessions/", "versions/"):
            self.assertTrue(any(kind in place for place in before), before)
        lines, told = self.forget("-dry-run")
        self.assertEqual(3, len(lines), lines)
        self.assertIn(f"{ALICE}/2/photo.jpg would be removed", lines)
        self.assertIn("1 uploads", told)
        self.assertIn("1 infected", told)
        self.assertEqual(before, self.traces())
        lines, told = self.forget()
        self.assertEqual(3, len(lines), lines)
        self.assertIn("1 uploads", told)
        bobs = hashlib.sha256(b"infected, too").hexdigest()
        self.assertEqual(sorted((bobs, f"{bobs}.json")), sorted(self.traces()))
        self.assert_comes_back(self.daemon, f"/upload/{BOB}/1/photo.jpg", self.other)
        for number in (1, 2):
            gone = ask(self.daemon.port, "GET", f"/upload/{ALICE}/{number}/photo.jpg")
            self.assert_status(410, gone)
        self.assert_status(404, ask(self.daemon.port, "HEAD", self.rest_target, TOKEN))
        # Her day begins anew.
        self.assertEqual(201, self.put(f"{ALICE}/3/photo.jpg", self.other))
        self.assertEqual([("done", ALICE)], self.outcomes())
        self.assert_without_server()

    def assert_without_server(self) -> None:
        """What a crash left half done is finished, and what came since is removed."""
        self.daemon.kill9()
        # As if the crash had come between the row and the bytes of what is forgotten.
        left = self.daemon.storage / ALICE / "2/photo.jpg"
        left.parent.mkdir(parents=True)
        left.write_bytes(self.photo)
        lines, _ = self.forget("-json")
        self.assertEqual([{"removed": f"{ALICE}/3/photo.jpg"}], [*map(json.loads, lines)])
        self.assertEqual(2, len(self.traces()), self.traces())
        self.assertEqual([("done", ALICE)] * 2, self.outcomes())
        lines, told = self.forget()
        self.assertEqual(([], True), (lines, told.startswith("0 files of 0 bytes, 0 uploads")))
        self.assertEqual([BOB], [path.name for path in self.daemon.storage.glob("?" * 40)])
