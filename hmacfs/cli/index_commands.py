"""Commands about the index: ``reindex``, ``index backup``, ``index restore``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from hmacfs.cli import shown
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, add_common, add_option, settings_of
from hmacfs.cli.nameless import nameless
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FAILED, FINE, WRONG, Surroundings
from hmacfs.cli.tally import Tally
from hmacfs.cli.visit import carried_out, index_at, opened, storage
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.ingest.reindex import Disagreement, Kind, Reindex
from hmacfs.service.stores import backup_directory, index_path, is_file
from hmacfs.stores import backups
from hmacfs.stores.interfaces import Index, StoreFailed

DUMPS: Final = {"postgres": "pg_dump and psql", "mysql": "mariadb-dump and mariadb"}


def _reindex_arguments(parser: argparse.ArgumentParser) -> None:
    add_option(parser, "dry-run", action="store_true", help="only show what would be changed")


def _reindex(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    path = index_path(settings)
    in_file = is_file(settings)
    # To look at what would change needs no copy; a database server has its own.
    copied = in_file and not arguments.dry_run
    copy = _newest(backup_directory(settings), around) if copied else None
    tally = Tally(around.stderr)
    sources = "the index knows" if arguments.dry_run else "the index and its copies know"
    known = f"{sources} no file that lies there"

    async def work(calls: Calls) -> Counter[Kind]:
        counts: Counter[Kind] = Counter()
        # Without an index there must be no server either; beside one this is safe.
        alone = in_file and not path.exists() and not arguments.dry_run
        if alone and copy is not None:
            async with storage(settings, calls, alone=True):
                backups.restore(copy, path)
            print(f"there was no index: began with its copy {copy}", file=around.stderr)
        takes_over = not arguments.dry_run
        async with (
            opened(settings, calls, alone=alone, takes_over=takes_over) as visit,
            _opened(copy, calls) as older,
        ):
            reindex = Reindex(visit.index, visit.blobs, older, not arguments.dry_run, tally.advance)
            async for disagreement in reindex.run():
                counts[disagreement.kind] += 1
                _show(disagreement, arguments, around)
            for place in await nameless(visit.blobs, visit.index):
                counts[Kind.NAMELESS] += 1
                found = Disagreement(Kind.NAMELESS, str(place).encode(), known)
                _show(found, arguments, around)
        return counts

    with nullcontext() if arguments.dry_run else recorded(settings, around, "reindex"):
        counts = carried_out(work)
    told = ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])
    would = " (nothing was changed)" if arguments.dry_run else ""
    print(f"{told or 'the index agrees with the files'}{would}", file=around.stderr)
    return FAILED if counts[Kind.FAILED] else FINE


def _newest(directory: Path, around: Surroundings) -> Path | None:
    for copy in backups.kept(directory):
        try:
            with backups.copied(copy, directory):
                return copy
        except StoreFailed as error:
            print(f"a copy is passed over: {error}", file=around.stderr)
    return None


@asynccontextmanager
async def _opened(copy: Path | None, calls: Calls) -> AsyncGenerator[Index | None, None]:
    if copy is None:
        yield None
        return
    # A copy of it, for to open it may be to upgrade it.
    with backups.copied(copy, copy.parent) as second:
        async with index_at(second, calls) as index:
            yield index


def _show(disagreement: Disagreement, arguments: argparse.Namespace, around: Surroundings) -> None:
    path = disagreement.path.decode("utf-8", "surrogateescape")
    kind = disagreement.kind.value
    if arguments.json:
        line = json.dumps({"found": kind, "path": path, "reason": disagreement.reason})
    else:
        reason = f": {shown.safe(disagreement.reason)}" if disagreement.reason else ""
        line = f"{kind:<8} {shown.safe(path)}{reason}"
    print(line, file=around.stdout)


def _index_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    backup = actions.add_parser(
        "backup", help="copy the index to a file, while the server runs or not", allow_abbrev=False
    )
    backup.add_argument("file", metavar="FILE", help="is replaced if it is there")
    restore = actions.add_parser(
        "restore", help="put a copy in the place of the index", allow_abbrev=False
    )
    restore.add_argument("file", metavar="FILE", help="what a backup has made")
    for action in (backup, restore):
        add_common(action)


def _index(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    if not is_file(settings):
        kind = settings[options.INDEX_TYPE]
        raise CommandFailed(
            f"the index is kept by a database server ({kind}), which has backups of its own: "
            f"use {DUMPS[kind]}",
            WRONG,
        )
    given = Path(arguments.file)
    return (_backup if arguments.action == "backup" else _restore)(given, settings, around)


def _backup(target: Path, settings: Settings, around: Surroundings) -> int:
    async def work(_: Calls) -> None:
        backups.save(index_path(settings), target)

    carried_out(work)
    print(f"copied the index to {target}", file=around.stderr)
    return FINE


def _restore(source: Path, settings: Settings, around: Surroundings) -> int:
    async def work(calls: Calls) -> Path | None:
        async with storage(settings, calls, alone=True):
            return backups.restore(source, index_path(settings))

    with recorded(settings, around, "index restore", str(source)):
        old = carried_out(work)
    print(f"the index is now that of {source}", file=around.stderr)
    if old is not None:
        print(f"the one before is kept in {old}", file=around.stderr)
    return FINE


COMMANDS: Final = (
    Command(
        "reindex",
        _reindex_arguments,
        _reindex,
    ),
    Command("index", _index_arguments, _index),
)
