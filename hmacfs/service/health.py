"""Settings become what tells whether the server works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service import protection
from hmacfs.service.foundation import Foundation
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.web.health import Health, Part

PROBE = StoredName.parse(b"health")
"""A name that the index is asked for, to see whether it answers."""


def make_health(
    settings: Settings,
    foundation: Foundation,
    uptime: Callable[[], float],
    draining: Callable[[], bool] = lambda: False,
) -> Health:
    """
    Put together what tells whether the server works.

    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    """
    minimum = settings[options.SERVER_MIN_FREE_BYTES]

    scanner = _scanner(settings, foundation)

    async def parts() -> dict[str, Part]:
        found = {
            "storage": await _storage(foundation, minimum),
            "index": await _index(foundation),
        }
        found |= await foundation.shared.parts()
        if scanner is not None:
            found["clamav"] = await scanner()
        return found | foundation.network.parts() | foundation.audit.parts()

    return Health(parts, uptime, protection.peers_of(settings), foundation.history, draining)


def _scanner(settings: Settings, foundation: Foundation) -> Callable[[], Awaitable[Part]] | None:
    if not settings[options.CLAMAV_CLAMAVENABLED]:
        return None
    from hmacfs.service import scans

    return partial(scans.health, scans.clamd(settings, foundation.reactor))


async def _index(foundation: Foundation) -> Part:
    try:
        await foundation.index.find(PROBE)
    except StoreFailed as error:
        return Part("failing", str(error))
    return Part("ok")


async def _storage(foundation: Foundation, minimum: int) -> Part:
    try:
        free = await foundation.blobs.free_bytes()
    except StorageFailed as error:
        return Part("failing", str(error))
    if free < minimum:
        return Part("degraded", f"{free} bytes free, {minimum} wanted")
    return Part("ok", f"{free} bytes free")
