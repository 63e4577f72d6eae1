"""Room for bytes whose signature cannot be checked before they are in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hmacfs.base.errors import TooLarge

RETRY_AFTER: Final = 10
"""Seconds after which others may have made room."""


class Unverified:
    """
    Bounds what anybody without a secret can make the server store for a while.

    :ivar each: the most bytes of one request (``security.unverified_bytes``).
    :param total: of all requests together (``security.unverified_bytes_total``).
    :ivar kept: bytes for which there is room kept.
    """

    def __init__(self, each: int, total: int) -> None:
        self.each = each
        self._total = total
        self.kept = 0

    @contextmanager
    def room(self, wanted: int | None) -> Iterator[int]:
        """
        Keep room for one request; tells how many bytes it may have.

        :param wanted: the most it will need, if that is known.
        :raises TooLarge: if others have all the room; ``retry_after`` in seconds.
        """
        size = self.each if wanted is None else min(wanted, self.each)
        if self.kept + size > self._total:
            raise TooLarge(
                "too many files wait for their signatures to be checked",
                limit=self.each,
                retry_after=RETRY_AFTER,
            )
        self.kept += size
        try:
            yield size
        finally:
            self.kept -= size
