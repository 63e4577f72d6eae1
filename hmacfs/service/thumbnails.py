"""Settings become small pictures of images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from twisted.internet.interfaces import IReactorTime

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import ThreadedPool
from hmacfs.library.pictures import Pictures
from hmacfs.library.shelf import Shelf
from hmacfs.library.shelving import Shelving
from hmacfs.library.thumbnails import Thumbnails
from hmacfs.service.chores import SWEEP_INTERVAL, Chore
from hmacfs.service.foundation import Foundation
from hmacfs.service.stores import internal_path

AT_ONCE: Final = 1
"""Processes that make pictures at the same time."""


class Workshop:
    """The pictures of a server that makes some, and the threads that wait for their processes."""

    def __init__(self, settings: Settings, foundation: Foundation, shelving: Shelving) -> None:
        self._pool = ThreadedPool(foundation.reactor, "thumbnails", AT_ONCE)
        self._interval = settings[options.THUMBNAILS_THUMBNAILINTERVALSCAN]
        self._foundation = foundation
        self.thumbnails = Thumbnails(
            foundation.index,
            foundation.blobs,
            shelving.shelf,
            shelving,
            Pictures(settings[options.THUMBNAILS_SIZE]),
            foundation.pool,
            self._pool,
            foundation.reactor,
            foundation.pending,
            foundation.events,
            AT_ONCE,
        )

    def start(self) -> tuple[Chore, ...]:
        """Begin, and tell what is to be done again and again."""
        self._pool.start()
        if not self._interval:
            return ()
        chore: Chore = Chore(
            "to make small pictures",
            self._interval,
            partial(self.thumbnails.scan, lambda: chore.running),
            self._foundation.reactor,
            self._foundation.pending,
        )
        return (chore,)

    def stop(self) -> None:
        """Begin no picture any more."""
        self.thumbnails.stop()

    def close(self) -> None:
        """Let the threads go, when nothing is pending."""
        self._pool.stop()


def shelf_place(settings: Settings) -> Path:
    """Tell where the pictures are."""
    return settings[options.THUMBNAILS_DIRECTORY] or internal_path(settings) / "thumbnails"


def shelving(settings: Settings, foundation: Foundation) -> Shelving:
    """Make what takes pictures away; there may be some from when they were made."""
    made = Shelving(
        foundation.index, Shelf(shelf_place(settings)), foundation.pool, foundation.pending
    )
    made.follow(foundation.events)
    return made


def sweeping(shelving: Shelving, clock: IReactorTime) -> Chore:
    """Make the chore that takes away what a crash has left."""
    chore: Chore = Chore(
        "the search for small pictures without files",
        SWEEP_INTERVAL,
        lambda: shelving.sweep(lambda: chore.running),
        clock,
        shelving.pending,
    )
    return chore


def workshop(settings: Settings, foundation: Foundation, shelving: Shelving) -> Workshop | None:
    """Make what makes pictures, if the settings want some."""
    enabled = settings[options.THUMBNAILS_ENABLED]
    return Workshop(settings, foundation, shelving) if enabled else None
