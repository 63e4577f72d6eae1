"""
Settings become the faces of the server.

A reload grows a new tree over the same foundation: requests that are under way
end in the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import evolve

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Entrance, open_doors
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.ingest.restoration import Restoration
from hmacfs.library.delivery import SENDFILE_FROM, Delivery
from hmacfs.library.lookup import Lookup
from hmacfs.library.removal import Removal
from hmacfs.library.serving import Policy
from hmacfs.library.thumbnails import Thumbnails
from hmacfs.rules.kinds import Extensions
from hmacfs.service import audit, cleaning, keys, protection, resuming, v3
from hmacfs.service.foundation import Foundation
from hmacfs.service.intake import make_intake, make_sessions
from hmacfs.web.accel import Handoff
from hmacfs.web.api import Api
from hmacfs.web.deletion import Deletion
from hmacfs.web.files import Files
from hmacfs.web.guard import Guard
from hmacfs.web.health import Health
from hmacfs.web.paths import Paths
from hmacfs.web.patience import Patience
from hmacfs.web.promptness import Promptness
from hmacfs.web.put import Put
from hmacfs.web.root import Root
from hmacfs.web.session_token import SessionTokens
from hmacfs.web.site import Conduct
from hmacfs.web.thumbnails import ThumbnailPages
from hmacfs.web.uploads import Uploads
from hmacfs.web.versions import VersionFaces


def grow(
    settings: Settings,
    ring: Keyring,
    foundation: Foundation,
    seconds: Callable[[], float],
    health: Health,
    thumbnails: Thumbnails | None = None,
) -> Root:
    """
    Put the faces together.

    :param ring: the keys that are shared with the XMPP server.
    :param seconds: a clock that never goes back.
    :param health: tells whether the server works.
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
    resting = make_sessions(settings, foundation, intake)
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
    versions = VersionFaces(
        of_v3, Restoration(intake, lookup.seen), doors[Entrance.API_V3], peers, time.time
    )
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
        health,
        resumable,
        ThumbnailPages(files, thumbnails),
        Promptness(foundation.reactor, settings[options.SERVER_CLIENT_TIMEOUT]),
    )


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


def _policy(settings: Settings) -> Policy:
    return Policy(
        retries=settings[options.DOWNLOADS_ENABLE_GET_RETRIES]
        and settings[options.DOWNLOADS_RESUMABLE_DOWNLOADS_ENABLED],
        private=settings[options.DOWNLOADS_REQUIRE_AUTH],
        changing=settings[options.VERSIONING_ENABLEVERSIONING],
        parts=settings[options.DOWNLOADS_CHUNKED_DOWNLOADS_ENABLED],
    )
