"""
Signatures that count once.

An upload id, or a signature where there is no id, is remembered with the upload
that it led to.  The same upload again is answered as the first time, for
clients repeat a request whose answer they have lost; another upload under the
same signature is refused.  What was remembered is looked at twice: before the
body, against what is announced, and before publication, when the digest is
known.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import Factory, define, field, frozen, validators

from hmacfs.auth.permit import Once
from hmacfs.base.errors import NameRefused, Replayed
from hmacfs.base.names import StoredName


@frozen
class Upload:
    """What a signature led to: a name, a size in bytes and a SHA-256 of 32 bytes."""

    name: StoredName
    size: int
    sha256: bytes = field(validator=[validators.min_len(32), validators.max_len(32)])

    def encode(self) -> bytes:
        """Write it down for a store."""
        facts = {"name": str(self.name), "size": self.size, "sha256": self.sha256.hex()}
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, written: bytes) -> Upload:
        """
        Read what :meth:`encode` wrote.

        :raises ValueError: if it is anything else.
        """
        try:
            facts = json.loads(written)
            name = StoredName.parse(facts["name"].encode())
            return cls(name, int(facts["size"]), bytes.fromhex(facts["sha256"]))
        except (KeyError, TypeError, AttributeError, NameRefused) as error:
            raise ValueError(f"not the record of an upload: {error}") from None


class Replays(Protocol):
    """
    The memory of signatures that count once, as a store keeps it.

    A record is what :meth:`Upload.encode` wrote; the memory does not look into
    it.  Every method may raise the failure of its store.
    """

    def find(self, key: str) -> Awaitable[bytes | None]:
        """Tell the record of this key, or ``None``."""

    def claim(self, key: str, until: float, record: bytes) -> Awaitable[bytes]:
        """
        Remember the record of a key, unless one is remembered already; tell which is.

        Of several claims at the same time exactly one is remembered, and it is
        durable before the result fires.  It is kept at least until then, in
        seconds since the epoch.
        """


@frozen
class Ledger:
    """What signatures led to, kept in a memory."""

    replays: Replays

    async def check(self, once: Once, name: StoredName, size: int | None) -> None:
        """
        Judge a request before its body.

        :param size: as announced, if it was.
        :raises Replayed: if the signature was used, and this can only become another upload.
        """
        record = await self.replays.find(once.key)
        if record is not None:
            check_announced(Upload.decode(record), name, size)

    async def settle(self, once: Once, upload: Upload) -> None:
        """
        Judge an upload before its publication, and remember it.

        :raises Replayed: if the signature led to another upload.
        """
        record = await self.replays.claim(once.key, once.until, upload.encode())
        check_stored(Upload.decode(record), upload)


def check_announced(known: Upload, name: StoredName, size: int | None) -> None:
    """
    Judge a request before its body.

    :param known: what the signature led to earlier.
    :param size: as announced, if it was.
    :raises Replayed: if it can only become another upload.
    """
    if known.name != name or size not in (None, known.size):
        raise Replayed("the signature was used before, for another file")


def check_stored(known: Upload, upload: Upload) -> None:
    """
    Judge an upload before its publication.

    :param known: what the signature led to, this upload or an earlier one.
    :raises Replayed: if that is another upload.
    """
    if known != upload:
        raise Replayed("the signature was used before, for another file or other bytes")


@define
class MemoryReplays:
    """
    The memory of one process, lost with it.

    :param now: tells seconds since the epoch.
    """

    _now: Callable[[], float]
    _records: dict[str, bytes] = field(init=False, repr=False, default=Factory(dict))
    _ends: list[tuple[float, str]] = field(init=False, repr=False, default=Factory(list))

    async def find(self, key: str) -> bytes | None:
        """Tell the record of this key, or ``None``."""
        self._forget()
        return self._records.get(key)

    async def claim(self, key: str, until: float, record: bytes) -> bytes:
        """Remember the record of a key, unless one is remembered already; tell which is."""
        self._forget()
        if key not in self._records:
            self._records[key] = record
            heapq.heappush(self._ends, (until, key))
        return self._records[key]

    def _forget(self) -> None:
        # A signature is good up to and including its last moment.
        while self._ends and self._ends[0][0] < self._now():
            del self._records[heapq.heappop(self._ends)[1]]
