"""Files of the stores that a server cannot use: it ends, or refuses, with a sentence that helps."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

from hmacfs.base.names import INTERNAL_DIRECTORY
from tests.real import left
from tests.real.case import MEGABYTE, ServerCase, command, noise
from tests.real.client import ask, put
from tests.real.daemon import Daemon, DidNotStart, eventually
from tests.real.left import DATA, NAME

PAGE = 4096
FILES = ("index.sqlite", "state.sqlite")


class StoreFileTests(ServerCase):
    """What can be wrong with the files of SQLite."""

    def ours(self, daemon: Daemon, name: str) -> pathlib.Path:
        """Return where a file of the stores lies."""
        return daemon.storage / INTERNAL_DIRECTORY / name

    def with_a_file(self) -> Daemon:
        """Return a server that was stopped after an upload."""
        daemon = self.unstarted()
        left.leave(daemon.storage)
        return daemon

    def assert_ends(self, daemon: Daemon, *parts: str) -> None:
        """Fail unless the server ends with exit code 1 and one sentence that has these parts."""
        failure = self.assertRaises(DidNotStart, daemon.start)
        self.assertEqual(1, daemon.process.returncode)
        told = [line for line in str(failure).splitlines() if all(part in line for part in parts)]
        self.assertEqual(1, len(told), str(failure))

    def test_damaged(self) -> None:
        """A file that is no database keeps the server from starting; what it says to do helps."""
        daemon = self.with_a_file()
        for name in FILES:
            path = self.ours(daemon, name)
            whole = path.read_bytes()
            path.write_bytes(noise(len(whole)))
            self.assert_ends(daemon, "is damaged, or is no database", f" {path} ", "move the file")
            path.write_bytes(whole)
        index = self.ours(daemon, FILES[0])
        index.rename(index.with_suffix(".damaged"))
        done = command(daemon, "reindex")
        self.assertEqual(0, done.returncode, done.stderr)
        daemon.start()
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)

    def test_damaged_in_part(self) -> None:
        """A file whose pages were overwritten is told as damaged, and nobody gets wrong bytes."""
        daemon = self.with_a_file()
        index = self.ours(daemon, FILES[0])
        with index.open("r+b") as file:
            file.seek(PAGE)
            file.write(noise(index.stat().st_size - PAGE))
        before = len(daemon.log)
        daemon.begin()
        eventually("the server to listen", lambda: " is ready on " in daemon.log[before:])
        self.assert_status(503, ask(daemon.port, "GET", daemon.place("a")))
        self.assert_status(503, ask(daemon.port, "GET", "/health"))
        self.assertIn("is damaged, or is no database", daemon.log)

    def test_stage_removed(self) -> None:
        """A server that can begin no file does not say that it is well."""
        daemon = self.with_a_file()
        daemon.start()
        self.assert_status(200, ask(daemon.port, "GET", "/health"))
        (daemon.storage / ".hmacfs/stage").rmdir()
        answer = ask(daemon.port, "GET", "/health", {"Accept": "application/json"})
        self.assert_status(503, answer)
        self.assertIn("cannot store files", json.loads(answer.body)["parts"]["storage"]["detail"])
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)
        daemon.restart()
        self.assert_status(200, ask(daemon.port, "GET", "/health"))

    def test_read_only(self) -> None:
        """A file that cannot be written keeps the server from starting."""
        disk = self.small_disk(4 * MEGABYTE)
        daemon = self.unstarted({"index": {"path": os.fspath(disk / "index.sqlite")}})
        left.leave(daemon.storage)
        shutil.move(self.ours(daemon, FILES[0]), disk)
        subprocess.run(["mount", "-o", "remount,ro", os.fspath(disk)], check=True)
        self.assert_ends(daemon, "needs write access", str(disk / "index.sqlite"))
        subprocess.run(["mount", "-o", "remount,rw", os.fspath(disk)], check=True)
        daemon.start()
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)

    def test_full(self) -> None:
        """With no room for the index alone uploads are told 507, and it goes on when there is."""
        disk = self.small_disk(2 * MEGABYTE)
        daemon = self.start({"index": {"path": os.fspath(disk / "index.sqlite")}})
        ballast = disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(noise(PAGE))

        def is_told() -> bool:
            name = os.urandom(8).hex()
            return put(daemon.port, daemon.target(name, 5), b"12345").status == 507

        # What the log of the database has room for already still fits.
        eventually("the index to have no room", is_told)
        self.assertIn("free space on its file system", daemon.log)
        ballast.unlink()
        self.assert_status(201, put(daemon.port, daemon.target("a", len(DATA)), DATA))
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)

    def test_newer(self) -> None:
        """Files of a newer release keep the server from starting, and stay as they are."""
        daemon = self.with_a_file()
        for name in FILES:
            path = self.ours(daemon, name)
            with contextlib.closing(sqlite3.connect(path)) as connection:
                ((version,),) = connection.execute("PRAGMA user_version").fetchall()
                connection.execute("PRAGMA user_version = 99")
            self.assert_ends(daemon, "written by a newer release", str(path), "schema 99")
            with contextlib.closing(sqlite3.connect(path)) as connection:
                self.assertEqual([(99,)], connection.execute("PRAGMA user_version").fetchall())
                connection.execute(f"PRAGMA user_version = {version}")
        daemon.start()
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)

    def test_older(self) -> None:
        """A file of an older release is backed up beside it, and then brought up to date."""
        daemon = self.with_a_file()
        index = self.ours(daemon, FILES[0])
        with contextlib.closing(sqlite3.connect(index)) as connection:
            ((latest,),) = connection.execute("PRAGMA user_version").fetchall()
            connection.execute(f"PRAGMA user_version = {latest - 1}")
        before = shutil.copy(index, self.directory() / "before")
        daemon.start()
        self.assert_comes_back(daemon, daemon.place(NAME), DATA)
        kept = index.with_name(f"{index.name}.version-{latest - 1}")
        told = []
        for path in (before, kept):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                told.append("\n".join(connection.iterdump()))
        self.assertEqual(told[0], told[1])
        self.assertIn(f"to schema {latest}; as it was before, it is kept in {kept}", daemon.log)

    def test_two_servers(self) -> None:
        """Two servers with storages of their own cannot have one index; the first goes on."""
        path = self.directory() / "index.sqlite"
        daemon = self.start({"index": {"path": os.fspath(path)}})
        second = Daemon(self.directory(), {"index": {"path": os.fspath(path)}})
        self.assert_ends(second, "another hmac-file-server uses the index", "index.path")
        self.assert_status(201, put(daemon.port, daemon.target("a", len(DATA)), DATA))
        daemon.kill9()
        second.start()
        self.addCleanup(second.kill9)
        self.assertTrue(self.connect(second).works())
