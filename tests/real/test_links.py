"""Links among the files are followed by no way in, by no download, and by no housekeeping."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.real import ways
from tests.real.case import ServerCase, command
from tests.real.client import ask, put
from tests.real.daemon import Sections
from tests.real.ways import WAYS, File

DATA = b"nobody may read or change this"


class LinksTests(ServerCase):
    """A server, a directory beside it, and links from the one into the other."""

    def setUp(self) -> None:
        self.elsewhere = self.directory()
        for name in ("file", "old", "small.png"):
            (self.elsewhere / name).write_bytes(DATA)
        iso: dict[str, object] = {
            "enabled": True,
            "containerfile": os.fspath(self.directory() / "a.iso"),
        }
        more: Sections = {
            "iso": iso,
            "server": {"max_file_age": "30d"},
            "thumbnails": {"enabled": True},
        }
        self.daemon = self.start({**ways.SECTIONS, **more})

    def plant(self, name: str, target: Path) -> None:
        """Plant a link."""
        path = self.daemon.storage / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)

    def known(self, *names: str, uploaded_at: float) -> None:
        """Let the index know of files."""
        index = self.daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index, timeout=20)) as connection, connection:
            connection.executemany(
                "INSERT INTO files (name, size, sha256, content_type, uploaded_at) "
                "VALUES (?, ?, zeroblob(32), 'image/png', ?)",
                [(name, len(DATA), uploaded_at) for name in names],
            )

    def run_command(self, *words: str) -> int:
        """Run a command and return its exit code."""
        return command(self.daemon, *words).returncode

    def assert_untouched(self) -> None:
        """Fail unless what the links lead to is what it was."""
        found = {path.name: path.read_bytes() for path in self.elsewhere.iterdir()}
        self.assertEqual(found, dict.fromkeys(("file", "old", "small.png"), DATA))

    def test_downloads(self) -> None:
        """Nothing is given out through a link, be it of a file or of a folder, nor a picture."""
        self.plant("link", self.elsewhere / "file")
        self.plant("folder", self.elsewhere)
        self.known("link", "folder/file", "folder/small.png", uploaded_at=time.time())
        for name in ("link", "folder/file", "folder/small.png"):
            for target in (self.daemon.place(name), f"/download/{name}", f"/thumbnail/{name}"):
                self.assert_status(404, ask(self.daemon.port, "GET", target), target)

    def test_uploads(self) -> None:
        """Nothing is written through a link, by whatever way in."""
        self.plant("folder", self.elsewhere)
        self.assert_status(409, put(self.daemon.port, self.daemon.target("folder/new", 3), b"new"))
        for way, upload in WAYS.items():
            name = ways.name_of(way)
            self.plant(name, self.elsewhere / "file")
            answer = upload(self.daemon, File(name, b"0123456789"))
            # Those that store in a folder of their own are not concerned.
            self.assertIn(answer.status, (409, 200, 201, 204), way)
            self.assertEqual((self.daemon.storage / name).readlink(), self.elsewhere / "file")
        self.assert_untouched()

    def test_housekeeping(self) -> None:
        """Nothing is deleted, indexed or packed through a link."""
        self.plant("folder", self.elsewhere)
        self.plant("link", self.elsewhere / "file")
        self.known("folder/old", "link", uploaded_at=time.time() - 90 * 86400)
        self.known("folder/file", uploaded_at=time.time())
        self.assertEqual(self.run_command("retention"), 0)
        if shutil.which("xorriso"):
            self.assertEqual(self.run_command("iso", "pack"), 0)
        self.assertEqual(self.run_command("reindex"), 0)
        self.assert_untouched()
        index = self.daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index)) as connection:
            self.assertEqual(connection.execute("SELECT name FROM files").fetchall(), [])
        self.daemon.restart()
        self.assert_untouched()
