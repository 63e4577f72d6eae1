"""
Settings become the faces of the server.

A reload grows a new tree over the same foundation: requests that are under way
end in the old one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from attrs import evolve

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Entrance, open_doors
from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.restoration import Restoration
from hmacfs.ingest.versions import Versions
from hmacfs.library.delivery import SENDFILE_FROM, Delivery
from hmacfs.library.lookup import Lookup
from hmacfs.library.removal import Removal
from hmacfs.library.serving import Policy
from hmacfs.library.thumbnails import Thumbnails
from hmacfs.rules import sniffing
from hmacfs.rules.contents import Contents, Types
from hmacfs.rules.kinds import Extensions, Names
from hmacfs.rules.rule import Rule, Rules
from hmacfs.rules.space import Space
from hmacfs.service import audit, cleaning, keys, protection, quotas, resuming, v3
from hmacfs.service.foundation import Foundation
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.sessions import Sessions
from hmacfs.uploads.whereabouts import OnlyHere
from hmacfs.web.accel import Handoff
from hmacfs.web.api import Api
from hmacfs.web.channel import Patience
from hmacfs.web.deletion import Deletion
from hmacfs.web.files import Files
from hmacfs.web.guard import Guard
from hmacfs.web.health import Health, Part
from hmacfs.web.paths import Paths
from hmacfs.web.promptness import Promptness
from hmacfs.web.put import Put
from hmacfs.web.root import Root
from hmacfs.web.session_token import SessionTokens
from hmacfs.web.site import Conduct
from hmacfs.web.thumbnails import ThumbnailPages
from hmacfs.web.uploads import Uploads
from hmacfs.web.versions import VersionFaces

PROBE = StoredName.parse(b"health")
"""A name that the index is asked for, to see whether it answers."""


def grow(
    settings: Settings,
    ring: Keyring,
    foundation: Foundation,
    seconds: Callable[[], float],
    uptime: Callable[[], float],
    thumbnails: Thumbnails | None = None,
) -> Root:
    """
    Put the faces together.

    :param ring: the keys that are shared with the XMPP server.
    :param seconds: a clock that never goes back.
    :param uptime: tells seconds since the start.
    :param thumbnails: makes small pictures, if there are some.
    """
    paths = Paths(settings[options.SERVER_UPLOAD_PREFIX], settings[options.SERVER_PUBLIC_BASE_URL])
    tombstone_age = settings[options.RETENTION_TOMBSTONE_AGE]
    doors = open_doors(keys.terms(settings, ring), audit.noting(foundation.events))
    peers = protection.peers_of(settings)
    intake = make_intake(settings, foundation, seconds)
    uploads = Uploads(intake, foundation.unverified, paths, peers)
    versioned = settings[options.VERSIONING_ENABLEVERSIONING]
    # By the time nginx opens a file that may be replaced, it could be another.
    handed_on = "" if versioned else settings[options.DOWNLOADS_X_ACCEL_PREFIX]
    lookup = Lookup(
        foundation.index,
        foundation.blobs,
        tombstone_age,
        time.time,
        cleaning.terms(settings).max_age,
        foundation.exchanges if versioned else None,
        # The proxy in front opens what is handed on to it by its name.
        0 if handed_on else SENDFILE_FROM - 1,
    )
    everywhere = settings[options.SERVER_GLOBAL_EXTENSIONS]
    served = everywhere or settings[options.DOWNLOADS_ALLOWED_EXTENSIONS]
    private = settings[options.DOWNLOADS_REQUIRE_AUTH]
    files = Files(
        lookup,
        Delivery(
            foundation.reactor,
            settings[options.TIMEOUTS_WRITETIMEOUT],
            settings[options.DOWNLOADS_CHUNK_SIZE],
        ),
        paths,
        _policy(settings),
        Extensions.of(served),
        Guard(doors[Entrance.DOWNLOAD] if private else None, time.time),
        time.time,
        seconds,
        foundation.events,
        Handoff(
            handed_on,
            settings[options.SERVER_STORAGE_PATH].resolve(),
            peers,
        ),
    )
    of_v3 = evolve(
        files,
        policy=evolve(files.policy, private=True),
        guard=Guard(doors[Entrance.API_V3], time.time),
    )
    removal = Removal(
        lookup,
        foundation.index,
        foundation.blobs,
        foundation.turns,
        time.time,
        foundation.pending,
        foundation.events,
    )
    resting = sessions(settings, foundation, intake)
    tokens = SessionTokens(
        resting,
        uploads,
        peers,
        settings[options.UPLOADS_RESUMABLE_UPLOADS_ENABLED],
        resuming.proof(settings),
    )
    resumable = resuming.resumable(settings, resting, doors, uploads, peers, files, removal)
    v3_uploads, following = v3.faces(
        settings, foundation, resting, doors[Entrance.API_V3], paths, peers
    )
    versions = VersionFaces(of_v3, Restoration(intake), doors[Entrance.API_V3], peers, time.time)
    return Root(
        Put(doors, uploads, peers, tokens, resumable.rufh, time.time),
        files,
        Deletion(doors[Entrance.DELETE], removal, paths, time.time),
        Api(
            doors,
            uploads,
            of_v3,
            v3_uploads,
            following,
            versions,
            peers,
            time.time,
            thumbnails is not None,
        ),
        health(settings, foundation, uptime),
        resumable,
        ThumbnailPages(files, thumbnails),
        Promptness(foundation.reactor, settings[options.SERVER_CLIENT_TIMEOUT]),
    )


def make_intake(settings: Settings, foundation: Foundation, seconds: Callable[[], float]) -> Intake:
    """
    Put together what takes uploads in.

    :param seconds: a clock that never goes back.
    """
    foundation.queue.size = settings[options.WORKERS_UPLOADQUEUESIZE]
    foundation.queue.retry_after = settings[options.UPLOADS_RETRY_DELAY]
    return Intake(
        foundation.blobs,
        foundation.index,
        Space(foundation.blobs.free_bytes, settings[options.SERVER_MIN_FREE_BYTES], seconds),
        foundation.pool,
        settings[options.SERVER_MAX_UPLOAD_SIZE],
        settings[options.RETENTION_TOMBSTONE_AGE],
        time.time,
        seconds,
        foundation.pending,
        foundation.turns,
        foundation.events,
        foundation.ledger,
        rules(settings, foundation, seconds),
        foundation.pulls,
        quotas.quotas(settings, foundation),
        foundation.queue,
        settings[options.UPLOADS_BUFFER_SIZE],
        _versions(settings, foundation),
        protection.rates(settings, foundation),
    )


def _versions(settings: Settings, foundation: Foundation) -> Versions | None:
    if not settings[options.VERSIONING_ENABLEVERSIONING]:
        return None
    most = settings[options.VERSIONING_MAXVERSIONS]
    return Versions(
        foundation.index,
        foundation.blobs,
        most,
        time.time,
        foundation.exchanges,
        foundation.events,
    )


def sessions(settings: Settings, foundation: Foundation, intake: Intake) -> Sessions:
    """Put together what keeps unfinished uploads."""
    most_places = settings[options.CLIENT_NETWORK_SUPPORT_MAX_IP_CHANGES_PER_SESSION]
    roams = settings[options.CLIENT_NETWORK_SUPPORT_ALLOW_IP_CHANGES]
    limits = Limits(
        max_age=settings[options.UPLOADS_MAX_RESUMABLE_AGE],
        timeout=settings[options.UPLOADS_SESSIONTIMEOUT],
        quota_claim=settings[options.UPLOADS_SESSION_RECOVERY_TIMEOUT],
        name_claim=settings[options.UPLOADS_CLIENT_RECONNECT_WINDOW],
        grace=settings[options.SERVER_RESTART_GRACE_PERIOD],
        started_at=foundation.started_at,
        retries=settings[options.UPLOADS_MAX_UPLOAD_RETRIES],
        tries_again=settings[options.UPLOADS_RETRY_FAILED_UPLOADS],
        moves=(most_places or None) if roams else 0,
        notes_places=resuming.proof(settings).on_move,
        most=settings[options.UPLOADS_MAX_SESSIONS],
        most_of_owner=settings[options.UPLOADS_MAX_SESSIONS_PER_OWNER],
        most_bytes=settings[options.UPLOADS_MAX_SESSION_BYTES],
    )
    whereabouts = foundation.whereabouts or OnlyHere()
    return Sessions(foundation.sessions, intake, limits, whereabouts)


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


def conduct(settings: Settings, foundation: Foundation) -> Conduct:
    """Tell how connections are treated, and have the bans follow the same settings."""
    peers = protection.peers_of(settings)
    foundation.bans.adopt(protection.terms(settings), protection.exempt(peers))
    return Conduct(
        peers,
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
        not settings[options.SERVER_DISABLE_KEEP_ALIVES],
        settings[options.SERVER_MAX_IDLE_CONNS_PER_HOST],
        settings[options.CLIENT_NETWORK_SUPPORT_CLIENT_CONNECTION_DETECTION],
        foundation.bans,
    )


def rules(settings: Settings, foundation: Foundation, seconds: Callable[[], float]) -> Rules:
    """Tell what every upload has to meet, in the order in which that is asked."""
    everywhere = settings[options.SERVER_GLOBAL_EXTENSIONS]
    allowed = everywhere or settings[options.UPLOADS_ALLOWED_EXTENSIONS]
    blocked = settings[options.UPLOADS_BLOCKED_EXTENSIONS]
    types = Types(
        settings[options.VALIDATION_ALLOWED_TYPES],
        settings[options.VALIDATION_BLOCKED_TYPES],
        settings[options.VALIDATION_CHECK_MAGIC_BYTES],
        settings[options.VALIDATION_STRICT_MODE],
    )
    if types.checks or types.blocked or settings[options.SECURITY_ENABLEJWT]:
        sniffing.prepare()
    ordered: list[Rule] = [Names(Extensions.of(allowed, blocked)), Contents(types)]
    if settings[options.CLAMAV_CLAMAVENABLED]:
        from hmacfs.service import scans

        is_safe = settings[options.CLAMAV_ON_SCAN_FAILURE] == "refuse"
        ordered.append(scans.scanning(settings, foundation, seconds, postpones=not is_safe))
    return Rules(ordered)


def _policy(settings: Settings) -> Policy:
    return Policy(
        retries=settings[options.DOWNLOADS_ENABLE_GET_RETRIES]
        and settings[options.DOWNLOADS_RESUMABLE_DOWNLOADS_ENABLED],
        private=settings[options.DOWNLOADS_REQUIRE_AUTH],
        changing=settings[options.VERSIONING_ENABLEVERSIONING],
        parts=settings[options.DOWNLOADS_CHUNKED_DOWNLOADS_ENABLED],
    )


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
