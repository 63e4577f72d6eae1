"""The command ``hmac-file-server`` as a process, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "hmacfs.cli.main"]


class MainCase(SynchronousTestCase):
    """Runs the command in an empty directory."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *command: str, keep: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        """
        Start a process, to be killed after the test, or when it takes too long.

        :param keep: descriptors that it gets.
        """
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=keep,
        )
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.addCleanup(watchdog.cancel)
        return process

    def read_until(self, process: subprocess.Popen[str], sign: str) -> str:
        """Read what it says until a line with the sign."""
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if sign in line:
                return said
        raise AssertionError(f"it never said {sign!r}: {said}")
