"""Letting the unfinished uploads of one uploader go, with what is remembered of finished ones."""

from __future__ import annotations

from hmacfs.blobs.interfaces import Unfinished
from hmacfs.rules.quota import owner_of
from hmacfs.uploads import record
from hmacfs.uploads.sessions import Sessions


async def ids_of(unfinished: Unfinished, owner: str) -> list[str]:
    """Tell the uploads of an uploader that are kept, whether they are over or not."""
    found = []
    for id in await unfinished.keys():
        written = await unfinished.find(id)
        if written is None:
            continue
        try:
            draft = record.decode(written).draft
        except ValueError:
            # Nobody can go on with it, nor tell whose it is; it is reported when it is asked for.
            continue
        if owner_of(draft.owner, draft.name) == owner:
            found.append(id)
    return found


async def forget_all(sessions: Sessions, owner: str) -> int:
    """End the uploads of an uploader as if they had never been, and tell how many there were."""
    ids = await ids_of(sessions.table.unfinished, owner)
    for id in ids:
        await sessions.forget(id)
        await sessions.whereabouts.forget(id)
    return len(ids)
