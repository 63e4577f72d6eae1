"""Everything that is known of one uploader, removed: by a server, or by a command in its place."""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import partial

from hmacfs.auth.replay import Upload
from hmacfs.base.names import StoredName
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.library.forgetting import Forgetting, files_of
from hmacfs.library.shelf import Shelf
from hmacfs.rules import quarantine
from hmacfs.rules.quota import is_in_names
from hmacfs.rules.rates import meter_of
from hmacfs.service import scans
from hmacfs.service.foundation import Foundation
from hmacfs.service.intake import make_intake, make_sessions
from hmacfs.service.requests import Forgotten
from hmacfs.service.thumbnails import shelf_place
from hmacfs.stores.nonces import StateReplays
from hmacfs.uploads.forgetting import forget_all


class Erasure:
    """
    Removes what is known of an uploader, in an order that leads a second run to what is left.

    :param foundation: is open.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._settings = settings
        self._foundation = foundation

    async def remove(self, owner: str) -> Forgotten:
        """
        Remove everything, for good.

        :raises StorageFailed: if the files cannot be removed.
        :raises StoreFailed: if the index or the shared state cannot be used.
        """
        foundation, settings = self._foundation, self._settings
        intake = make_intake(settings, foundation, time.monotonic)
        # First what new files could come of.
        uploads = await forget_all(make_sessions(settings, foundation, intake), owner)
        rows = files_of(foundation.index, owner, by_name=is_in_names(owner))
        known = [file async for file in rows]
        await self._forget_signatures({file.name for file in known})
        unscanned = scans.postponed(settings, foundation)
        for file in known:
            await unscanned.forget(file.name)
        forgetting = Forgetting(
            foundation.index,
            foundation.blobs,
            foundation.turns,
            Shelf(shelf_place(settings)),
            foundation.pool,
            time.time,
            foundation.events,
        )
        files = await forgetting.remove(known)
        directory = settings[options.CLAMAV_QUARANTINE_DIRECTORY]
        quarantined = await foundation.pool.run(quarantine.clear, directory, owner)
        await self._forget_counts(owner)
        return Forgotten(files, uploads, quarantined)

    async def _forget_signatures(self, names: Collection[StoredName]) -> None:
        # Their records have the names of files, which are taken also without them.
        await StateReplays(self._foundation.shared.state).forget(partial(_is_of, names))

    async def _forget_counts(self, owner: str) -> None:
        foundation = self._foundation
        await foundation.days.forget(owner, foundation.usage.midnight())
        for meters in (foundation.meters, foundation.own_meters):
            await meters.forget(meter_of(owner))


def _is_of(names: Collection[StoredName], record: bytes) -> bool:
    try:
        return Upload.decode(record).name in names
    except ValueError:
        return False
