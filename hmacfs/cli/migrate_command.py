"""``migrate``: what one store has, into another."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from attrs import frozen

from hmacfs.cli import places
from hmacfs.cli.calls import Calls
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.config_commands import FINE, WRONG, Surroundings
from hmacfs.cli.places import Named
from hmacfs.cli.progress import Progress
from hmacfs.cli.visit import begun, carried_out, storage
from hmacfs.service.stores import STATE_FILE, driver_of
from hmacfs.stores import moving
from hmacfs.stores.moving import Moved
from hmacfs.stores.servers import server_pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.sqlite import SqliteIndex, SqliteState

PATIENCE: Final = 60.0
"""Seconds after which a server has failed; nobody else waits for it."""


@frozen
class Stores:
    """
    What is at one end of a move.

    :ivar index: what is known of the files; Redis does not keep that.
    """

    index: SqlIndex | None
    state: SqlState


def _arguments(parser: argparse.ArgumentParser) -> None:
    url = "sqlite:PATH, postgresql://USER@HOST/NAME, mysql://USER@HOST/NAME"
    add_option(parser, "from", dest="source", metavar="STORE", required=True, help=url)
    add_option(parser, "to", dest="target", metavar="STORE", required=True, help="the same")


def _migrate(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    source = places.parse(arguments.source, places.password_of(around.environ, "FROM"))
    target = places.parse(arguments.target, places.password_of(around.environ, "TO"))
    if source == target:
        raise CommandFailed("both are the same store", WRONG)
    if source.path is not None and not source.path.exists():
        raise CommandFailed(f"there is no index {source.path}", WRONG)

    async def work(calls: Calls) -> Counter[Moved]:
        # No server may change what is being moved.
        async with (
            storage(settings, calls, alone=True),
            _opened(source, calls) as old,
            _opened(target, calls) as new,
        ):
            return await _move(old, new, around)

    counts = carried_out(work)
    for what in sorted({moved.what for moved in counts}):
        moved, kept = counts[Moved(what)], counts[Moved(what, kept=True)]
        more = f", {kept} stayed as the other store knows them" if kept else ""
        print(f"{what}: {moved} moved{more}", file=around.stdout)
    print(f"{target} has all of {source}; name it in the configuration now", file=around.stdout)
    return FINE


async def _move(old: Stores, new: Stores, around: Surroundings) -> Counter[Moved]:
    counts: Counter[Moved] = Counter()
    if old.index is not None and new.index is not None:
        total = await moving.count_index(old.index)
        await _shown("index", total, moving.move_index(old.index, new.index), counts, around)
    total = await moving.count_state(old.state)
    await _shown("state", total, moving.move_state(old.state, new.state), counts, around)
    return counts


async def _shown(
    label: str,
    total: int,
    pages: AsyncIterator[list[Moved]],
    counts: Counter[Moved],
    around: Surroundings,
) -> None:
    progress = Progress(around.stderr, label, total, time.monotonic, "{:.0f}".format)
    async for page in pages:
        counts.update(page)
        progress.advance(len(page))
    progress.end()


@asynccontextmanager
async def _opened(named: Named, calls: Calls) -> AsyncGenerator[Stores, None]:
    async with AsyncExitStack() as stack:
        stores = _made(named, calls)
        if stores.index is not None:
            await stack.enter_async_context(begun(stores.index))
        await stack.enter_async_context(begun(stores.state))
        yield stores


def _made(named: Named, calls: Calls) -> Stores:
    if named.path is not None:
        state = SqliteState(named.path.with_name(STATE_FILE), calls, time.time)
        return Stores(SqliteIndex(named.path, calls), state)
    if named.place is None or named.kind == places.REDIS:
        raise CommandFailed("what is in Redis is short-lived, and is not moved", WRONG)
    driver = driver_of(named.kind)
    pairs = [
        server_pair(driver, named.place, calls, calls, PATIENCE, name)
        for name in ("index", "state")
    ]
    return Stores(SqlIndex(pairs[0]), SqlState(pairs[1], time.time))


COMMANDS: Final = (
    Command("migrate", "move what one store has into another", _arguments, _migrate),
)
