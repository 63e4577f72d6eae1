"""Measures what each store does in a second, and prints a line for each."""

from __future__ import annotations

import argparse
import itertools
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react
from twisted.trial.unittest import SkipTest

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.stores.interfaces import Index, StoreFailed
from hmacfs.stores.memory import MemoryIndex
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.nonces import StateReplays
from hmacfs.stores.redis import RedisState
from hmacfs.stores.servers import server_pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.sqlite import SqliteIndex, SqliteState
from hmacfs.stores.state import State
from tests.real.redis_server import Redis
from tests.real.store_servers import DatabaseServer, MariadbServer, PostgresqlServer

ROUNDS: Final = 3
SECONDS: Final = 1.0
QUICK: Final = 0.05
WIDTHS: Final = (1, 64)
"""How many ask at a time."""

PATIENCE: Final = 20.0
UNTIL: Final = 7200.0
SESSIONS: Final = 1000
UNUSABLE: Final = 2

numbers = itertools.count()


@frozen
class Stores:
    """
    What one kind of store keeps.

    :ivar index: Redis has none.
    """

    state: State
    index: Index | None


Opened = Callable[[pathlib.Path, ExitStack, Any], Awaitable[Stores]]
Work = Callable[[int], Awaitable[object]]


async def memory(_: pathlib.Path, __: ExitStack, ___: Any) -> Stores:
    """Open the twins in memory."""
    return Stores(MemoryState(time.time), MemoryIndex())


async def sqlite(directory: pathlib.Path, _: ExitStack, reactor: Any) -> Stores:
    """Open files."""
    state = SqliteState(directory / "state.sqlite", reactor, time.time)
    index = SqliteIndex(directory / "index.sqlite", reactor)
    await state.start()
    await index.start()
    return Stores(state, index)


async def redis(directory: pathlib.Path, running: ExitStack, reactor: Any) -> Stores:
    """Start a Redis, which keeps nothing on the disk."""
    server = Redis(directory)
    running.callback(server.kill9)
    server.start()
    return Stores(RedisState(server.place, reactor, time.time, PATIENCE), None)


def database(kind: Callable[..., DatabaseServer]) -> Opened:
    """Make what starts a database server whose commits wait for the disk."""

    async def opened(_: pathlib.Path, running: ExitStack, reactor: Any) -> Stores:
        server = kind(durable=True)
        running.callback(server.stop)
        server.start()
        of_state, of_index = (
            server_pair(server.driver, server.place(), reactor, reactor, PATIENCE, name)
            for name in ("state", "index")
        )
        state, index = SqlState(of_state, time.time), SqlIndex(of_index)
        await state.start()
        await index.start()
        return Stores(state, index)

    return opened


STORES: Final[Mapping[str, Opened]] = {
    "memory": memory,
    "SQLite": sqlite,
    "Redis": redis,
    "PostgreSQL": database(PostgresqlServer),
    "MariaDB": database(MariadbServer),
}


def works(stores: Stores) -> dict[str, Work | None]:
    """Return what is measured of a store; ``None`` where it does not do that."""
    until = time.time() + UNTIL
    replays = StateReplays(stores.state)
    session, record = b"s" * 1024, b"r" * 128

    async def save(number: int) -> None:
        await stores.state.put("session", f"{number % SESSIONS}", session, until)

    async def check(number: int) -> None:
        key = f"{number:064x}"
        if await replays.find(key) is None:
            await replays.claim(key, until, record)

    return {
        "session save": save,
        "index insert": None if stores.index is None else partial(insert, stores.index),
        "nonce check": check,
    }


def insert(index: Index, number: int) -> Awaitable[None]:
    """Record a file."""
    name = StoredName.parse(f"folder/{number}.jpg".encode())
    digest = number.to_bytes(32, "big")
    return index.add(StoredFile(name, 1000, digest, "image/jpeg", time.time()))


async def rate(work: Work, width: int, seconds: float) -> float:
    """Do a work again and again, so many at a time; return how often in a second."""
    done = 0
    begun = time.monotonic()

    async def repeat() -> None:
        nonlocal done
        while time.monotonic() < begun + seconds:
            await work(next(numbers))
            done += 1

    await gatherResults([Deferred.fromCoroutine(repeat()) for _ in range(width)])
    return done / (time.monotonic() - begun)


@asynccontextmanager
async def opened(name: str, reactor: Any) -> AsyncGenerator[Stores, None]:
    """Open a store in a directory of its own; end all of it afterwards."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-bench-"))
    with ExitStack() as running:
        running.callback(shutil.rmtree, directory, ignore_errors=True)
        stores = await STORES[name](directory, running, reactor)
        try:
            yield stores
        finally:
            await stores.state.close()
            if stores.index is not None:
                await stores.index.close()


def row(name: str, cells: Sequence[str]) -> str:
    """Return a line of the table."""
    return f"{name:<12}" + "".join(f" {cell:>16}" for cell in cells)


async def measure(reactor: Any, seconds: float, rounds: int, wanted: Sequence[str]) -> None:
    """
    Print the table.

    :param wanted: the stores; none for all.
    """
    heads = [
        f"{what} x{width}"
        for what in works(Stores(MemoryState(time.time), None))
        for width in WIDTHS
    ]
    print(row("", heads), flush=True)
    for name in wanted or STORES:
        async with opened(name, reactor) as stores:
            cells = []
            for work in works(stores).values():
                for width in WIDTHS:
                    if work is None:
                        cells.append("-")
                        continue
                    found = [await rate(work, width, seconds) for _ in range(rounds)]
                    cells.append(f"{statistics.median(found):.0f}")
            print(row(name, cells), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/run-stores", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment of each: does it run?")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured; {ROUNDS}")
    parser.add_argument("store", nargs="*", help=f"{', '.join(STORES)}; all")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.store) - set(STORES))
    if unknown:
        parser.error(f"{unknown[0]} is no store: {', '.join(STORES)}")
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    seconds = QUICK if options.quick else SECONDS
    failed = []

    async def run(reactor: Any) -> None:
        try:
            await measure(reactor, seconds, rounds, options.store)
        except (SkipTest, StoreFailed) as error:
            failed.append(error)

    try:
        react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
    except SystemExit as end:
        if end.code:
            raise
    for error in failed:
        print(f"bench/run-stores: {error}", file=sys.stderr)
    return UNUSABLE if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
