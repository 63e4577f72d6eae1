"""Tests of what all sub-commands share."""

from __future__ import annotations

import argparse
import io
import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.command import CommandFailed, add_common, add_option, settings_of
from hmacfs.cli.surroundings import Surroundings
from hmacfs.config import options
from tests.config.files import SECRET


class SettingsTests(SynchronousTestCase):
    """``settings_of``."""

    def settings_of(self, path: pathlib.Path | None, environ: dict[str, str]) -> str:
        """Read a configuration and return its secret, or why not."""
        arguments = argparse.Namespace(config=None if path is None else str(path))
        around = Surroundings(io.StringIO(), io.StringIO(), environ)
        try:
            return settings_of(arguments, around)[options.SECURITY_SECRET]
        except CommandFailed as error:
            self.assertEqual(error.code, 2)
            return str(error)

    def test_read(self) -> None:
        """The file that is named is read, else the one of the environment."""
        path = pathlib.Path(self.mktemp())
        path.write_text(f"[security]\nsecret = '{SECRET}'\n", encoding="utf-8")
        path.chmod(0o600)
        self.assertEqual(self.settings_of(path, {}), SECRET)
        self.assertEqual(self.settings_of(None, {"HMAC_CONFIG_PATH": str(path)}), SECRET)

    def test_unusable(self) -> None:
        """A file that cannot be used, or is not there, is wrong usage, and tells where."""
        path = pathlib.Path(self.mktemp())
        self.assertIn("there is no such file", self.settings_of(path, {}))
        path.write_text("[server]\nnonsense = 1\n", encoding="utf-8")
        path.chmod(0o600)
        self.assertIn(f"{path}:2:1: ", self.settings_of(path, {}))


class OptionTests(SynchronousTestCase):
    """``add_option`` and ``add_common``."""

    def test_dashes(self) -> None:
        """One dash or two are alike."""
        parser = argparse.ArgumentParser(allow_abbrev=False)
        add_option(parser, "dry-run", action="store_true")
        for flag in ("-dry-run", "--dry-run"):
            self.assertTrue(parser.parse_args([flag]).dry_run)

    def test_common(self) -> None:
        """What was given before the command stays when it is not given after it."""
        parser = argparse.ArgumentParser()
        add_common(parser)
        before = argparse.Namespace(config="before", json=True)
        self.assertEqual(parser.parse_args([], before).config, "before")
        self.assertEqual(parser.parse_args(["-config", "after"], before).config, "after")
        self.assertTrue(before.json)
