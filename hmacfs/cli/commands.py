"""The sub-commands of ``hmac-file-server``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from importlib import import_module
from typing import Final

from attrs import frozen

from hmacfs.cli.command import Command, CommandFailed, Parser, add_common
from hmacfs.cli.surroundings import FAILED, Surroundings


@frozen
class Listed:
    """
    A sub-command, as the list tells of it.

    :ivar name: the word on the command line.
    :ivar help: one line for the list.
    :ivar module: which module of ``hmacfs.cli`` has it.
    """

    name: str
    help: str
    module: str

    @property
    def command(self) -> Command:
        """The command itself; others, and a server, need neither its module nor what that needs."""
        found: tuple[Command, ...] = import_module(f"hmacfs.cli.{self.module}").COMMANDS
        return next(command for command in found if command.name == self.name)


COMMANDS: Final = (
    Listed("sign", "make the URL or the headers of a request", "sign_command"),
    Listed("put", "upload a file to a signed URL", "put_command"),
    Listed("health", "ask the running server whether it is well", "health_command"),
    Listed("xmpp-config", "print the lines for the XMPP server or the proxy", "xmpp_command"),
    Listed("keys", "show or change the signing keys", "keys_commands"),
    Listed("bans", "show or change who is shut out", "bans_command"),
    Listed("ls", "list the stored files, in the order of their names", "file_commands"),
    Listed("who", "tell who uploaded a file, and when", "file_commands"),
    Listed("versions", "list the older versions of a file", "file_commands"),
    Listed("rm", "remove files, so that their URLs cannot be used again", "file_commands"),
    Listed("forget", "remove everything of one uploader", "forget_command"),
    Listed("reindex", "make the index agree with the files that are there", "index_commands"),
    Listed("import", "copy the files of another server", "import_command"),
    Listed("index", "copy the index, or put a copy in its place", "index_commands"),
    Listed("dedup", "store equal files once that were there before", "dedup_command"),
    Listed("migrate", "move what one store has into another", "migrate_command"),
    Listed("retention", "delete what is too old, or too much", "retention_command"),
    Listed(
        "iso", "pack old files into ISO containers, verify, list and adopt these", "iso_command"
    ),
    Listed("audit", "see whether the audit log is whole", "audit_command"),
)
"""All of them, in the order in which the help tells them."""


def add_to(parser: argparse.ArgumentParser, words: Collection[str]) -> None:
    """
    Add the commands to the parser of the command line.

    :param words: the command line; what a command takes that is not among them is left out.
    """
    added = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for listed in COMMANDS:
        below = added.add_parser(
            listed.name, help=listed.help, description=listed.help, allow_abbrev=False
        )
        if listed.name in words:
            _fill(below, listed.command)


def parser_of(command: Command) -> argparse.ArgumentParser:
    """Make the parser of one command alone, for what tells of it."""
    made = Parser(f"hmac-file-server {command.name}", add_help=False)
    _fill(made, command)
    return made


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    add_common(parser)
    command.add_arguments(parser)


def perform(arguments: argparse.Namespace, around: Surroundings) -> int | None:
    """Do the command and return the exit code, or :obj:`None` when none is there."""
    for listed in COMMANDS:
        if listed.name == arguments.command:
            return run(listed.command, arguments, around)
    return None


def run(command: Command, arguments: argparse.Namespace, around: Surroundings) -> int:
    """Do a command and return the exit code; say why if it fails."""
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
