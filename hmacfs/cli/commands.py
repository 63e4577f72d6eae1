"""The sub-commands of ``hmac-file-server``."""

from __future__ import annotations

import argparse
import os
from typing import Final

from hmacfs.cli import (
    audit_command,
    bans_command,
    dedup_command,
    file_commands,
    health_command,
    index_commands,
    iso_command,
    keys_commands,
    migrate_command,
    put_command,
    retention_command,
    sign_command,
    xmpp_command,
)
from hmacfs.cli.command import Command, CommandFailed, add_common
from hmacfs.cli.config_commands import FAILED, Surroundings

COMMANDS: Final[tuple[Command, ...]] = (
    *sign_command.COMMANDS,
    *put_command.COMMANDS,
    *health_command.COMMANDS,
    *xmpp_command.COMMANDS,
    *keys_commands.COMMANDS,
    *bans_command.COMMANDS,
    *file_commands.COMMANDS,
    *index_commands.COMMANDS,
    *dedup_command.COMMANDS,
    *migrate_command.COMMANDS,
    *retention_command.COMMANDS,
    *iso_command.COMMANDS,
    *audit_command.COMMANDS,
)
"""All of them, in the order in which the help tells them."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the commands to the parser of the command line."""
    added = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        below = added.add_parser(
            command.name, help=command.help, description=command.help, allow_abbrev=False
        )
        add_common(below)
        command.add_arguments(below)


def parser_of(command: Command) -> argparse.ArgumentParser:
    """Make the parser of one command alone, for what tells of it."""
    made = argparse.ArgumentParser(f"hmac-file-server {command.name}", add_help=False)
    add_common(made)
    command.add_arguments(made)
    return made


def perform(arguments: argparse.Namespace, around: Surroundings) -> int | None:
    """Do the command and return the exit code, or :obj:`None` when none is there."""
    for command in COMMANDS:
        if command.name == arguments.command:
            return _run(command, arguments, around)
    return None


def _run(command: Command, arguments: argparse.Namespace, around: Surroundings) -> int:
    try:
        code = command.run(arguments, around)
        around.stdout.flush()
    except CommandFailed as error:
        print(error, file=around.stderr)
        return error.code
    except KeyboardInterrupt:
        print("interrupted", file=around.stderr)
        return FAILED
    except BrokenPipeError:
        # Whoever read has enough, as `head` does; the interpreter writes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), around.stdout.fileno())
        return FAILED
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=around.stderr)
        return FAILED
    return code
