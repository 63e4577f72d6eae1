"""The first start, without any configuration."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import first_start
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.read import read_file


class FirstStartTests(SynchronousTestCase):
    """``write_config`` and ``greeting``."""

    def test_written_config(self) -> None:
        """The file is for its owner only, listens on this machine only, and each has its secret."""
        secrets = set()
        for _ in range(2):
            path = Path(self.mktemp())
            first_start.write_config(path)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            settings = read_file(path, {})
            self.assertEqual(settings[options.SERVER_LISTEN_ADDRESS], Address("127.0.0.1", 8080))
            secrets.add(settings[options.SECURITY_SECRET])
        self.assertEqual(len(secrets), 2)
        self.assertGreaterEqual(min(map(len, secrets)), 43)

    def test_existing_file(self) -> None:
        """An existing file is never touched."""
        path = Path(self.mktemp())
        path.write_text("mine", encoding="utf-8")
        self.assertRaises(FileExistsError, first_start.write_config, path)
        self.assertEqual(path.read_text(encoding="utf-8"), "mine")

    def test_greeting(self) -> None:
        """The greeting names the file and holds a command, without the secret."""
        path = Path(self.mktemp())
        first_start.write_config(path)
        settings = read_file(path, {})
        text = first_start.greeting(path, settings)
        self.assertIn(str(path), text)
        self.assertIn("curl -fsS -X PUT", text)
        self.assertNotIn(settings[options.SECURITY_SECRET], text)
