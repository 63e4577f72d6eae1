"""The stores in files of SQLite: durable, and nothing to install."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from hmacfs.stores import scripts
from hmacfs.stores.database import Reader, Writer
from hmacfs.stores.failures import called
from hmacfs.stores.pair import Deadline, Pair
from hmacfs.stores.sql_index import Relieve, SqlIndex
from hmacfs.stores.sql_state import SqlState
from hmacfs.stores.survey import SqlSurvey
from hmacfs.stores.threads import BatchThread

BUSY_TIMEOUT = 5.0
"""Seconds to wait for a lock that another process holds."""

PATIENCE: Final = 30.0
"""
Seconds after which a disk that does not answer has failed.

Longer than for servers: what has been asked of a disk cannot be taken back, and one that is busy
is no better the next time.
"""


class SqliteIndex(SqlIndex):
    """
    The index in a file, shared by the worker processes of one daemon.

    :param path: the file, in a directory that exists, on a local file system.
    :param busy_timeout: seconds to wait for a lock that another process holds.
    :param synced: whether what was written outlives a loss of power, and not only our own end.
    :param clock: without one, answers are waited for however long they take.
    :param relieve: see :class:`SqlIndex`.
    """

    def __init__(
        self,
        path: Path,
        reactor: IReactorFromThreads,
        busy_timeout: float = BUSY_TIMEOUT,
        synced: bool = True,
        clock: IReactorTime | None = None,
        relieve: Relieve | None = None,
    ) -> None:
        pair = _pair("index", path, reactor, busy_timeout, None, clock, synced)
        super().__init__(pair, relieve)


class SqliteState(SqlState):
    """
    The shared state in a file: shared by the processes of one daemon.

    :param path: the file, in a directory that exists, on a local file system.
    :param now: tells seconds since the epoch.
    :param clock: without one, answers are waited for however long they take.
    """

    def __init__(
        self,
        path: Path,
        reactor: IReactorFromThreads,
        now: Callable[[], float],
        busy_timeout: float = BUSY_TIMEOUT,
        clock: IReactorTime | None = None,
    ) -> None:
        steps = scripts.packaged_steps(scripts.STATE)
        super().__init__(_pair("state", path, reactor, busy_timeout, steps, clock), now)


def sqlite_survey(
    path: Path,
    reactor: IReactorFromThreads,
    busy_timeout: float = BUSY_TIMEOUT,
    clock: IReactorTime | None = None,
) -> SqlSurvey:
    """Make what surveys the index in a file; see :class:`SqliteIndex`."""
    thread = BatchThread(reactor, "survey", partial(Reader.open, path, busy_timeout))
    return SqlSurvey(thread, _deadline(path, clock))


def _pair(
    name: str,
    path: Path,
    reactor: IReactorFromThreads,
    busy_timeout: float,
    steps: Sequence[str] | None,
    clock: IReactorTime | None,
    synced: bool = True,
) -> Pair:
    begin = partial(Writer.open, path, busy_timeout, steps, synced)
    return Pair(
        BatchThread(reactor, f"{name} writer", begin),
        BatchThread(reactor, f"{name} reader", partial(Reader.open, path, busy_timeout)),
        _deadline(path, clock),
    )


def _deadline(path: Path, clock: IReactorTime | None) -> Deadline | None:
    if clock is None:
        return None
    return Deadline(clock, PATIENCE, _nothing_to_free, f"the disk of {called(path)}")


def _nothing_to_free() -> None:
    # A thread that waits for a disk can only wait.
    return None
