"""Bytes that came in whole and are not visible yet."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from attrs import define, field

from hmacfs.blobs.interfaces import StagedBlob
from hmacfs.ingest.account import Account
from hmacfs.rules.quota import Share


@define(eq=False)
class Staged:
    """
    What came in.

    :ivar size: how many bytes it is.
    :ivar sha256: their digest, 32 bytes.
    :ivar account: follows the upload that it is part of.
    :ivar share: what it holds of the quota of its owner, if that was known before it came.
    :ivar taken: whether somebody sees to the blob, who also forgets it.
    """

    blob: StagedBlob = field(repr=False)
    size: int
    sha256: bytes
    account: Account = field(repr=False)
    share: Share | None = field(default=None, repr=False)
    taken: bool = False

    def held(self) -> AbstractContextManager[object]:
        """Hold its share meanwhile, whoever else lets go of it."""
        return nullcontext() if self.share is None else self.share
