"""What passes between the layers: the grant of an upload, and the stored file."""

from __future__ import annotations

from attrs import field, frozen, validators

from hmacfs.base.names import StoredName

DEFAULT_CONTENT_TYPE = "application/octet-stream"
"""The type of a file whose upload declared none (XEP-0363, 8)."""


@frozen
class Grant:
    """
    What one request may do, settled at the door, whoever signed it.

    :ivar name: the file it is about.
    :ivar size: the exact length in bytes of the upload.
    :ivar content_type: the type to store, as the client declared it.
    :ivar scheme: the name of the signature scheme, for logs and metrics.
    :ivar owner: who uploads, or ``None`` where the signature does not say.
    :ivar expires_at: when the file ceases to exist, in seconds since the
        epoch, or ``None``.
    :ivar metadata: what the uploader says of the file, a JSON object, or ``None``.
    """

    name: StoredName
    size: int = field(validator=validators.ge(0))
    content_type: str
    scheme: str
    owner: str | None = None
    expires_at: float | None = None
    metadata: str | None = None


@frozen
class StoredFile:
    """
    A file that is whole and visible.

    :ivar size: its length in bytes.
    :ivar sha256: the digest of its bytes, 32 bytes.
    :ivar content_type: as declared at upload.
    :ivar uploaded_at: seconds since the epoch.
    :ivar owner: who uploaded it, where known.
    :ivar expires_at: seconds since the epoch from which it does not exist, or ``None``.
    :ivar metadata: what the uploader said of it, a JSON object, or ``None``.
    """

    name: StoredName
    size: int = field(validator=validators.ge(0))
    sha256: bytes = field(validator=validators.and_(validators.min_len(32), validators.max_len(32)))
    content_type: str
    uploaded_at: float
    owner: str | None = None
    expires_at: float | None = None
    metadata: str | None = None

    def expired(self, now: float) -> bool:
        """Tell whether the file has ceased to exist at ``now``."""
        return self.expires_at is not None and self.expires_at <= now


@frozen
class Tombstone:
    """
    A name that had a file and may not be used again for a while.

    Signed upload URLs never expire, so a deleted file could otherwise be
    uploaded again by whoever kept its URL.

    :ivar buried_at: seconds since the epoch.
    :ivar reason: why the file went: one of ``deleted``, ``expired``, ``taken-down``.
    """

    name: StoredName
    buried_at: float
    reason: str
