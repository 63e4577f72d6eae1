"""Settings become the faces of uploads that can be taken up again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import inf
from typing import Final

from hmacfs.auth.schemes import Door, Entrance
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.library.removal import Removal
from hmacfs.uploads.sessions import Sessions
from hmacfs.web.files import Files
from hmacfs.web.peers import Peers
from hmacfs.web.proof import Proof
from hmacfs.web.resumable import Resumable
from hmacfs.web.rufh import Rufh
from hmacfs.web.rufh_answers import RufhAnswers
from hmacfs.web.tus import Tus
from hmacfs.web.tus_creation import TusCreation
from hmacfs.web.tus_offer import TusOffer
from hmacfs.web.upload_urls import UploadUrls
from hmacfs.web.uploads import Uploads

MINUTE: Final = 60.0
HOUR: Final = 3600.0


def proof(settings: Settings) -> Proof:
    """Tell when the URL of an upload is not enough."""
    if not settings[options.SECURITY_ENHANCED_SECURITY]:
        return Proof()
    proves_long = settings[options.SECURITY_REAUTH_ON_LONG_STANDBY]
    return Proof(
        on_move=settings[options.SECURITY_CHALLENGE_ON_NETWORK_CHANGE],
        silence=MINUTE * settings[options.SECURITY_STANDBY_THRESHOLD_MINUTES],
        long_silence=HOUR * settings[options.SECURITY_LONG_STANDBY_THRESHOLD_HOURS]
        if proves_long
        else inf,
    )


def resumable(
    settings: Settings,
    sessions: Sessions,
    doors: Mapping[Entrance, Door],
    uploads: Uploads,
    peers: Peers,
    files: Files,
    removal: Removal,
) -> Resumable:
    """Put together tus and the IETF's resumable uploads, which share their URLs."""
    urls = UploadUrls(sessions, doors, uploads.paths, peers, time.time, proof(settings))
    on = settings[options.UPLOADS_RESUMABLE_UPLOADS_ENABLED]
    checks = settings[options.UPLOADS_CHECKSUM_VERIFICATION]
    offer = TusOffer(
        settings[options.SERVER_MAX_UPLOAD_SIZE],
        on,
        creates=bool(doors[Entrance.TUS].schemes),
        joins=settings[options.UPLOADS_CHUNKED_UPLOADS_ENABLED],
        checks=checks,
    )
    answers = RufhAnswers(urls, settings[options.UPLOADS_INTERIM_RESPONSES])
    return Resumable(
        Tus(urls, TusCreation(urls, offer), offer, files, removal),
        Rufh(urls, uploads, answers, on, checks),
    )
