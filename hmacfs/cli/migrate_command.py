"""``migrate``: what one store has, into another."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from hmacfs.cli import places
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.places import Named
from hmacfs.cli.progress import Progress
from hmacfs.cli.recording import recorded
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.cli.visit import begun, carried_out, storage
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service.stores import driver_of, index_in_server
from hmacfs.stores import moving
from hmacfs.stores.failures import STATE_FILE
from hmacfs.stores.moving import Moved
from hmacfs.stores.servers import server_pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.sqlite import SqliteIndex, SqliteState
from hmacfs.stores.state import State

PATIENCE: Final = 60.0
"""Seconds after which a server has failed; nobody else waits for it."""


Work = Callable[[IReactorFromThreads, IReactorTime], Coroutine[Any, Any, Counter[Moved]]]


@frozen
class Stores:
    """
    What is at one end of a move.

    :ivar index: what is known of the files; Redis does not keep that.
    """

    index: SqlIndex | None
    state: State


def _arguments(parser: argparse.ArgumentParser) -> None:
    url = "sqlite:PATH, postgresql://USER@HOST/NAME, mysql://USER@HOST/NAME, redis://HOST/NUMBER"
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

    prefix = settings[options.REDIS_KEY_PREFIX]

    async def work(threads: IReactorFromThreads, clock: IReactorTime) -> Counter[Moved]:
        # No server may change what is being moved.
        async with (
            storage(settings, threads, alone=True),
            _opened(source, prefix, threads, clock) as old,
            _opened(target, prefix, threads, clock, settings) as new,
        ):
            return await _move(old, new, around)

    with recorded(settings, around, "migrate", f"{source} to {target}"):
        if places.REDIS in (source.kind, target.kind):
            counts = _with_reactor(work)
        else:
            counts = carried_out(lambda calls: work(calls, calls))
    for what in sorted({moved.what for moved in counts}):
        moved, kept = counts[Moved(what)], counts[Moved(what, kept=True)]
        more = f", {kept} stayed as the other store knows them" if kept else ""
        print(f"{what}: {moved} moved{more}", file=around.stdout)
    print(f"{target} has all of {source}; name it in the configuration now", file=around.stdout)
    if places.REDIS in (source.kind, target.kind):
        print("(Redis keeps the shared state; the index stays where it is)", file=around.stdout)
    return FINE


def _with_reactor(work: Work) -> Counter[Moved]:
    # Importing it makes it, and it takes the signals: only who needs it has one.
    from twisted.internet import reactor

    from hmacfs.cli import reacting

    whole: Any = reactor
    return reacting.carried_out(work(whole, whole))


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
async def _opened(
    named: Named,
    prefix: str,
    threads: IReactorFromThreads,
    clock: IReactorTime,
    becomes_ours: Settings | None = None,
) -> AsyncGenerator[Stores, None]:
    if named.path is not None:
        index: SqlIndex = SqliteIndex(named.path, threads)
        state: SqlState = SqliteState(named.path.with_name(STATE_FILE), threads, time.time)
    elif named.place is None or named.kind == places.REDIS:
        async with _redis(named, named.prefix or prefix, clock) as remote:
            yield Stores(None, remote)
        return
    else:
        driver = driver_of(named.kind)
        of_index, of_state = (
            server_pair(driver, named.place, threads, clock, PATIENCE, name)
            for name in ("index", "state")
        )
        state = SqlState(of_state, time.time)
        if becomes_ours is None:
            index = SqlIndex(of_index)
        else:
            index = index_in_server(becomes_ours, driver, named.place, of_index)
    async with begun(index), begun(state):
        yield Stores(index, state)


@asynccontextmanager
async def _redis(named: Named, prefix: str, clock: IReactorTime) -> AsyncGenerator[State, None]:
    from hmacfs.stores.redis import RedisState

    if named.place is None:
        raise ValueError("a server is somewhere")
    state = RedisState(named.place, clock, time.time, PATIENCE, prefix)
    try:
        await state.ping()
        yield state
    finally:
        await state.close()


COMMANDS: Final = (Command("migrate", _arguments, _migrate),)
