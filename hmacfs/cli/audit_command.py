"""``audit verify``: see whether the audit log is whole."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from hmacfs.cli import shown
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.config import options
from hmacfs.observe.chain import Head
from hmacfs.observe.chain_check import Broken, Chain, checked


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("verify",),
        help="see whether all records are there, as they were written and in their order",
    )
    add_option(
        parser,
        "file",
        metavar="FILE",
        type=Path,
        help="the file that is, or was, written; those put aside are found beside it. Else "
        "audit.path",
    )
    add_option(
        parser,
        "head",
        metavar="NUMBER:HASH",
        type=_head,
        help="a record that must be there: the last one that an earlier run told",
    )


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    path = arguments.file
    if path is None:
        settings = settings_of(arguments, around)
        if settings[options.AUDIT_OUTPUT] != "file":
            raise CommandFailed("the audit log goes to standard output: give -file FILE", WRONG)
        path = settings[options.AUDIT_PATH]
    try:
        chain = checked(path, arguments.head)
    except Broken as error:
        raise CommandFailed(shown.safe(str(error))) from None
    if chain.head is None:
        raise CommandFailed(f"{path}: there are no records")
    _tell(chain, chain.head, arguments, around)
    return FINE


def _tell(chain: Chain, head: Head, arguments: argparse.Namespace, around: Surroundings) -> None:
    for note in chain.notes:
        print(shown.safe(note), file=around.stderr)
    if arguments.json:
        facts = {
            "records": chain.records,
            "files": chain.files,
            "first": chain.first,
            "last": chain.last,
            "head": str(head),
        }
        print(json.dumps(facts), file=around.stdout)
        return
    print(
        f"{chain.records} records in {chain.files} files are whole, from {chain.first} to "
        f"{chain.last}; the last is\n{head}",
        file=around.stdout,
    )


COMMANDS: Final = (Command("audit", _arguments, _run),)
