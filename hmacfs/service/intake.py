"""Settings become what takes uploads in, with its rules, and keeps unfinished ones."""

from __future__ import annotations

import time
from collections.abc import Callable

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.versions import Versions
from hmacfs.rules import sniffing
from hmacfs.rules.contents import Contents, Types
from hmacfs.rules.kinds import Extensions, Names
from hmacfs.rules.rule import Rule, Rules
from hmacfs.rules.space import Space
from hmacfs.service import protection, quotas, resuming
from hmacfs.service.foundation import Foundation
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.sessions import Sessions
from hmacfs.uploads.whereabouts import OnlyHere


def make_intake(settings: Settings, foundation: Foundation, seconds: Callable[[], float]) -> Intake:
    """
    Put together what takes uploads in, and have the queue follow the same settings.

    :param seconds: a clock that never goes back.
    """
    foundation.queue.size = settings[options.WORKERS_UPLOADQUEUESIZE]
    foundation.queue.retry_after = settings[options.UPLOADS_RETRY_DELAY]
    return Intake(
        blobs=foundation.blobs,
        index=foundation.index,
        space=Space(foundation.blobs.free_bytes, settings[options.SERVER_MIN_FREE_BYTES], seconds),
        pool=foundation.pool,
        max_upload_size=settings[options.SERVER_MAX_UPLOAD_SIZE],
        tombstone_age=settings[options.RETENTION_TOMBSTONE_AGE],
        now=time.time,
        seconds=seconds,
        pending=foundation.pending,
        turns=foundation.turns,
        events=foundation.events,
        ledger=foundation.ledger,
        rules=_rules(settings, foundation, seconds),
        pulls=foundation.pulls,
        quotas=quotas.quotas(settings, foundation),
        queue=foundation.queue,
        buffer=settings[options.UPLOADS_BUFFER_SIZE],
        versions=_versions(settings, foundation),
        rates=protection.rates(settings, foundation),
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


def make_sessions(settings: Settings, foundation: Foundation, intake: Intake) -> Sessions:
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


def _rules(settings: Settings, foundation: Foundation, seconds: Callable[[], float]) -> Rules:
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
