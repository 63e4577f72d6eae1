"""Bytes that came in whole and are not visible yet."""

from __future__ import annotations

from attrs import define, field

from hmacfs.blobs.interfaces import StagedBlob
from hmacfs.ingest.account import Account


@define(eq=False)
class Staged:
    """
    What came in.

    :ivar size: how many bytes it is.
    :ivar sha256: their digest, 32 bytes.
    :ivar account: follows the upload that it is part of.
    :ivar taken: whether somebody sees to the blob, who also forgets it.
    """

    blob: StagedBlob = field(repr=False)
    size: int
    sha256: bytes
    account: Account = field(repr=False)
    taken: bool = False
