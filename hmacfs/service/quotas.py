"""Settings become the limits of owners."""

from __future__ import annotations

import time

from hmacfs.base.values import StoredFile
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.rules.quota import Limits, Quotas
from hmacfs.service import cleaning
from hmacfs.service.foundation import Foundation

REASON = "quota"
"""Why files are deleted to make room for newer ones of the same owner."""


def limits(settings: Settings) -> Limits:
    """Tell what owners may have; without ``quotas.enabled`` their credentials alone limit them."""
    if not settings[options.QUOTAS_ENABLED]:
        return Limits()
    return Limits(
        settings[options.QUOTAS_DEFAULT] or None,
        settings[options.QUOTAS_DAILY] or None,
        {owner: size or None for owner, size in settings[options.QUOTAS_CUSTOM]},
        settings[options.QUOTAS_POLICY] == "drop_oldest",
    )


def quotas(settings: Settings, foundation: Foundation) -> Quotas:
    """Make what compares owners' files with that."""
    disposal = cleaning.disposal(foundation)

    async def drop(file: StoredFile) -> bool:
        return await disposal.dispose(file, REASON)

    return Quotas(
        foundation.index, foundation.usage, time.time, limits(settings), drop, foundation.days
    )
