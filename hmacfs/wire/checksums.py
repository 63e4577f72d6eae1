"""A checksum of the bytes that one request brings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import Attribute, field, frozen, validators

SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {"sha1": 20, "sha256": 32, "md5": 16, "sha512": 64}
)
"""Bytes of a checksum by algorithm, as :mod:`hashlib` calls it."""


@frozen
class Checksum:
    """
    What the bytes of a request have to hash to.

    :ivar algorithm: one of :data:`SIZES`.
    :ivar digest: as many bytes as the algorithm makes.
    :raises ValueError: if it is not that.
    """

    algorithm: str = field(validator=validators.in_(SIZES))
    digest: bytes = field()

    @digest.validator
    def _check(self, _: Attribute[bytes], digest: bytes) -> None:
        if len(digest) != SIZES[self.algorithm]:
            raise ValueError(f"{self.algorithm} has {SIZES[self.algorithm]} bytes")
