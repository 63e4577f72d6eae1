"""The stores in files of SQLite: durable, and nothing to install."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from twisted.internet.interfaces import IReactorFromThreads

from hmacfs.stores import scripts
from hmacfs.stores.database import Reader, Writer
from hmacfs.stores.pair import Pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.threads import BatchThread

BUSY_TIMEOUT = 5.0
"""Seconds to wait for a lock that another process holds."""


class SqliteIndex(SqlIndex):
    """
    The index in a file, shared by the worker processes of one daemon.

    :param path: the file, in a directory that exists, on a local file system.
    :param busy_timeout: seconds to wait for a lock that another process holds.
    :param synced: whether what was written outlives a loss of power, and not only our own end.
    """

    def __init__(
        self,
        path: Path,
        reactor: IReactorFromThreads,
        busy_timeout: float = BUSY_TIMEOUT,
        synced: bool = True,
    ) -> None:
        super().__init__(_pair("index", path, reactor, busy_timeout, synced=synced))


class SqliteState(SqlState):
    """
    The shared state in a file: shared by the processes of one daemon.

    :param path: the file, in a directory that exists, on a local file system.
    :param now: tells seconds since the epoch.
    """

    def __init__(
        self,
        path: Path,
        reactor: IReactorFromThreads,
        now: Callable[[], float],
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        steps = scripts.packaged_steps(scripts.STATE)
        super().__init__(_pair("state", path, reactor, busy_timeout, steps), now)


def _pair(
    name: str,
    path: Path,
    reactor: IReactorFromThreads,
    busy_timeout: float,
    steps: Sequence[str] | None = None,
    synced: bool = True,
) -> Pair:
    begin = partial(Writer.open, path, busy_timeout, steps, synced)
    return Pair(
        BatchThread(reactor, f"{name} writer", begin),
        BatchThread(reactor, f"{name} reader", partial(Reader.open, path, busy_timeout)),
    )
