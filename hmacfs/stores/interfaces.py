"""The seams between the server and the stores of small facts."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import ClassVar, Final, Protocol

from attrs import frozen

from hmacfs.base.errors import Faltering
from hmacfs.base.names import StoredName
from hmacfs.base.survey import Order, Stock, Uploader
from hmacfs.base.values import StoredFile, Tombstone

Moment = tuple[float, str]
"""A place in an order by time: seconds since the epoch, and a name; names by their bytes."""

BEGINNING: Final[Moment] = (-1e18, "")
"""Before every moment that a file can have."""


PAGE = 500
"""Rows to read at once."""


class StoreFailed(Faltering):
    """
    The store could not do what was asked; the message says why, for the log.

    :cvar kind: what kind of failure it is, in a word.
    """

    kind: ClassVar[str] = "failed"


class StoreRefused(StoreFailed):
    """The store is there and does not take us as we are configured: to wait mends nothing."""

    kind = "refused"


class StoreFull(StoreFailed):
    """There is no room to record more."""

    kind = "full"


@frozen
class Block:
    """
    Bytes that are not taken.

    :ivar sha256: their digest.
    :ivar at: since when, in seconds since the epoch.
    """

    sha256: bytes
    at: float


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

        :raises ContentBlocked: if its bytes are blocked; nothing was changed.
        """

    def bury(self, tombstone: Tombstone) -> Awaitable[StoredFile | None]:
        """Forget the file of this name, leave a tombstone, and tell what file it was. Durable."""

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Awaitable[bool]:
        """
        Put ``after`` in the place of ``before``, and tell whether that was done.  Durable.

        It is not done when something else than ``before`` is known of the name
        by now, so it is safe beside those who upload and delete.  ``None``
        means that nothing is known: not even a tombstone.  Not both are ``None``.

        :raises ContentBlocked: if the bytes of ``after`` are blocked; nothing was changed.
        """

    def page(self, start: str, limit: int) -> Awaitable[Sequence[StoredFile]]:
        """
        Tell the files from ``start`` on, in the order of their names, at most ``limit``.

        Names are ordered by their bytes; ``start`` need not be one of them.
        """

    def with_digest(self, sha256: bytes, limit: int) -> Awaitable[Sequence[StoredFile]]:
        """Tell the first files of these bytes, in the order of their names, at most ``limit``."""

    def block(self, sha256: bytes, at: float) -> Awaitable[None]:
        """
        Take no file of these bytes from now on (``at`` seconds since the epoch).  Durable.

        Files that are there stay.
        """

    def oldest(
        self, after: Moment, limit: int, owner: str | None = None
    ) -> Awaitable[Sequence[StoredFile]]:
        """
        Tell the files that were uploaded after a moment, the oldest first, at most ``limit``.

        :param owner: tell only those of this owner.
        """

    def expiring(self, after: Moment, limit: int) -> Awaitable[Sequence[StoredFile]]:
        """Tell the files that expire, from a moment on, those that do first, at most ``limit``."""

    def total(self) -> Awaitable[int]:
        """Tell how many bytes all files have together.  It takes a look at each row."""

    def used_by(self, owner: str, since: float | None = None) -> Awaitable[int]:
        """
        Tell how many bytes the files of this owner have together.

        :param since: count only those uploaded then or later, in seconds since the epoch.
        """

    def clear_tombstones(self, before: float) -> Awaitable[int]:
        """Forget tombstones older than ``before`` (seconds since the epoch); tell how many."""

    def buried(self, start: str, limit: int) -> Awaitable[Sequence[Tombstone]]:
        """Tell the tombstones from ``start`` on, in the order of the bytes of their names."""

    def blocked(self, after: bytes, limit: int) -> Awaitable[Sequence[Block]]:
        """Tell the bytes that are not taken whose digest is after this, in order, so many."""

    def close(self) -> Awaitable[None]:
        """Finish what was begun and let go of the store."""


class Survey(Protocol):
    """
    What people ask of the index, for which many rows are looked at.

    Every method may raise :class:`StoreFailed`.
    """

    def stock(self) -> Awaitable[Stock]:
        """Tell what there is altogether."""

    def count(self, owner: str | None = None) -> Awaitable[int]:
        """Tell how many files there are, or how many of this owner."""

    def listed(
        self, order: Order, offset: int, limit: int, owner: str | None = None
    ) -> Awaitable[Sequence[StoredFile]]:
        """
        Tell files in an order, at most ``limit`` after the first ``offset``.

        Older versions are not among them.

        :param owner: tell only those of this owner.
        """

    def uploaders(self, offset: int, limit: int) -> Awaitable[Sequence[Uploader]]:
        """
        Tell who has files, in the order of the bytes of their names.

        At most ``limit`` after the first ``offset``.
        """

    def uploader(self, owner: str) -> Awaitable[Uploader | None]:
        """Tell what somebody has, or ``None``."""

    def count_uploaders(self, since: float | None = None) -> Awaitable[int]:
        """Tell how many have files, or files uploaded then or later (seconds since the epoch)."""


async def versions_of(index: Index, name: StoredName) -> list[StoredFile]:
    """Tell the older versions of a file that are kept, the oldest first."""
    found: list[StoredFile] = []
    start = name.versions
    # Most files have none, and then the next row is that of another file.
    limit = 1
    while page := await index.page(start, limit):
        for row in page:
            if not str(row.name).startswith(name.versions):
                return found
            found.append(row)
        start = f"{page[-1].name}\0"
        limit = PAGE
    return found
