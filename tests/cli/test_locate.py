"""Where the configuration is looked for."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import locate


class ConfigTests(SynchronousTestCase):
    """``config``."""

    def setUp(self) -> None:
        here = Path.cwd()
        self.addCleanup(os.chdir, here)
        empty = Path(self.mktemp())
        empty.mkdir()
        os.chdir(empty)

    def test_named(self) -> None:
        """A named file is taken, whether it exists or not, before any other."""
        environ = {"HMAC_CONFIG_PATH": "/nowhere/b.toml"}
        self.assertEqual(locate.config("/nowhere/a.toml", environ), Path("/nowhere/a.toml"))
        self.assertEqual(locate.config(None, environ), Path("/nowhere/b.toml"))

    def test_local(self) -> None:
        """Without a name, config.toml of the working directory is taken."""
        Path("config.toml").write_text("", encoding="utf-8")
        self.assertEqual(locate.config(None, {}), Path("config.toml"))

    def test_none(self) -> None:
        """Without any, there is none."""
        self.patch(locate, "SYSTEM_CONFIG", Path("nowhere.toml"))
        self.assertIsNone(locate.config(None, {"HMAC_CONFIG_PATH": ""}))
