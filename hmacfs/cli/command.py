"""What a sub-command of ``hmac-file-server`` is, and what all of them share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from hmacfs.cli import locate
from hmacfs.cli.surroundings import FAILED, WRONG, Surroundings
from hmacfs.config.problems import ConfigError
from hmacfs.config.read import read_file
from hmacfs.config.settings import Settings


class CommandFailed(Exception):
    """
    A command cannot do what it was told; the message says why.

    :ivar code: the exit code: 1 if something failed, 2 if the configuration or the usage is wrong.
    """

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


@frozen
class Command:
    """
    A sub-command.

    :ivar name: the word on the command line.
    :ivar add_arguments: tells a parser what it takes.
    :ivar run: does it and tells the exit code; may raise :class:`CommandFailed`.
    """

    name: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Surroundings], int]


class Parser(argparse.ArgumentParser):
    """A parser that is asked for help with one dash or two; so are those of its sub-commands."""

    def __init__(self, prog: str, *, add_help: bool = True, **details: Any) -> None:
        super().__init__(prog, add_help=False, **details)
        if add_help:
            names = ("-h", "-help", "--help")
            self.add_argument(*names, action="help", help="show this help message and exit")


class Takes(Protocol):
    """A parser, or a group of options of one."""

    def add_argument(self, *names: str, **details: Any) -> object:
        """Take an option more."""


def add_option(to: Takes, name: str, **details: Any) -> None:
    """Add an option that may be written with one dash or two."""
    to.add_argument(f"-{name}", f"--{name}", **details)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes, as it may also stand before the command."""
    # Without a default of its own, so that one given before stays.
    add_option(
        parser,
        "config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the configuration to read",
    )
    add_option(
        parser,
        "json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="write JSON, one value a line, for programs",
    )


def settings_of(arguments: argparse.Namespace, around: Surroundings) -> Settings:
    """
    Read the configuration.

    :raises CommandFailed: if there is none, or it cannot be used.
    """
    path = locate.config(arguments.config, around.environ)
    if path is None:
        raise CommandFailed("there is no configuration: give -config FILE", WRONG)
    try:
        return read_file(path, around.environ)
    except ConfigError as error:
        raise CommandFailed(str(error), WRONG) from None
