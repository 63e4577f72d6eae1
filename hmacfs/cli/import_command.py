"""``import``: the files of another server are copied, under names that keep their URLs."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hmacfs.base.errors import Refusal
from hmacfs.base.events import Events
from hmacfs.blobs.interfaces import Passed
from hmacfs.blobs.tree import open_below
from hmacfs.cli import shown
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FAILED, FINE, Surroundings
from hmacfs.cli.tally import Tally
from hmacfs.cli.visit import carried_out, opened
from hmacfs.config import options
from hmacfs.flow.pending import Pending
from hmacfs.ingest.foreign import Foreign, of_file_share, of_prosody_filer
from hmacfs.ingest.publication import Publication
from hmacfs.ingest.takeover import Takeover
from hmacfs.service.stores import index_path, is_file
from hmacfs.wire.lua_list import MalformedList

SOURCES: Final[dict[str, Callable[[Path], Iterator[Foreign | Passed]]]] = {
    "prosody-filer": of_prosody_filer,
    "file-share": of_file_share,
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", choices=SOURCES, help=", or ".join(SOURCES))
    parser.add_argument("directory", metavar="DIR", help="where that server keeps its files")
    add_option(parser, "dry-run", action="store_true", help="only show what would be copied")


def _import(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    directory = Path(arguments.directory)
    tally = Tally(around.stderr)
    counts: Counter[str] = Counter()

    def tell(outcome: str, path: str, reason: str = "") -> None:
        counts[outcome] += 1
        tally.advance()
        if arguments.json:
            line = json.dumps({"outcome": outcome, "path": path, "reason": reason})
        else:
            line = f"{outcome:<8} {shown.safe(path)}{f': {shown.safe(reason)}' if reason else ''}"
        if outcome != "known" or arguments.json:
            print(line, file=around.stdout)

    async def work(calls: Calls) -> None:
        # Without an index there must be no server either; beside one this is safe.
        alone = is_file(settings) and not index_path(settings).exists()
        async with opened(settings, calls, alone=alone) as visit:
            pending = Pending()
            age = settings[options.RETENTION_TOMBSTONE_AGE]
            publication = Publication(visit.blobs, visit.index, Events(), pending, age, time.time)
            takeover = Takeover(visit.blobs, publication, open_below)
            for found in SOURCES[arguments.kind](directory):
                if isinstance(found, Passed):
                    tell("passed", os.fsdecode(found.path), found.reason)
                    continue
                try:
                    is_new = await takeover.take(found)
                except Refusal as refusal:
                    tell("refused", str(found.name), refusal.detail)
                except OSError as error:
                    tell("passed", str(found.name), error.strerror or str(error))
                else:
                    tell("copied" if is_new else "known", str(found.name))
            await pending.idle()

    try:
        if arguments.dry_run:
            for found in SOURCES[arguments.kind](directory):
                if isinstance(found, Passed):
                    tell("passed", os.fsdecode(found.path), found.reason)
                else:
                    tell("found", str(found.name))
        else:
            with recorded(settings, around, "import", str(directory)):
                carried_out(work)
    except MalformedList as error:
        raise CommandFailed(f"the list of slots in {directory} cannot be read: {error}") from None
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    would = " (nothing was copied)" if arguments.dry_run else ""
    print(f"{told or 'there are no files'}{would}", file=around.stderr)
    return FAILED if counts["passed"] or counts["refused"] else FINE


COMMANDS: Final = (Command("import", _arguments, _import),)
