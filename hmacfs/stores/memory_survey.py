"""Surveys that read a whole index: the twin of those in SQL, for tests and trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from hmacfs.base.survey import Order, Stock, Uploader
from hmacfs.base.values import StoredFile
from hmacfs.stores.interfaces import PAGE, Index

_KEYS: Final[dict[Order, Callable[[StoredFile], Any]]] = {
    Order.DATE: lambda file: (file.uploaded_at, str(file.name)),
    Order.SIZE: lambda file: -file.size,
    Order.NAME: lambda file: str(file.name),
}


@frozen
class WholeSurvey:
    """A :class:`~hmacfs.stores.interfaces.Survey` of a small index, whichever it is."""

    index: Index

    async def stock(self) -> Stock:
        """Tell what there is altogether."""
        rows = await self._rows()
        versions = sum(row.name.is_version for row in rows)
        return Stock(len(rows) - versions, versions, sum(row.size for row in rows))

    async def count(self, owner: str | None = None) -> int:
        """Tell how many files there are, or how many of this owner."""
        return len(await self._files(owner))

    async def listed(
        self, order: Order, offset: int, limit: int, owner: str | None = None
    ) -> list[StoredFile]:
        """Tell files in an order, so many after so many, or those of this owner."""
        files = await self._files(owner)
        files.sort(key=_KEYS[order], reverse=order is Order.DATE)
        return files[offset : offset + limit]

    async def uploaders(self, offset: int, limit: int) -> list[Uploader]:
        """Tell who has files, in the order of the bytes of their names, so many after so many."""
        owners = {row.owner for row in await self._rows() if row.owner is not None}
        chosen = sorted(owners)[offset : offset + limit]
        return [found for owner in chosen if (found := await self.uploader(owner)) is not None]

    async def uploader(self, owner: str) -> Uploader | None:
        """Tell what somebody has, or ``None``."""
        rows = [row for row in await self._rows() if row.owner == owner]
        if not rows:
            return None
        files = sum(not row.name.is_version for row in rows)
        latest = max(row.uploaded_at for row in rows)
        return Uploader(owner, files, sum(row.size for row in rows), latest)

    async def count_uploaders(self, since: float | None = None) -> int:
        """Tell how many have files, or files uploaded then or later (seconds since the epoch)."""
        return len(
            {
                row.owner
                for row in await self._rows()
                if row.owner is not None and (since is None or row.uploaded_at >= since)
            }
        )

    async def _rows(self) -> list[StoredFile]:
        rows: list[StoredFile] = []
        start = ""
        while page := await self.index.page(start, PAGE):
            rows += page
            start = f"{page[-1].name}\0"
        return rows

    async def _files(self, owner: str | None) -> list[StoredFile]:
        return [
            row
            for row in await self._rows()
            if not row.name.is_version and owner in (None, row.owner)
        ]
