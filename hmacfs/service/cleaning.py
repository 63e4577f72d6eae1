"""Settings become the deletion of what has had its time."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import Pool
from hmacfs.library.disposal import Disposal
from hmacfs.library.journal import Busy
from hmacfs.library.retention import Retention, Schedule, Terms
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.service.stores import internal_path
from hmacfs.stores.interfaces import Index, StoreFailed

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


def retention(settings: Settings, disposal: Disposal, pool: Pool) -> Retention:
    """Make what deletes them."""
    is_told = settings[options.RETENTION_REPORT]
    return Retention(
        disposal,
        schedule(settings, disposal.index),
        internal_path(settings) / "deleting",
        settings[options.RETENTION_REPORT_PATH] if is_told else None,
        settings[options.RETENTION_TOMBSTONE_AGE],
        pool,
        time.time,
    )


def disposal(foundation: Foundation) -> Disposal:
    """Make what deletes files of a server that runs."""
    return Disposal(
        foundation.index, foundation.blobs, time.time, foundation.turns, foundation.events
    )


def cleaning(settings: Settings, foundation: Foundation, clock: IReactorTime) -> Chore:
    """Make the chore that deletes what is due: files that say so themselves, at least."""
    work = retention(settings, disposal(foundation), foundation.pool)

    async def run() -> None:
        try:
            await work.run(lambda: chore.running)
        except Busy as error:
            log.info("{error}", error=error)
        except (StorageFailed, StoreFailed):
            # It may be that there is no room to note what is deleted, which would make some.
            if not await foundation.give_room():
                raise
            await work.run(lambda: chore.running)

    chore = Chore(
        "the deletion of old files",
        settings[options.SERVER_CLEANUP_INTERVAL],
        run,
        clock,
        foundation.pending,
    )
    return chore
