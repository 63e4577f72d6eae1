"""The command that deletes what has had its time: ``retention``."""

from __future__ import annotations

import argparse
import time
from contextlib import aclosing
from typing import Final

from hmacfs.base.events import Events
from hmacfs.cli import shown
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, add_option, settings_of
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FINE, Surroundings
from hmacfs.cli.visit import carried_out, may_change, opened
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import InlinePool
from hmacfs.library.disposal import Disposal
from hmacfs.library.report import Deletion
from hmacfs.library.retention import Reason
from hmacfs.service import cleaning

_WHY: Final = {
    Reason.EXPIRED.value: "it has expired",
    Reason.AGE.value: "it is too old",
    Reason.SIZE.value: "all files together are too large",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_option(parser, "dry-run", action="store_true", help="only show what would be deleted")


def _retention(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    count = size = 0

    def tell(deletion: Deletion) -> None:
        nonlocal count, size
        count += 1
        size += deletion.file.size
        print(_line(deletion, arguments), file=around.stdout)

    async def work(calls: Calls, events: Events | None) -> None:
        alone = events is not None and may_change(settings)
        async with opened(settings, calls, alone=alone, events=events) as visit:
            if events is not None:
                disposal = Disposal(visit.index, visit.blobs, time.time, events=events)
                deleting = cleaning.retention(settings, disposal, InlinePool())
                await deleting.run(told=tell)
                return
            async with aclosing(cleaning.schedule(settings, visit.index).pages()) as pages:
                async for page in pages:
                    for due in page:
                        tell(Deletion(due.file, time.time(), due.reason.value))

    if not _is_asked(settings):
        print(
            "no age and no size is configured: only files that were uploaded with an end are due",
            file=around.stderr,
        )
    if arguments.dry_run:
        carried_out(lambda calls: work(calls, None))
    else:
        with recorded(settings, around, "retention") as events:
            carried_out(lambda calls: work(calls, events))
    done = "would be deleted" if arguments.dry_run else "deleted"
    print(f"{count} files of {size} bytes {done}", file=around.stderr)
    return FINE


def _is_asked(settings: Settings) -> bool:
    terms = cleaning.terms(settings)
    return terms.max_age is not None or bool(terms.max_size)


def _line(deletion: Deletion, arguments: argparse.Namespace) -> str:
    if arguments.json:
        return deletion.line()
    return f"{shown.safe(str(deletion.file.name))}: {_WHY[deletion.reason]}"


COMMANDS: Final = (Command("retention", _arguments, _retention),)
