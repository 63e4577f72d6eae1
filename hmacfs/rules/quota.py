"""How much of the storage one owner may have."""

from __future__ import annotations

from attrs import frozen

from hmacfs.base.errors import QuotaExceeded
from hmacfs.stores.interfaces import Index


@frozen
class Quota:
    """Compares what owners have stored with what they may have."""

    index: Index

    async def check(self, owner: str | None, size: int, limit: int | None) -> None:
        """
        Insist that an owner may have so many bytes more.

        :param owner: without one no quota holds.
        :param limit: the most bytes that the owner may have, if there is a limit.
        :raises QuotaExceeded: if that would be more.
        """
        if owner is None or limit is None:
            return
        used = await self.index.used_by(owner)
        if used + size > limit:
            raise QuotaExceeded(
                f"{used} bytes of your quota of {limit} are used, and this file has {size}",
                used=used,
                limit=limit,
                requested=size,
            )
