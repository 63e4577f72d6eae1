"""Files of another server become files of this one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import Blobs, StagedBlob
from hmacfs.ingest.foreign import Foreign
from hmacfs.ingest.publication import Publication, same

COPY_SIZE = 1024 * 1024
"""Bytes to copy at once."""


@frozen
class Takeover:
    """
    Copies files in, as uploads are published: a name that is taken stays what it is.

    :param open: opens what has a name below a directory, to read; blocks.
    """

    blobs: Blobs
    publication: Publication
    open: Callable[[Path, StoredName], BinaryIO]

    async def take(self, foreign: Foreign) -> bool:
        """
        Copy a file; tell whether it is new here.

        :raises NameTaken: if another file has its name, or had it lately.
        :raises ContentBlocked: if its bytes are not taken.
        :raises OSError: if it cannot be read.
        """
        staged = await self.blobs.stage()
        try:
            size, sha256 = await staged.lane.run(self._copy, foreign, staged)
            file = StoredFile(
                name=foreign.name,
                size=size,
                sha256=sha256,
                content_type=foreign.content_type,
                uploaded_at=foreign.uploaded_at,
                owner=foreign.owner,
            )
            known = await self.publication.known(foreign.name)
            if known is not None:
                return same(known, sha256).created
            return (await self.publication.publish(staged, file)).created
        finally:
            await self.blobs.settle(staged)

    def _copy(self, foreign: Foreign, staged: StagedBlob) -> tuple[int, bytes]:
        # On a thread.
        digest, size = hashlib.sha256(), 0
        with self.open(foreign.directory, foreign.place) as source:
            while data := source.read(COPY_SIZE):
                staged.write(data)
                digest.update(data)
                size += len(data)
        return size, digest.digest()
