"""What an upload has to meet besides its grant before it is published."""

from __future__ import annotations

from typing import Self

from attrs import frozen

from hmacfs.auth.permit import Once, Permit


@frozen
class Conditions:
    """
    Bounds of a credential that only the bytes, or the stores, can tell.

    :ivar sha256: the digest that the bytes must have, 32 bytes.
    :ivar quota: the most bytes that the owner may have stored, these included.
    :ivar types: patterns of the media types that may be found in the bytes, in
        lower case, if they are bounded.
    :ivar once: what to remember, if the credential counts once.
    """

    sha256: bytes | None = None
    quota: int | None = None
    once: Once | None = None
    types: tuple[str, ...] | None = None

    @classmethod
    def of(cls, permit: Permit) -> Self:
        """Take those of a permit."""
        return cls(permit.sha256, permit.quota, permit.once, permit.allowed_types)


UNCONDITIONAL = Conditions()
"""For credentials of which the grant says everything."""
