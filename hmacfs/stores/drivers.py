"""The seam to the drivers of database servers.  All of it blocks."""

from __future__ import annotations

import socket
from typing import Any, Protocol

from attrs import frozen

from hmacfs.base.errors import Refusal
from hmacfs.stores.interfaces import StoreFailed, StoreFull
from hmacfs.stores.places import Place
from hmacfs.stores.statements import Cursor


class Link(Protocol):
    """
    A connection to a database server, with a transaction only where one is begun.

    It belongs to one thread, but for :meth:`interrupt`.
    """

    def execute(self, statement: str, values: Any = (), /) -> Cursor:
        """Execute a statement with a value for each of its question marks."""

    def interrupt(self) -> None:
        """Break the connection, whatever it waits for.  Called on any thread; does not block."""

    def close(self) -> None:
        """Let go of it."""


class Driver(Protocol):
    """
    How to speak with one kind of server.

    :ivar name: as the administrator knows it.
    :ivar steps: the package of the scripts that make its tables.
    :ivar lock: a statement that waits until no other program changes what the tables hold.
    :ivar alone: one that waits until no other program makes or changes the tables themselves,
        which may not be there yet, and tells whether that is so; until the connection ends.
    :ivar tables: a statement that lists the tables that there are.
    """

    @property
    def name(self) -> str:
        """Tell what it is."""

    @property
    def steps(self) -> str:
        """Tell where the scripts are."""

    @property
    def lock(self) -> str:
        """Tell the statement."""

    @property
    def alone(self) -> str:
        """Tell the statement."""

    @property
    def tables(self) -> str:
        """Tell the statement."""

    def connect(self, place: Place, patience: float) -> Link:
        """
        Connect.

        :param patience: seconds.
        :raises Exception: what :meth:`failure` explains.
        """

    def failure(self, error: Exception) -> Failure | None:
        """Explain an error of the driver; ``None`` if it is not one."""


@frozen
class Failure:
    """
    Why a server did not do what it was asked.

    :ivar sentence: the end of a sentence that begins with the server, and says what to do.
    :ivar full: whether there is no room.
    :ivar lost: whether there is no connection any more.
    :ivar done: whether a change of a table was made before.
    """

    sentence: str
    full: bool = False
    lost: bool = False
    done: bool = False


def explained(error: Exception, driver: Driver, place: Place) -> Exception:
    """
    Turn what a driver raised into the failure that callers know.

    Any other exception is a refusal, or a fault of the program, and comes back as it is.
    """
    if isinstance(error, Refusal | StoreFailed):
        return error
    failure = driver.failure(error)
    if failure is None:
        if not isinstance(error, OSError | ValueError | OverflowError):
            return error
        failure = Failure(str(error))
    kind = StoreFull if failure.full else StoreFailed
    result = kind(f"{driver.name} at {place} {failure.sentence}")
    result.__cause__ = error
    return result


def shut(descriptor: int) -> None:
    """Shut a socket down from any thread, so that whoever waits for it is told."""
    duplicate = socket.socket(fileno=socket.dup(descriptor))
    try:
        duplicate.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is down already
    finally:
        duplicate.close()
