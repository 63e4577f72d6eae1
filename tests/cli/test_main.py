"""The command ``hmac-file-server``, as a process."""

from __future__ import annotations

import signal
import socket
import sys
import tomllib

from hmacfs.base.version import VERSION
from tests.cli.command import MainCase


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
        self.assertIsNotNone(process.wait(60))

    def test_twistd_that_cannot_start(self) -> None:
        """``twistd`` ends with failure when the service cannot start."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.config(other.getsockname()[1])
            twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
            process = self.start(*twistd, "-n", "--pidfile=", "hmacfs", "--config", "config.toml")
            self.read_until(process, "Address already in use")
            self.assertEqual(process.wait(60), 1)
