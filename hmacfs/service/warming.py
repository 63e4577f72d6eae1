"""Settings become the reading ahead of what the first requests need."""

from __future__ import annotations

import time

from twisted.internet.interfaces import IReactorTime

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.library.warming import Warming
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation


def warming_again(settings: Settings, foundation: Foundation, clock: IReactorTime) -> Chore:
    """Make the chore that reads ahead; the server is ready before."""
    workers = settings[options.SERVER_PRE_CACHE_WORKERS]
    work = Warming(foundation.index, foundation.blobs, workers, time.time)
    chore: Chore = Chore(
        "to read the index ahead",
        settings[options.SERVER_PRE_CACHE_INTERVAL],
        lambda: work.run(lambda: chore.running),
        clock,
        foundation.pending,
    )
    return chore
