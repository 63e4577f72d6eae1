"""What is asked of a connection, and all of them one after another."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Collection
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from hmacfs.base.addresses import Address

AT_ONCE: Final = 500
"""Connections that are looked at before others have their turn in the reactor."""


class Connection(Protocol):
    """A connection to this machine."""

    @property
    def here(self) -> Address | None:
        """The address that it came to; none on a Unix socket."""

    @property
    def socket(self) -> socket.socket | None:
        """Its socket, if it has one still."""

    def abort(self) -> None:
        """Cut it."""


async def in_turns(
    clock: IReactorTime, connections: Collection[Connection]
) -> AsyncIterator[Connection]:
    """Give those that are there now, with pauses; some may be gone when it is their turn."""
    for number, connection in enumerate(tuple(connections)):
        if number % AT_ONCE == AT_ONCE - 1:
            await deferLater(clock, 0)
        yield connection
