"""The command ``hmac-file-server``, as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "hmacfs.cli.main"]


class MainCase(SynchronousTestCase):
    """Runs the command in an empty directory."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.environ.pop("HMAC_CONFIG_PATH", None)

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

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a process, to be killed after the test, or when it takes too long."""
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
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


class FlagTests(MainCase):
    """Flags, and what is wrong with them."""

    def test_version(self) -> None:
        """``-version`` and ``--version`` show the version."""
        for flag in ("-version", "--version"):
            ended = self.run_command(flag)
            self.assertEqual((ended.returncode, ended.stdout), (0, f"hmac-file-server {VERSION}\n"))

    def test_config_flags(self) -> None:
        """Flags of the configuration work here, with nothing but TOML on standard output."""
        made = self.run_command("-genconfig")
        self.assertEqual(made.returncode, 0)
        parsed = tomllib.loads(made.stdout)
        self.assertIn("secret", parsed["security"])
        path = self.directory / "made.toml"
        path.write_text(made.stdout, encoding="utf-8")
        path.chmod(0o600)
        checked = self.run_command("--validate-config", "-config", "made.toml")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""), checked.stdout)

    def test_unknown_flag(self) -> None:
        """A flag that does not exist is a usage error."""
        ended = self.run_command("-confg", "x")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("-confg", ended.stderr)

    def test_missing_config(self) -> None:
        """A named file that does not exist is an error, and nothing is written in its place."""
        ended = self.run_command("-config", "missing.toml")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("missing.toml: there is no such file", ended.stderr)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_bad_config(self) -> None:
        """A configuration that cannot be used is left as it is; each problem is one line."""
        config = self.directory / "config.toml"
        config.write_text('[server]\nstorage_pth = "x"\nmax_upload_size = "1x"\n', encoding="utf-8")
        config.chmod(0o600)
        before = config.read_bytes()
        ended = self.run_command()
        self.assertEqual(ended.returncode, 2)
        self.assertIn("config.toml:2:1: ", ended.stderr)
        self.assertIn("storage_path", ended.stderr)
        self.assertIn("config.toml:3:", ended.stderr)
        self.assertEqual(config.read_bytes(), before)


class StartTests(MainCase):
    """Serving."""

    def config(self, port: int) -> None:
        """Write a configuration."""
        path = self.directory / "config.toml"
        path.write_text(
            f'[server]\nlisten_address = "127.0.0.1:{port}"\nmin_free_bytes = 0\n'
            '[security]\nsecret = "correct horse battery staple"\n',
            encoding="utf-8",
        )
        path.chmod(0o600)

    def test_zero_config(self) -> None:
        """Without a configuration it makes one, serves, and its curl line works when pasted."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 8080)) == 0:
                self.fail("port 8080, where the first start listens, is taken on this machine")
        process = self.start(*COMMAND)
        said = self.read_until(process, "is ready on")
        found = re.search(r"^curl .*$", said, re.MULTILINE)
        assert found is not None
        pasted = subprocess.run(
            ["sh", "-c", found[0]], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((pasted.returncode, pasted.stdout), (0, "hello, world"), pasted.stderr)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_start_that_fails(self) -> None:
        """A port that is taken is one clear sentence and exit code 1."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.config(port)
            ended = self.run_command()
        self.assertEqual(ended.returncode, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}: Address already in use", ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)

    def test_twistd(self) -> None:
        """``twistd -n hmacfs`` is the same service."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.config(port)
        twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
        process = self.start(*twistd, "-n", "--pidfile=", "hmacfs", "--config", "config.toml")
        self.read_until(process, f"is ready on tcp:127.0.0.1:{port}")
        process.send_signal(signal.SIGTERM)
        self.assertIsNotNone(process.wait(30))

    def test_twistd_that_cannot_start(self) -> None:
        """``twistd`` ends with failure when the service cannot start."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.config(other.getsockname()[1])
            twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
            process = self.start(*twistd, "-n", "--pidfile=", "hmacfs", "--config", "config.toml")
            self.read_until(process, "Address already in use")
            self.assertEqual(process.wait(30), 1)
