"""A session whose bytes are those of others, one after another (tus, Concatenation)."""

from __future__ import annotations

from contextlib import AsyncExitStack

from attrs import evolve

from hmacfs.base.errors import TooLarge, Unknown
from hmacfs.base.spans import Span, SpanSet
from hmacfs.blobs.interfaces import UnfinishedBlob
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.room import full_is_no_space
from hmacfs.uploads.live import Live
from hmacfs.uploads.machine import State
from hmacfs.uploads.prefix import READ_SIZE, SLICE, Prefix
from hmacfs.uploads.session import Session
from hmacfs.uploads.table import Table


async def check_parts(table: Table, session: Session) -> None:
    """
    Judge the parts that a new session names.

    :raises Unknown: if one is no part, or somebody else's.
    """
    for id in session.draft.parts:
        async with table.using(id) as part:
            draft = part.session.draft
            is_part = draft.kind == session.draft.kind and draft.name is None
            if not is_part or draft.owner != session.draft.owner:
                raise Unknown("there is no such part")


async def join(intake: Intake, table: Table, id: str) -> Session:
    """
    Copy the parts of a session, if all of them are complete; tell what it is then.

    :raises Unknown: if a part is gone.
    :raises TooLarge: if the whole is larger than files may be.
    :raises NoSpace: if there is no room for it.
    """
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(table.using(id))
        await stack.enter_async_context(live.ending())
        if live.session.state is not State.OPEN:
            return live.session
        parts = [
            await stack.enter_async_context(table.using(part)) for part in live.session.draft.parts
        ]
        if not all(part.session.state is State.COMPLETE for part in parts):
            return live.session
        length = sum(part.session.received for part in parts)
        if length > intake.max_upload_size:
            limit = intake.max_upload_size
            raise TooLarge(f"the file has {length} bytes; at most {limit} are taken", limit=limit)
        stack.enter_context(full_is_no_space())
        room = stack.enter_context(await intake.space.reserve(length))
        await _copy(live, parts)
        room.taken(length)

        def whole(session: Session) -> Session:
            draft = evolve(session.draft, length=length)
            return evolve(session, draft=draft).after("fill")

        await live.keep(whole)
        table.note(live)
        return live.session


async def _copy(live: Live, parts: list[Live]) -> None:
    live.prefix = Prefix()
    async with live.opened() as target:
        start = 0
        for part in parts:
            length = part.session.received
            async with part.opened() as source:
                for done in range(0, length, SLICE):
                    size = min(SLICE, length - done)
                    await target.lane.run(
                        _copy_slice, target, source, live.prefix, start, done, size
                    )
            start += length
    if start:
        live.written = SpanSet((Span(0, start),))


def _copy_slice(
    target: UnfinishedBlob,
    source: UnfinishedBlob,
    prefix: Prefix,
    start: int,
    done: int,
    size: int,
) -> None:
    # On a thread.
    for offset in range(done, done + size, READ_SIZE):
        data = source.read_at(offset, min(READ_SIZE, done + size - offset))
        target.write_at(start + offset, data)
        prefix.update(data)
