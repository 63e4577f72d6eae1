"""Settings become the faces of the V3 API."""

from __future__ import annotations

import time
from functools import partial
from importlib import import_module
from typing import Final

from hmacfs.auth.schemes import Door
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service import resuming
from hmacfs.service.foundation import Foundation
from hmacfs.uploads.sessions import Sessions
from hmacfs.web.following import Following
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.session_access import SessionAccess
from hmacfs.web.v3 import Offer, V3Uploads

ADAPTS: Final = "adaptive_chunk_size"
"""That the size of chunks that is proposed follows the client."""

MOBILE_CHUNK: Final = 256 * 1024
"""How large the chunks of mobile devices are, in bytes (3.x)."""

PROGRESS: Final = "real_time_progress"
"""What the 3.2 documents call that uploads can be followed."""

DEDUPLICATION: Final = "deduplication"
"""What they call that equal files are stored once."""

VERSIONING: Final = "versioning"
"""What they call that older versions of files are kept."""


def offer(settings: Settings, *, deduplicates: bool) -> Offer:
    """
    Tell what V3 does as it is configured.

    :param deduplicates: whether equal files are stored once.
    """
    switches = {
        "chunked": settings[options.UPLOADS_CHUNKED_UPLOADS_ENABLED],
        "resumable": settings[options.UPLOADS_RESUMABLE_UPLOADS_ENABLED],
    }
    on = [option for option, is_on in switches.items() if is_on]
    chunk_size = settings[options.UPLOADS_CHUNK_SIZE]
    adapts = settings[options.CLIENT_NETWORK_SUPPORT_ADAPT_TO_CLIENT_NETWORK]
    mobile = min(MOBILE_CHUNK, chunk_size) if adapts else chunk_size
    return Offer(
        frozenset(on),
        chunk_size,
        mobile,
        (
            *(f"{option}_upload" for option in on),
            *((DEDUPLICATION,) if deduplicates else ()),
            *((VERSIONING,) if settings[options.VERSIONING_ENABLEVERSIONING] else ()),
            *((ADAPTS,) if mobile != chunk_size and switches["chunked"] else ()),
            PROGRESS,
        ),
    )


def faces(
    settings: Settings,
    foundation: Foundation,
    sessions: Sessions,
    door: Door,
    paths: Paths,
    peers: Peers,
) -> tuple[V3Uploads, Following]:
    """Put together what takes the uploads of V3, and what tells how they go."""
    access = SessionAccess(sessions, door, peers, time.time, resuming.proof(settings))
    offered = offer(settings, deduplicates=foundation.deduplicates)
    uploads = V3Uploads(access, sessions.intake, paths, peers, offered, time.time)
    prepare = partial(foundation.pool.run, import_module, "hmacfs.web.websocket")
    return uploads, Following(access, foundation.seats, foundation.reactor, prepare)
