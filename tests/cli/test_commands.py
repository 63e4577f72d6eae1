"""Tests of the list of sub-commands."""

from __future__ import annotations

import argparse
import contextlib
import io

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import commands
from hmacfs.cli.command import Command, CommandFailed, Parser
from hmacfs.cli.commands import COMMANDS, add_to, perform
from hmacfs.cli.surroundings import Surroundings


def _nothing(parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


class CommandsTests(SynchronousTestCase):
    """``add_to``, ``perform`` and ``run``."""

    def run_command(self, raised: BaseException | None, code: int = 0) -> tuple[int, str]:
        """Run a made-up command that ends so; return the exit code and what is said."""

        def run(arguments: argparse.Namespace, around: Surroundings) -> int:
            if raised is not None:
                raise raised
            return code

        err = io.StringIO()
        around = Surroundings(io.StringIO(), err, {})
        made_up = Command("made-up", _nothing, run)
        return commands.run(made_up, argparse.Namespace(), around), err.getvalue()

    def test_code(self) -> None:
        """The exit code is that of the command."""
        self.assertEqual(self.run_command(None), (0, ""))
        self.assertEqual(self.run_command(None, 1), (1, ""))

    def test_failure(self) -> None:
        """A failure is its sentence, and its exit code."""
        self.assertEqual(self.run_command(CommandFailed("it is away")), (1, "it is away\n"))
        self.assertEqual(self.run_command(CommandFailed("no such", 2)), (2, "no such\n"))

    def test_system(self) -> None:
        """What the system refuses is told with what it was about."""
        refused = PermissionError(13, "Permission denied", "/closed/index")
        self.assertEqual(self.run_command(refused), (1, "/closed/index: Permission denied\n"))

    def test_interrupt(self) -> None:
        """An interrupt is said, and a failure."""
        self.assertEqual(self.run_command(KeyboardInterrupt()), (1, "interrupted\n"))

    def test_help(self) -> None:
        """Help is asked for with one dash or two, here and of a command."""
        for asked in (["-help"], ["--help"], ["-h"], ["keys", "-help"], ["keys", "--help"]):
            parser = Parser("hmac-file-server")
            add_to(parser, asked)
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                ended = self.assertRaises(SystemExit, parser.parse_args, asked)
            self.assertEqual((ended.code, shown.getvalue()[:6]), (0, "usage:"))

    def test_none(self) -> None:
        """Without a command there is nothing to do."""
        parser = argparse.ArgumentParser()
        add_to(parser, ())
        around = Surroundings(io.StringIO(), io.StringIO(), {})
        self.assertIsNone(perform(parser.parse_args([]), around))

    def test_configuration_at_the_end(self) -> None:
        """Every command takes ``-config`` after it, and each of its actions does after that."""
        for listed in COMMANDS:
            parsers = [commands.parser_of(listed.command)]
            for action in parsers[0]._actions:
                if isinstance(action, argparse._SubParsersAction):
                    parsers += action.choices.values()
            for parser in parsers:
                self.assertIn("-config", parser.format_help(), parser.prog)

    def test_names(self) -> None:
        """No two commands have one name, and each has a line of help."""
        self.assertEqual(len({command.name for command in COMMANDS}), len(COMMANDS))
        for command in COMMANDS:
            self.assertTrue(command.help)
            self.assertNotIn("\n", command.help)
            self.assertEqual(command.command.name, command.name)
