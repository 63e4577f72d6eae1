"""A configuration, for tests of the commands that need nothing else."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.main import main
from tests.cli.storage_case import Outcome

SECRET = "correct horse battery staple"


class ConfigCase(SynchronousTestCase):
    """A directory with a configuration."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.config = self.directory / "config.toml"
        self.configure()

    def configure(self, server: str = "", security: str = f'secret = "{SECRET}"') -> None:
        """Write a configuration with these lines."""
        storage = f"storage_path = '{self.directory / 'uploads'}'"
        text = f"[server]\n{storage}\n{server}\n[security]\n{security}\n"
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    def command(self, *arguments: str) -> Outcome:
        """Run a command with the configuration."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stderr(err):
            try:
                code = main(["-config", str(self.config), *arguments], {}, out, err)
            except SystemExit as end:
                # Of argparse: the usage is wrong.
                code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())
