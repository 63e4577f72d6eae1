"""
What is there, or done again and again, only where the settings ask for it.

The modules of a feature take memory, and time at each start, so they are imported
where it is switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IReactorTime

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.service.private import Guest


def chores(settings: Settings, foundation: Foundation, clock: IReactorTime) -> Iterator[Chore]:
    """Make the chores of the features that are on."""
    if settings[options.CLAMAV_CLAMAVENABLED]:
        from hmacfs.service.scans import catching_up

        yield catching_up(settings, foundation)
    if settings[options.ISO_ENABLED] and settings[options.ISO_SCHEDULE]:
        from hmacfs.service.packing import packing_again

        yield packing_again(settings, foundation, clock)
    if settings[options.SERVER_PRE_CACHE]:
        from hmacfs.service.warming import warming_again

        yield warming_again(settings, foundation, clock)


def administration(
    settings: Settings,
    foundation: Foundation,
    uptime: Callable[[], float],
    draining: Callable[[], bool],
) -> Guest | None:
    """
    Make the interface for administrators, if it is on.

    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    """
    if not settings[options.ADMIN_ENABLED]:
        return None
    from hmacfs.service.admin import Administration

    return Administration(settings, foundation, uptime, draining)
