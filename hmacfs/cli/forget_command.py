"""``forget``: remove everything of one uploader, by the running server or in its place."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, Final

from hmacfs.cli import shown
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.cli.visit import check_index
from hmacfs.config.settings import Settings
from hmacfs.service.records import user
from hmacfs.service.requests import Request, document, is_running, requests_of

PAUSE: Final = 0.2
"""Seconds from one look for the answer of the server to the next."""

PATIENCE: Final = 60.0
"""Seconds after which it is told each time that there is none yet."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "owner", metavar="OWNER", help="the uploader as `who` and `ls -long` show it"
    )
    add_option(parser, "dry-run", action="store_true", help="only show what would be removed")


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    owner: str = arguments.owner
    if not owner:
        raise CommandFailed("an uploader has a name", WRONG)
    check_index(settings)
    if not arguments.dry_run and is_running(settings):
        done = _ask(settings, around, owner)
    else:
        from hmacfs.cli import forgetting

        if arguments.dry_run:
            done = document(forgetting.look(settings, owner))
        else:
            with recorded(settings, around, "forget", owner) as events:
                done = document(forgetting.remove(settings, owner, events))
    _tell(done, arguments, around)
    return FINE


def _ask(settings: Settings, around: Surroundings, owner: str) -> dict[str, Any]:
    requests = requests_of(settings)
    requests.ask(Request(owner, user()))
    asked = time.monotonic()
    told = 1
    while True:
        done: dict[str, Any] | None = requests.take_answer(owner)
        if done is not None:
            break
        if not is_running(settings):
            raise CommandFailed("the server has ended; it goes on with this when it starts again")
        if time.monotonic() > asked + told * PATIENCE:
            told += 1
            print("the server is not done yet", file=around.stderr)
        time.sleep(PAUSE)
    if "error" in done:
        raise CommandFailed(f"{done['error']}; see to it, and give the command again")
    return done


def _tell(done: dict[str, Any], arguments: argparse.Namespace, around: Surroundings) -> None:
    word = "would be removed" if arguments.dry_run else "removed"
    for file in done["removed"]:
        if arguments.json:
            print(json.dumps({word.replace(" ", "_"): file["name"]}), file=around.stdout)
        else:
            print(f"{shown.safe(file['name'])} {word}", file=around.stdout)
    size = sum(file["size"] for file in done["removed"])
    print(
        f"{len(done['removed'])} files of {size} bytes, {done['uploads']} uploads that were kept "
        f"to go on or to be told of, {done['quarantined']} infected files {word}",
        file=around.stderr,
    )


COMMANDS: Final = (Command("forget", _arguments, _run),)
