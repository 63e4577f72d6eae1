"""Old files in ISO containers, served and removed as if they were on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

from twisted.trial.unittest import SkipTest

from tests.real.case import MEGABYTE, ServerCase, noise
from tests.real.client import ask, put
from tests.real.daemon import CHECKOUT, Daemon, eventually


class ContainerTests(ServerCase):
    """A server whose files may be packed into containers of four megabytes."""

    def packed(self, schedule: str = "0s") -> Daemon:
        """Return it."""
        if not (shutil.which("xorriso") or shutil.which("genisoimage")):
            raise SkipTest("containers are written by xorriso or genisoimage")
        self.containers = self.directory()
        iso = {
            "enabled": True,
            "size": "4MB",
            "schedule": schedule,
            "containerfile": os.fspath(self.containers / "old.iso"),
        }
        return self.start({"iso": iso})

    def command(self, daemon: Daemon, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hmacfs.cli.main"),
                *("-config", os.fspath(daemon.storage.parent / "config.toml"), *arguments),
            ],
            env={**os.environ, "PYTHONPATH": os.fspath(CHECKOUT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def store(self, daemon: Daemon, count: int) -> dict[str, bytes]:
        """Store files, and return them."""
        files = {f"f{number}/ü {number}": noise(MEGABYTE // 8, number) for number in range(count)}
        for name, data in files.items():
            self.assert_status(201, put(daemon.port, daemon.target(name, len(data)), data))
        return files

    def test_served(self) -> None:
        """Packed files come back whole and in ranges; what is deleted is gone; a PUT repeats."""
        daemon = self.packed()
        files = self.store(daemon, 10)
        self.assertEqual(self.command(daemon, "iso", "pack").wait(60), 0)
        self.assertEqual(daemon.stored(), {})
        for name, data in files.items():
            self.assert_comes_back(daemon, daemon.place(name), data)
        name, data = next(iter(files.items()))
        answer = ask(daemon.port, "GET", daemon.place(name), {"Range": "bytes=1000-70999"})
        self.assertEqual((answer.status, answer.body), (206, data[1000:71000]))
        self.assert_status(201, put(daemon.port, daemon.target(name, len(data)), data))
        self.assert_status(409, put(daemon.port, daemon.target(name, 3), b"new"))
        self.assertEqual(self.command(daemon, "rm", name).wait(60), 0)
        self.assert_status(410, ask(daemon.port, "GET", daemon.place(name)))
        daemon.restart()
        name, data = list(files.items())[-1]
        self.assert_comes_back(daemon, daemon.place(name), data)

    def test_killed(self) -> None:
        """However often packing is killed, every file is there, from the disk or a container."""
        daemon = self.packed()
        files = self.store(daemon, 24)
        for step in range(6):
            process = self.command(daemon, "iso", "pack")
            time.sleep(0.3 + 0.15 * step)
            process.kill()
            process.wait()
            for name, data in files.items():
                self.assert_comes_back(daemon, daemon.place(name), data)
        self.assertEqual(self.command(daemon, "iso", "pack").wait(60), 0)
        self.assertEqual(self.command(daemon, "iso", "verify").wait(60), 0)

    def test_schedule(self) -> None:
        """By itself the server packs when there is enough to fill a container."""
        daemon = self.packed("1s")
        self.store(daemon, 4)
        time.sleep(1.5)
        self.assertEqual(len(daemon.stored()), 4)
        files = self.store(daemon, 40)
        eventually("a container", (self.containers / "old.iso").exists)
        eventually("room", lambda: not (daemon.storage / "f1").exists())
        for name, data in files.items():
            self.assert_comes_back(daemon, daemon.place(name), data)
