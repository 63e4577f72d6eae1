"""Opening the files and the index from a command, beside a server or in its place."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from hmacfs.base.events import Events
from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import CommandFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pending import Pending
from hmacfs.flow.pools import InlinePool, ThreadedPool
from hmacfs.library.shelf import Shelf
from hmacfs.library.shelving import Shelving
from hmacfs.service.reserve import Reserve
from hmacfs.service.stores import contents, index_path, is_file, make_index, naming
from hmacfs.service.thumbnails import shelf_place
from hmacfs.stores.database import is_older
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.sql_index import Relieve, SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.sqlite import BUSY_TIMEOUT, SqliteIndex

SHORT_TOMBSTONE: Final = 60.0
"""Seconds that a name has to stay taken at least, for commands to delete files beside a server."""

T = TypeVar("T")
S = TypeVar("S", SqlIndex, SqlState)


@frozen
class Visit:
    """The files and the index, open."""

    blobs: PackedBlobs
    index: SqlIndex


@asynccontextmanager
async def storage(
    settings: Settings, reactor: IReactorFromThreads, *, alone: bool
) -> AsyncGenerator[PackedBlobs, None]:
    """
    Open the files.

    :param alone: keep servers out meanwhile.
    """
    path = settings[options.SERVER_STORAGE_PATH]
    pool = ThreadedPool(reactor, "disk", 2)
    blobs = PackedBlobs(path, pool, contents(settings), naming(settings))
    pool.start()
    try:
        await blobs.start(alone=alone)
        try:
            yield blobs
        finally:
            await pool.run(give_back, path, blobs.internal_path)
    finally:
        await blobs.close()
        pool.stop()


@asynccontextmanager
async def opened(
    settings: Settings,
    reactor: Calls,
    *,
    alone: bool = False,
    takes_over: bool = False,
    events: Events | None = None,
) -> AsyncGenerator[Visit, None]:
    """
    Open the files and the index.

    :param alone: keep servers out meanwhile, and make an index if there is none.
        An index of an older release is only upgraded alone.
    :param takes_over: whether an index in a database server may be that of another storage.
    :param events: are told of files that are removed, whose small pictures then go too.
    :raises CommandFailed: if there is no index.
    """
    async with _opened(settings, reactor, alone=alone, takes_over=takes_over) as visit:
        pending = Pending()
        if events is not None:
            shelf = Shelf(shelf_place(settings))
            Shelving(visit.index, shelf, InlinePool(), pending).follow(events)
        try:
            yield visit
        finally:
            await pending.idle()


@asynccontextmanager
async def _opened(
    settings: Settings, reactor: Calls, *, alone: bool, takes_over: bool
) -> AsyncGenerator[Visit, None]:
    if not is_file(settings):
        async with (
            storage(settings, reactor, alone=alone) as blobs,
            begun(make_index(settings, reactor, reactor, takes_over=takes_over)) as index,
        ):
            yield Visit(blobs, index)
        return
    path = index_path(settings)
    if not alone:
        check_index(settings)
    # A server of an older release may be running, which does not know the new schema.
    alone = alone or is_older(path, BUSY_TIMEOUT)
    async with (
        storage(settings, reactor, alone=alone) as blobs,
        _room_for_deletions(Reserve(blobs.internal_path / "reserve")) as relieve,
        index_at(path, reactor, relieve) as index,
    ):
        yield Visit(blobs, index)


@asynccontextmanager
async def _room_for_deletions(reserve: Reserve) -> AsyncGenerator[Relieve, None]:
    was_given = False

    async def relieve() -> bool:
        nonlocal was_given
        was_given = reserve.give()
        return was_given

    try:
        yield relieve
    finally:
        if was_given:
            reserve.keep()


def may_change(settings: Settings) -> bool:
    """
    Tell whether a name may get other bytes while its old ones go.

    Only the server knows when it does not: where files are replaced, or names are free
    again at once.
    """
    is_fleeting = settings[options.RETENTION_TOMBSTONE_AGE] < SHORT_TOMBSTONE
    return is_fleeting or settings[options.VERSIONING_ENABLEVERSIONING]


def check_index(settings: Settings) -> None:
    """
    See whether there is an index.

    :raises CommandFailed: if there is none.
    """
    if is_file(settings) and not index_path(settings).exists():
        raise CommandFailed(
            f"there is no index {index_path(settings)}: see whether storage_path is right; if it "
            "is, stop the server and run hmac-file-server reindex"
        )


@asynccontextmanager
async def index_at(
    path: Path, reactor: Calls, relieve: Relieve | None = None
) -> AsyncGenerator[SqlIndex, None]:
    """
    Open the index in a file.

    :param relieve: makes room on a disk that is full; see :class:`SqlIndex`.
    """
    async with begun(SqliteIndex(path, reactor, relieve=relieve)) as index:
        yield index


@asynccontextmanager
async def begun(store: S) -> AsyncGenerator[S, None]:
    """Open a store, and close it at the end."""
    await store.start()
    try:
        yield store
    finally:
        await store.close()


def give_back(storage_path: Path, internal: Path) -> None:
    """Give what root made to the server, which may run as somebody else; blocks."""
    if os.geteuid() == 0:
        owner = storage_path.stat()
        for path in (internal, *internal.iterdir()):
            if path.lstat().st_uid == 0:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def carried_out(work: Callable[[Calls], Coroutine[Deferred[Any], Any, T]]) -> T:
    """
    Do a work and return what it returns.

    :raises CommandFailed: if the files or the index cannot be used.
    """
    calls = Calls()
    try:
        return calls.wait(work(calls))
    except (StorageFailed, StorageFull, StoreFailed) as error:
        raise CommandFailed(str(error)) from error
