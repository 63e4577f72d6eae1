"""
Files whose bytes lie in ISO 9660 containers.

A container is written once and never changed.  Where in it the bytes of a file
lie is kept in the catalogue, so a file is read from its container as quickly as
from the disk.  A file that lies on the disk as well is read from there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

from attrs import define, evolve

from hmacfs.base.names import StoredName
from hmacfs.blobs.catalogue import Catalogue, Packed
from hmacfs.blobs.handles import LocalStagedBlob
from hmacfs.blobs.interfaces import Found, NameExists, OpenBlob, Passed, StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.tree import storage_errors
from hmacfs.flow.pools import Lane

_CLOSED = -1


@define(eq=False)
class PackedBlob:
    """The bytes of a file in a container, open for reading."""

    size: int
    lane: Lane
    _container: int
    _start: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Read at an offset; see :class:`OpenBlob`."""
        with storage_errors("read a container"):
            return os.pread(
                self._container, min(length, max(0, self.size - offset)), self._start + offset
            )

    def close(self) -> None:
        """Let go."""
        container, self._container = self._container, _CLOSED
        if container != _CLOSED:
            os.close(container)


class PackedBlobs(LocalBlobs):
    """Keeps files below a directory, and finds those that were packed into containers."""

    @property
    def catalogue(self) -> Catalogue:
        """What tells where packed files lie."""
        return Catalogue(self.internal_path / "packed.sqlite")

    def unpack(self, name: StoredName) -> None:
        """Take the file off the disk, once it lies in a container; blocks."""
        super()._remove(name)

    def is_on_disk(self, name: StoredName) -> bool:
        """Tell whether a file lies on the disk itself; blocks."""
        blob = super()._open(name)
        if blob is None:
            return False
        blob.close()
        return True

    async def walk(self) -> AsyncGenerator[list[Found | Passed], None]:
        """Look through all files, on the disk and then in containers; see :meth:`Blobs.walk`."""
        async with aclosing(super().walk()) as on_disk:
            async for some in on_disk:
                yield some
        last = b""
        while packed := await self._pool.run(self.catalogue.page, last):
            yield await self._pool.run(self._found, packed)
            last = str(packed[-1].name).encode()

    def _found(self, packed: list[Packed]) -> list[Found | Passed]:
        found: list[Found | Passed] = []
        for file in packed:
            if not self.is_on_disk(file.name):
                try:
                    modified_at = file.container.stat().st_mtime
                except OSError as error:
                    reason = f"the container {file.container} cannot be read: {error.strerror}"
                    found.append(Passed(str(file.name).encode(), reason))
                    continue
                found.append(Found(file.name, file.size, modified_at, None))
        return found

    def _open(self, name: StoredName) -> OpenBlob | None:
        blob = super()._open(name)
        if blob is not None:
            return blob
        packed = self.catalogue.find(name)
        if packed is None:
            return None
        with storage_errors(f"open the container {packed.container}"):
            container = os.open(packed.container, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if os.fstat(container).st_size < packed.start + packed.size:
                os.close(container)
                raise StorageFailed(f"the container {packed.container} is cut short")
        return PackedBlob(packed.size, Lane(self._pool), container, packed.start)

    def _link(self, name: StoredName, other: StoredName) -> bool:
        if super()._link(name, other):
            return True
        packed = self.catalogue.find(name)
        if packed is None:
            return False
        if self._has(other):
            raise NameExists(f"{other} exists")
        self.catalogue.add([evolve(packed, name=other)])
        return True

    def _replace(self, blob: LocalStagedBlob, name: StoredName, intent: bytes) -> None:
        if self.is_on_disk(name) or self.catalogue.find(name) is None:
            super()._replace(blob, name, intent)
        else:
            self._publish(blob, name, intent)
        self.catalogue.forget(name)

    def _rename(self, name: StoredName, other: StoredName) -> None:
        packed = None if self.is_on_disk(name) else self.catalogue.find(name)
        if packed is not None:
            if not self._has(other):
                raise NameExists(f"{other} is no file")
            self.catalogue.add([evolve(packed, name=other)])
            super()._remove(other)
            self.catalogue.forget(name)
        elif self.is_on_disk(other) or self.catalogue.find(other) is None:
            super()._rename(name, other)
            self.catalogue.forget(other)
        else:
            super()._link(name, other)
            self.catalogue.forget(other)
            super()._remove(name)

    def _has(self, name: StoredName) -> bool:
        return self.is_on_disk(name) or self.catalogue.find(name) is not None

    def _remove(self, name: StoredName) -> bool:
        was_packed = self.catalogue.forget(name)
        return super()._remove(name) or was_packed
