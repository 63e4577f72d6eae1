"""The seams between the server and the stores of small facts."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone


class StoreFailed(Exception):
    """The store could not do what was asked; the message says why, for the log."""


class StoreFull(StoreFailed):
    """There is no room to record more."""


class Index(Protocol):
    """
    The facts of each stored file that its bytes do not tell.

    Every method may raise :class:`StoreFailed`.
    """

    def find(self, name: StoredName) -> Awaitable[StoredFile | Tombstone | None]:
        """Tell the file of this name, or that it had one, or ``None``."""

    def add(self, file: StoredFile) -> Awaitable[None]:
        """
        Record a file, in place of what was known of its name.

        When the result fires the record is durable: it survives a crash of the machine.
        """

    def bury(self, tombstone: Tombstone) -> Awaitable[StoredFile | None]:
        """Forget the file of this name, leave a tombstone, and tell what file it was. Durable."""

    def used_by(self, owner: str) -> Awaitable[int]:
        """Tell how many bytes the files of this owner have together."""

    def clear_tombstones(self, before: float) -> Awaitable[int]:
        """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""

    def close(self) -> Awaitable[None]:
        """Finish what was begun and let go of the store."""
