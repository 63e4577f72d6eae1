"""Connections that wait for a further request, by the address of their clients."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from hmacfs.base.addresses import Address


class Idle(Protocol):
    """A connection."""

    @property
    def is_idle(self) -> bool:
        """Tell whether it still waits for a further request."""


C = TypeVar("C", bound=Idle)


class IdleConnections(Generic[C]):
    """Knows who waits for how long; forgets those that went on at the next look."""

    def __init__(self) -> None:
        self._of: dict[Address, list[C]] = {}

    def __bool__(self) -> bool:
        """Tell whether any is known to wait."""
        return bool(self._of)

    def add(self, connection: C, address: Address, limit: int) -> list[C]:
        """
        Note that a connection begins to wait.

        :return: those of its address that wait beyond the limit, the longest first.
        """
        waiting = [each for each in self._of.get(address, ()) if each.is_idle]
        waiting = [each for each in waiting if each is not connection] + [connection]
        surplus, self._of[address] = waiting[:-limit], waiting[-limit:]
        return surplus

    def discard(self, connection: C, address: Address) -> None:
        """Forget a connection that has ended."""
        waiting = self._of.get(address, [])
        if connection in waiting:
            waiting.remove(connection)
            if not waiting:
                del self._of[address]
