"""Doing a work with the reactor, for what needs more of it than threads and a clock."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.cli.command import CommandFailed
from hmacfs.stores.interfaces import StoreFailed

T = TypeVar("T")


def carried_out(work: Coroutine[Deferred[Any], Any, T]) -> T:
    """
    Do a work and return what it returns; once in the life of the process.

    :raises CommandFailed: if a store or the files cannot be used.
    :raises KeyboardInterrupt: if that was asked for.
    """
    outcomes: list[T | Failure] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(work)
        running.addBoth(outcomes.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if not outcomes:
        raise KeyboardInterrupt
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        try:
            outcome.raiseException()
        except (StorageFailed, StorageFull, StoreFailed) as error:
            raise CommandFailed(str(error)) from error
    return outcome
