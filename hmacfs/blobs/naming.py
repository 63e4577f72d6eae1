"""
Where below the storage root the bytes of a name lie.

As a rule that is under the name itself.  It may also be under a digest of the
name with a key, so that a listing of the storage tells nobody the names.  The
key is made once and kept beside the files: names outlive the secret that it
was made of.  Files stay where they were put when the rule is changed, and are
found in either place.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from attrs import field, frozen

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed

KEY_FILE: Final = "naming.key"
"""The name of the key, in the directory of the server's own files."""

KEY_SIZE: Final = 32
_PURPOSE: Final = b"hmac-file-server: names of stored files"


@frozen
class Naming:
    """
    The rule for new files.

    :ivar keyed: whether they lie under digests.
    :ivar secret: what the key is made of, if there is none yet; random bytes without it.
    """

    keyed: bool = False
    secret: bytes | None = field(default=None, repr=False)

    def places(self, internal: int) -> Places:
        """
        Tell where files lie; make the key if it is needed.  Blocks.

        :param internal: the open directory of the server's own files.
        :raises StorageFailed: if there is a key that is none.
        :raises OSError: if it cannot be read or made.
        """
        key = _read(internal)
        if key is None and self.keyed:
            key = _make(internal, self.secret)
        return Places(key, self.keyed)


@frozen
class Places:
    """
    Tells where the bytes of a name may lie.

    :ivar key: for digests, if files may lie under some.
    :ivar keyed: whether new files do.
    """

    key: bytes | None = field(default=None, repr=False)
    keyed: bool = False

    def of(self, name: StoredName) -> tuple[StoredName, ...]:
        """Tell the places of a name: first that of new files."""
        if self.key is None:
            return (name,)
        hidden = name.hidden(self.key)
        return (hidden, name) if self.keyed else (name, hidden)


def _read(internal: int) -> bytes | None:
    try:
        descriptor = os.open(KEY_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=internal)
    except FileNotFoundError:
        return None
    try:
        key = bytes.fromhex(os.read(descriptor, 1000).decode("ascii", "replace"))
    except ValueError:
        key = b""
    finally:
        os.close(descriptor)
    if len(key) != KEY_SIZE:
        raise StorageFailed(
            f"{KEY_FILE} is not the key that names files: bring back the copy that was saved"
        )
    return key


def _make(internal: int, secret: bytes | None) -> bytes:
    key = os.urandom(KEY_SIZE)
    if secret is not None:
        key = hmac.digest(secret, _PURPOSE, hashlib.sha256)
    fresh = f"{KEY_FILE}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, 0o600, dir_fd=internal)
    try:
        os.write(descriptor, key.hex().encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(fresh, KEY_FILE, src_dir_fd=internal, dst_dir_fd=internal)
    os.fsync(internal)
    return key
