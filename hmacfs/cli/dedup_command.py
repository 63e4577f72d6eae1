"""``dedup``: equal files that were there before get their bytes together."""

from __future__ import annotations

import argparse
import json
from typing import Final

from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FINE, Surroundings
from hmacfs.cli.tally import Tally
from hmacfs.cli.visit import carried_out, opened
from hmacfs.config import options
from hmacfs.ingest.deduplication import Deduplication
from hmacfs.service.stores import contents


def _no_arguments(_: argparse.ArgumentParser) -> None:
    """It takes none of its own."""


def _dedup(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    store = contents(settings)
    if not store.takes:
        raise CommandFailed("deduplication is off in the configuration")
    if not store.fits(settings[options.SERVER_STORAGE_PATH]):
        raise CommandFailed(f"{store.directory} is on another file system than the files")
    tally = Tally(around.stderr)

    async def work(calls: Calls) -> tuple[int, int]:
        async with opened(settings, calls) as visit:
            store.sweep()
            return await Deduplication(visit.index, visit.blobs, progress=tally.advance).run()

    with recorded(settings, around, "dedup"):
        files, saved = carried_out(work)
    if arguments.json:
        print(json.dumps({"files": files, "saved": saved}), file=around.stdout)
    else:
        print(f"{files} files gave up {saved} bytes of their own", file=around.stdout)
    return FINE


COMMANDS: Final = (
    Command(
        "dedup",
        _no_arguments,
        _dedup,
    ),
)
