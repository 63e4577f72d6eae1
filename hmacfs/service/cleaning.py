"""Settings become the deletion of what has had its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from hmacfs.base.events import Events
from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs.interfaces import Blobs
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import Pool
from hmacfs.flow.turns import Turns
from hmacfs.library.journal import Busy
from hmacfs.library.retention import Retention, Schedule, Terms
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.stores.interfaces import Index

log = Logger()


def terms(settings: Settings) -> Terms:
    """Tell what may stay."""
    ages = settings[options.SERVER_FILETTLENABLED]
    return Terms(
        settings[options.SERVER_MAX_FILE_AGE] if ages else None,
        settings[options.RETENTION_MAX_SIZE],
    )


def schedule(settings: Settings, index: Index, now: Callable[[], float] = time.time) -> Schedule:
    """Make what tells the files that are due."""
    return Schedule(index, terms(settings), now)


def retention(
    settings: Settings,
    index: Index,
    blobs: Blobs,
    pool: Pool,
    turns: Turns | None = None,
    events: Events | None = None,
) -> Retention:
    """Make what deletes them."""
    storage: Path = settings[options.SERVER_STORAGE_PATH]
    is_told = settings[options.RETENTION_REPORT]
    return Retention(
        index,
        blobs,
        schedule(settings, index),
        storage / INTERNAL_DIRECTORY / "deleting",
        settings[options.RETENTION_REPORT_PATH] if is_told else None,
        settings[options.RETENTION_TOMBSTONE_AGE],
        pool,
        time.time,
        turns or Turns(),
        events or Events(),
    )


def cleaning(settings: Settings, foundation: Foundation, clock: IReactorTime) -> Chore:
    """Make the chore that deletes what is due: files that say so themselves, at least."""
    work = retention(
        settings,
        foundation.index,
        foundation.blobs,
        foundation.pool,
        foundation.turns,
        foundation.events,
    )

    async def run() -> None:
        try:
            await work.run(lambda: chore.running)
        except Busy as error:
            log.info("{error}", error=error)

    chore = Chore(
        "the deletion of old files",
        settings[options.SERVER_CLEANUP_INTERVAL],
        run,
        clock,
        foundation.pending,
    )
    return chore
