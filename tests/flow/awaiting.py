"""Waiting, in tests where nothing is left to wait for."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


async def _awaited(result: Awaitable[T]) -> T:
    return await result


def begun(result: Awaitable[T]) -> Deferred[T]:
    """Begin to wait for a result, so that several can be under way and one be cancelled."""
    return Deferred.fromCoroutine(_awaited(result))


def now(result: Awaitable[T]) -> T:
    """Return a result that is there, or raise the error that is."""
    outcomes: list[T | Failure] = []
    begun(result).addBoth(outcomes.append)
    if not outcomes:
        raise AssertionError(f"{result!r} is not there yet")
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome
