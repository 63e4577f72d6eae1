"""
Settings become the faces of the server.

A reload grows a new tree over the same foundation: requests that are under way
end in the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_network

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Door
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.ingest.intake import Intake
from hmacfs.library.delivery import Delivery
from hmacfs.library.lookup import Lookup
from hmacfs.library.serving import Policy
from hmacfs.rules.kinds import Extensions
from hmacfs.rules.space import Space
from hmacfs.service.foundation import Foundation
from hmacfs.web.channel import Patience
from hmacfs.web.files import Files
from hmacfs.web.health import Health, Part
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.put import Put
from hmacfs.web.root import Root
from hmacfs.web.site import Conduct


def grow(
    settings: Settings,
    foundation: Foundation,
    seconds: Callable[[], float],
    uptime: Callable[[], float],
) -> Root:
    """
    Put the faces together.

    :param seconds: a clock that never goes back.
    :param uptime: tells seconds since the start.
    """
    paths = Paths(settings[options.SERVER_UPLOAD_PREFIX], settings[options.SERVER_PUBLIC_BASE_URL])
    tombstone_age = settings[options.RETENTION_TOMBSTONE_AGE]
    minimum = settings[options.SERVER_MIN_FREE_BYTES]
    intake = Intake(
        foundation.blobs,
        foundation.index,
        Space(foundation.blobs.free_bytes, minimum, seconds),
        foundation.pool,
        settings[options.SERVER_MAX_UPLOAD_SIZE],
        tombstone_age,
        time.time,
        seconds,
        pending=foundation.pending,
        events=foundation.events,
    )
    served = settings[options.DOWNLOADS_ALLOWED_EXTENSIONS]
    lookup = Lookup(foundation.index, foundation.blobs, tombstone_age, time.time)

    return Root(
        Put(Door(Keyring.of(settings[options.SECURITY_SECRET])), intake, paths),
        Files(
            lookup,
            Delivery(foundation.reactor, settings[options.TIMEOUTS_WRITETIMEOUT]),
            paths,
            _policy(settings),
            Extensions.of(served),
            time.time,
            seconds,
            foundation.events,
        ),
        health(settings, foundation, uptime),
    )


def health(
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

    async def parts() -> dict[str, Part]:
        return {"storage": await _storage(foundation, minimum)}

    return Health(parts, uptime, _peers(settings), draining)


def conduct(settings: Settings) -> Conduct:
    """Tell how connections are treated."""
    return Conduct(
        _peers(settings),
        Patience(
            headers=settings[options.SERVER_HEADER_TIMEOUT],
            body=settings[options.TIMEOUTS_READTIMEOUT],
            write=settings[options.TIMEOUTS_WRITETIMEOUT],
            idle=settings[options.TIMEOUTS_IDLETIMEOUT],
            linger=settings[options.UPLOADS_LINGER_TIME],
            linger_bytes=settings[options.UPLOADS_LINGER_BYTES],
            slowest=settings[options.SERVER_MIN_UPLOAD_RATE],
            fastest=settings[options.UPLOADS_MAX_BYTES_PER_SECOND],
        ),
        settings[options.SERVER_MAX_CONNECTIONS],
        settings[options.SERVER_MAX_HEADER_BYTES],
        settings[options.SERVER_FORCE_PROTOCOL],
    )


def _policy(settings: Settings) -> Policy:
    return Policy(
        retries=settings[options.DOWNLOADS_ENABLE_GET_RETRIES]
        and settings[options.DOWNLOADS_RESUMABLE_DOWNLOADS_ENABLED],
    )


def _peers(settings: Settings) -> Peers:
    return Peers([ip_network(text) for text in settings[options.SERVER_TRUSTED_PROXIES]])


async def _storage(foundation: Foundation, minimum: int) -> Part:
    try:
        free = await foundation.blobs.free_bytes()
    except StorageFailed as error:
        return Part("failing", str(error))
    if free < minimum:
        return Part("degraded", f"{free} bytes free, {minimum} wanted")
    return Part("ok", f"{free} bytes free")
