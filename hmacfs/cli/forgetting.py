"""What ``forget`` does without a server: look, or remove in its place."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor

from hmacfs.base.events import Events
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.cli import reacting
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import CommandFailed
from hmacfs.cli.visit import carried_out, give_back, opened
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import InlinePool
from hmacfs.library.forgetting import files_of
from hmacfs.rules import quarantine
from hmacfs.rules.quota import is_in_names
from hmacfs.service.forgetting import Erasure
from hmacfs.service.foundation import CannotStart, Foundation
from hmacfs.service.requests import Forgotten
from hmacfs.service.stores import internal_path
from hmacfs.stores.interfaces import versions_of
from hmacfs.uploads.forgetting import ids_of


def look(settings: Settings, owner: str) -> Forgotten:
    """
    Tell what would be removed, beside a server or not.

    :raises CommandFailed: if the files or the index cannot be used.
    """
    return carried_out(lambda calls: _look(settings, calls, owner))


async def _look(settings: Settings, calls: Calls, owner: str) -> Forgotten:
    unfinished = LocalUnfinished(settings[options.SERVER_STORAGE_PATH], InlinePool())
    files: dict[StoredName, StoredFile] = {}
    async with opened(settings, calls) as visit:
        async for file in files_of(visit.index, owner, by_name=is_in_names(owner)):
            versions = [] if file.name.is_version else await versions_of(visit.index, file.name)
            files |= {each.name: each for each in (file, *versions)}
        await unfinished.start(alone=False)
        try:
            uploads = len(await ids_of(unfinished, owner))
        finally:
            await unfinished.close()
    directory = settings[options.CLAMAV_QUARANTINE_DIRECTORY]
    return Forgotten([*files.values()], uploads, quarantine.clear(directory, owner, dry_run=True))


def remove(settings: Settings, owner: str, events: Events) -> Forgotten:
    """
    Remove everything in the place of a server, and keep servers out meanwhile.

    :param events: are told of it.
    :raises CommandFailed: if something cannot be used.
    """
    return reacting.carried_out(_remove(settings, owner, events))


async def _remove(settings: Settings, owner: str, events: Events) -> Forgotten:
    turning: Any = reactor
    foundation = Foundation(settings, turning, events)
    try:
        try:
            await foundation.start()
        except CannotStart as error:
            raise CommandFailed(str(error)) from None
        return await Erasure(settings, foundation).remove(owner)
    finally:
        await foundation.close()
        give_back(settings[options.SERVER_STORAGE_PATH], internal_path(settings))
