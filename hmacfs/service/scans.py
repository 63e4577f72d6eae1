"""The scanner for infected files, as the settings have it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.rules.clamd import Clamd, ScanFailed, endpoint_of
from hmacfs.rules.postponed import Postponed
from hmacfs.rules.quarantine import Quarantine
from hmacfs.rules.scanning import Scanning, Scope
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation, Reactor
from hmacfs.service.stores import internal_path
from hmacfs.web.health import Part

CATCH_UP_INTERVAL: Final = 10.0
"""Seconds after which to see whether files that were published without a scan can have theirs."""


def clamd(settings: Settings, reactor: Reactor) -> Clamd:
    """Make the client of the scanner."""
    place = settings[options.CLAMAV_CLAMAVSOCKET]
    is_path = isinstance(place, Path)
    return Clamd(
        endpoint_of(reactor, place if isinstance(place, Path) else (place.host, place.port)),
        is_path,
        reactor,
        settings[options.CLAMAV_SCAN_TIMEOUT],
        settings[options.CLAMAV_NUMSCANWORKERS],
    )


def scanning(
    settings: Settings,
    foundation: Foundation,
    seconds: Callable[[], float],
    *,
    postpones: bool,
) -> Scanning:
    """Make the rule that scans."""
    quarantine = settings[options.CLAMAV_QUARANTINE_DIRECTORY]
    scope = Scope(
        frozenset(extension.lower() for extension in settings[options.CLAMAV_SCANFILEEXTENSIONS]),
        settings[options.CLAMAV_MAXSCANSIZE],
        settings[options.CLAMAV_OVERSIZE_POLICY] == "refuse",
    )
    return Scanning(
        clamd(settings, foundation.reactor),
        scope,
        postponed(settings, foundation) if postpones else None,
        None if quarantine is None else Quarantine(quarantine),
        foundation.events,
        time.time,
        seconds,
    )


def postponed(settings: Settings, foundation: Foundation) -> Postponed:
    """Tell which files were published without a scan."""
    return Postponed(internal_path(settings) / "unscanned", foundation.pool)


def catching_up(settings: Settings, foundation: Foundation) -> Chore:
    """Make the chore that scans what was published without."""
    rule = scanning(settings, foundation, time.monotonic, postpones=True)
    work = partial(rule.catch_up, foundation.index, foundation.blobs, foundation.turns)
    name = "the scan of files that were published without"
    return Chore(name, CATCH_UP_INTERVAL, work, foundation.reactor, foundation.pending)


async def health(scanner: Clamd) -> Part:
    """Tell how the scanner is.  Without it uploads may not work, but downloads do."""
    try:
        await scanner.ping()
    except ScanFailed as error:
        return Part("degraded", str(error))
    return Part("ok")
