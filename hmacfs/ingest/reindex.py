"""Bringing the index to agree with the files that are there."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from attrs import evolve, field, frozen

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, Found, OpenBlob, Passed, StorageFailed
from hmacfs.ingest import intent
from hmacfs.stores.interfaces import Index
from hmacfs.wire import media_types

PAGE = 500
"""Rows to read at once."""

READ_SIZE = 1024 * 1024
"""Bytes to read at once."""


class Kind(enum.Enum):
    """What is wrong with a file, or with what the index says of one."""

    ADDED = "added"
    """It is there and the index did not know it."""
    CHANGED = "changed"
    """It has another size than the index knew."""
    DROPPED = "dropped"
    """The index knew it and it is not there."""
    DELETED = "deleted"
    """It was deleted, but its bytes are there.  They are left alone."""
    BLOCKED = "blocked"
    """Its bytes are blocked.  They are left alone."""
    NAMELESS = "nameless"
    """It is hidden, and nothing tells its name.  It is left alone."""
    PASSED = "passed"
    """It cannot be a stored file."""
    FAILED = "failed"
    """It could not be read."""


@frozen
class Disagreement:
    """
    Something of which the files and the index do not say the same.

    :ivar path: where it lies, which need not be text.
    :ivar reason: why nothing was done about it; empty if something was.
    """

    kind: Kind
    path: bytes
    reason: str = ""


@frozen
class Reindex:
    """
    Looks through the files and the rows, and mends the rows.  No file is touched.

    Each row is changed only if it still is what it was when it was looked at,
    so this is safe beside a server that takes uploads and deletes files.

    :param remembered: an older index, which may know what the present one does not.
    :param mends: whether to change rows, or only to look.
    :param progress: is called for each file and each row that was looked at.
    """

    index: Index
    blobs: Blobs
    remembered: Index | None = None
    mends: bool = True
    progress: Callable[[], object] = field(default=lambda: None)

    async def run(self) -> AsyncGenerator[Disagreement, None]:
        """Tell each disagreement, mended if it can be."""
        async with aclosing(self.blobs.walk()) as walk:
            async for some in walk:
                for found in some:
                    disagreement = await self._examine(found)
                    if disagreement is not None:
                        yield disagreement
                    self.progress()
        if self.remembered is not None:
            async for row in rows(self.remembered):
                disagreement = await self._recall(row)
                if disagreement is not None:
                    yield disagreement
        async for row in rows(self.index):
            disagreement = await self._examine_row(row)
            if disagreement is not None:
                yield disagreement
            self.progress()

    async def _recall(self, row: StoredFile) -> Disagreement | None:
        # Older versions, and files whose names are hidden, are not come across.
        if await self.index.find(row.name) is not None:
            return None
        path = str(row.name).encode()
        try:
            blob = await self.blobs.open(row.name)
            if blob is None:
                return None
            if await blob.lane.run(_read, blob) != (row.size, row.sha256):
                return None
        except StorageFailed as error:
            return Disagreement(Kind.FAILED, path, str(error))
        try:
            is_mended = not self.mends or await self.index.amend(None, row)
        except ContentBlocked as refusal:
            return Disagreement(Kind.BLOCKED, path, refusal.detail)
        return Disagreement(Kind.ADDED, path) if is_mended else None

    async def _examine(self, found: Found | Passed) -> Disagreement | None:
        if isinstance(found, Passed):
            return Disagreement(Kind.PASSED, found.path, found.reason)
        path = str(found.name).encode()
        known = await self.index.find(found.name)
        if isinstance(known, Tombstone):
            return Disagreement(Kind.DELETED, path, f"it was {known.reason}, its bytes are there")
        if known is not None and known.size == found.size:
            return None
        kind = Kind.ADDED if known is None else Kind.CHANGED
        try:
            is_mended = not self.mends or await self._record(found, known)
        except StorageFailed as error:
            return Disagreement(Kind.FAILED, path, str(error))
        except ContentBlocked as refusal:
            return Disagreement(Kind.BLOCKED, path, refusal.detail)
        return Disagreement(kind, path) if is_mended else None

    async def _record(self, found: Found, known: StoredFile | None) -> bool:
        blob = await self.blobs.open(found.name)
        if blob is None:
            return False
        size, sha256 = await blob.lane.run(_read, blob)
        if known is None:
            facts = await self._facts(found, size, sha256)
        else:
            facts = evolve(known, size=size, sha256=sha256)
        return await self.index.amend(known, facts)

    async def _facts(self, found: Found, size: int, sha256: bytes) -> StoredFile:
        for known in (_intended(found), await self._remembered(found.name)):
            if known is not None and (known.size, known.sha256) == (size, sha256):
                return known
        return StoredFile(
            name=found.name,
            size=size,
            sha256=sha256,
            content_type=media_types.guess(found.name.leaf),
            uploaded_at=found.modified_at,
        )

    async def _remembered(self, name: StoredName) -> StoredFile | None:
        known = None if self.remembered is None else await self.remembered.find(name)
        return known if isinstance(known, StoredFile) else None

    async def _examine_row(self, row: StoredFile) -> Disagreement | None:
        path = str(row.name).encode()
        try:
            blob = await self.blobs.open(row.name)
        except StorageFailed as error:
            return Disagreement(Kind.FAILED, path, str(error))
        if blob is not None:
            await blob.lane.run(blob.close)
            return None
        is_mended = not self.mends or await self.index.amend(row, None)
        return Disagreement(Kind.DROPPED, path) if is_mended else None


async def rows(index: Index) -> AsyncGenerator[StoredFile, None]:
    """Tell every row of an index, those of older versions too."""
    start = ""
    while rows := await index.page(start, PAGE):
        for row in rows:
            yield row
        # Names have no control characters: nothing is between the two.
        start = f"{rows[-1].name}\0"


def _intended(found: Found) -> StoredFile | None:
    # Of an upload that is being recorded just now, or that a crash cut short.
    try:
        file = None if found.intent is None else intent.decode(found.intent)
    except ValueError:
        return None
    return file if file is not None and file.name == found.name else None


def _read(blob: OpenBlob) -> tuple[int, bytes]:
    # On a thread.
    try:
        digest = hashlib.sha256()
        size = 0
        while data := blob.read_at(size, READ_SIZE):
            digest.update(data)
            size += len(data)
        return size, digest.digest()
    finally:
        blob.close()
