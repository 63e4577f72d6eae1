"""Tests of the manual page of the command."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.command_manual import manual
from hmacfs.cli.commands import COMMANDS
from hmacfs.cli.main import parser
from hmacfs.config.manual import escape


class ManualTests(SynchronousTestCase):
    """``manual``."""

    def test_complete(self) -> None:
        """Every flag and every command is told, with what it is for."""
        page = manual()
        for action in parser()._actions:
            self.assertIn(f"\n.B {escape(action.option_strings[0])}", page)
        for command in COMMANDS:
            self.assertIn(f"\n.SS {escape(command.name)}\n", page)
        self.assertIn("\nWrite a configuration with what most servers need", page)

    def test_choices(self) -> None:
        """What an argument may be is told."""
        self.assertIn("\n.B list|rotate\n", manual())

    def test_roff(self) -> None:
        """No line of text is taken for a request, and dashes can be copied."""
        for line in manual().splitlines():
            if line.startswith(("'", ".")):
                self.assertRegex(line, r"^\.(TH|SH|SS|TP|B|I|BR|RI|IR|br|\\\")( |$)")
            else:
                self.assertNotRegex(line, r"(?<!\\)-[a-z]+-")
