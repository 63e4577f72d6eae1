"""Deleting what has had its time, beside a server that runs, across kills, and of a million."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import Final

import jwt

from tests.real import ways
from tests.real.case import ServerCase
from tests.real.client import Headers, ask, put
from tests.real.daemon import CHECKOUT, SECRET, Daemon, eventually

ROWS: Final = 1_000_000 if os.environ.get("HMACFS_LONG") else 20_000
FILES: Final = 400
KILLS: Final = 12 if os.environ.get("HMACFS_LONG") else 5
MEMORY: Final = 200 * 1024 * 1024
"""More than a run of any length may take, the interpreter and all modules included."""


class RetentionCase(ServerCase):
    """A server that was stopped, with rows of old files in its index."""

    def prepare(self, rows: int, files: int) -> Daemon:
        """Return a server with so many old rows, of which some have files, and one new file."""
        daemon = self.start()
        self.assert_status(201, put(daemon.port, daemon.target("new/file", 3), b"new"))
        daemon.stop()
        index = daemon.storage / ".hmacfs" / "index.sqlite"
        old = time.time() - 90 * 86400
        with closing(sqlite3.connect(index)) as connection, connection:
            connection.executemany(
                "INSERT INTO files (name, size, sha256, content_type, uploaded_at) "
                "VALUES (?, 3, zeroblob(32), 'text/plain', ?)",
                ((f"old/{number % 100:02}/{number}", old + number // 10) for number in range(rows)),
            )
        for number in range(files):
            path = daemon.storage / f"old/{number % 100:02}/{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"old")
        self.configure(daemon)
        return daemon

    def configure(self, daemon: Daemon) -> None:
        """Let files live thirty days."""
        config = daemon.storage.parent / "config.toml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("[server]", '[server]\nmax_file_age = "30d"'), "utf-8")

    def begun(self, daemon: Daemon) -> subprocess.Popen[str]:
        """Begin the command."""
        config = daemon.storage.parent / "config.toml"
        environ = {**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "hmacfs.cli.main", "-config", config, "retention"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def said(self, process: subprocess.Popen[str]) -> str:
        """Return what it says when it has ended."""
        assert process.stderr is not None
        with process.stderr as stream:
            text = stream.read()
        process.wait()
        return text

    def rows(self, daemon: Daemon) -> set[str]:
        """Return the names that the index knows."""
        index = daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM files")}

    def tombstones(self, daemon: Daemon) -> int:
        """Return how many names are remembered."""
        index = daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index)) as connection:
            ((count,),) = connection.execute("SELECT count(*) FROM tombstones").fetchall()
        return int(count)


class CommandTests(RetentionCase):
    """The command."""

    def test_many(self) -> None:
        """Very many rows are cleaned in little memory."""
        daemon = self.prepare(ROWS, 100)
        began = time.monotonic()
        ended = self.begun(daemon)
        peak = 0
        while ended.poll() is None:
            status = pathlib.Path(f"/proc/{ended.pid}/status")
            try:
                found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text("ascii"), re.MULTILINE)
            except FileNotFoundError:
                break
            peak = max(peak, int(found[1]) * 1024 if found else 0)
            time.sleep(0.05)
        said = self.said(ended)
        took = time.monotonic() - began
        print(f"{ROWS} rows were deleted in {took:.1f} s with {peak >> 20} MiB", file=sys.stderr)
        self.assertEqual(ended.returncode, 0, said)
        self.assertIn(f"{ROWS} files of {3 * ROWS} bytes deleted", said)
        self.assertLess(peak, MEMORY)
        self.assertEqual(self.rows(daemon), {"new/file"})
        self.assertEqual(set(daemon.stored()), {"new/file"})
        self.assertFalse((daemon.storage / "old").exists())

    def test_killed(self) -> None:
        """However often it is killed, no row is without its file, and no bytes stay without one."""
        daemon = self.prepare(FILES, FILES)
        for kill in range(KILLS):
            process = self.begun(daemon)
            buried = self.tombstones(daemon)
            eventually(
                "the next deletions",
                lambda process=process, buried=buried: (  # type: ignore[misc]
                    process.poll() is not None or self.tombstones(daemon) > buried
                ),
            )
            time.sleep(0.002 * kill)
            process.kill()
            process.wait()
            self.assertLessEqual(self.rows(daemon), set(daemon.stored()))
        process = self.begun(daemon)
        said = self.said(process)
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.rows(daemon), {"new/file"})
        self.assertEqual(set(daemon.stored()), {"new/file"})

    def test_beside_server(self) -> None:
        """While a server runs the command is safe: what is uploaded meanwhile stays."""
        daemon = self.start({"server": {"cleanup_interval": "30d"}})
        self.configure(daemon)
        self.assert_status(201, put(daemon.port, daemon.target("a", 1), b"a"))
        index = daemon.storage / ".hmacfs" / "index.sqlite"
        with closing(sqlite3.connect(index, timeout=20)) as connection, connection:
            connection.executemany(
                "INSERT INTO files (name, size, sha256, content_type, uploaded_at) "
                "VALUES (?, 3, zeroblob(32), 'text/plain', 5)",
                ((f"old/{number}",) for number in range(5000)),
            )
        process = self.begun(daemon)
        count = 0
        while process.poll() is None:
            name = f"old/more-{count}"
            self.assert_status(201, put(daemon.port, daemon.target(name, 3), b"new"))
            count += 1
        self.assertEqual(process.returncode, 0)
        for number in range(count):
            name = daemon.place(f"old/more-{number}")
            self.assert_status(200, ask(daemon.port, "GET", name))
        self.assert_status(410, ask(daemon.port, "GET", daemon.place("old/7")))
        self.assertEqual(len(self.rows(daemon)), count + 1)


class ServerTests(RetentionCase):
    """The server."""

    def test_end_of_its_own(self) -> None:
        """A file that its slot gave an end is gone at that moment, and cleaned off the disk."""
        daemon = self.start()
        claims = {
            "slot": "slot",
            "filename": "short",
            "filesize": 5,
            "filetype": "text/plain",
            "exp": int(time.time()) + 600,
            "expires": int(time.time()) + 3,
        }
        headers: Headers = {
            "Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}",
            "Content-Type": "text/plain",
        }
        place = daemon.place("slot/short")
        self.assert_status(201, ways.send(daemon, "PUT", place, b"short", headers))
        answer = ask(daemon.port, "GET", place)
        self.assert_status(200, answer)
        self.assertRegex(answer.headers["cache-control"], r"max-age=[0-3]\b")
        eventually("its end", lambda: ask(daemon.port, "GET", place).status == 410)
        self.assertEqual(list(daemon.stored()), ["slot/short"])
        process = self.begun(daemon)
        self.assertIn("1 files of 5 bytes deleted", self.said(process))
        self.assertFalse((daemon.storage / "slot").exists())
        self.assert_status(410, ask(daemon.port, "GET", place))

    def test_old_configuration(self) -> None:
        """The names of 1.0.5 delete and report as they did: by age and, of the rest, by size."""
        daemon = self.prepare(20, 20)
        report = daemon.config.with_name("report")
        daemon.config.write_text(
            f'''
            ListenPort = "127.0.0.1:{daemon.port}"
            StoragePath = "{daemon.storage}"
            Secret = "{SECRET}"
            DeleteFiles = true
            DeleteFilesAfterPeriod = "365d"
            RetentionPolicyEnabled = true
            MaxRetentionSize = "9B"
            MaxRetentionTime = "2Y"
            DeleteFilesReport = true
            DeleteFilesReportPath = "{report}"
            ''',
            encoding="utf-8",
        )
        daemon.start()
        eventually("the deletions", lambda: len(self.rows(daemon)) == 3)
        eventually("the report", lambda: len(report.read_text("utf-8").splitlines()) == 18)
        told = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
        self.assertEqual({each["reason"] for each in told}, {"size"})
        self.assertEqual({each["path"] for each in told}, {f"old/{n:02}/{n}" for n in range(18)})
        self.assertTrue(all(each["size"] == 3 and each["age_seconds"] > 0 for each in told))
        self.assertEqual(set(daemon.stored()), {"old/18/18", "old/19/19", "new/file"})
        text = daemon.config.read_text(encoding="utf-8").replace("365d", "1h")
        daemon.config.write_text(text.replace("Report = true", "Report = false"), encoding="utf-8")
        daemon.restart()
        eventually("the deletion by age", lambda: self.rows(daemon) == {"new/file"})
        self.assertEqual(len(report.read_text(encoding="utf-8").splitlines()), 18)

    def test_killed(self) -> None:
        """A server that is killed while it deletes finishes that at its next start."""
        daemon = self.prepare(FILES, FILES)
        for _ in range(3):
            buried = self.tombstones(daemon)
            daemon.start()
            eventually(
                "deletions",
                lambda buried=buried: (  # type: ignore[misc]
                    self.tombstones(daemon) > buried or self.rows(daemon) == {"new/file"}
                ),
            )
            daemon.kill9()
            self.assertLessEqual(self.rows(daemon), set(daemon.stored()))
        daemon.start()
        eventually("the end of the deletions", lambda: not (daemon.storage / "old").exists())
        self.assertEqual(set(daemon.stored()), {"new/file"})
        self.assertEqual(self.rows(daemon), {"new/file"})
        answer = ask(daemon.port, "GET", daemon.place("new/file"))
        self.assertEqual(answer.status, 200)
