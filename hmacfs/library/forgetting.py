"""Removing every file of one uploader, for good."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Final

from attrs import field, frozen

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs
from hmacfs.flow.pools import Pool
from hmacfs.flow.turns import Turns
from hmacfs.library.shelf import Shelf
from hmacfs.stores.interfaces import BEGINNING, Index, versions_of

FORGOTTEN: Final = "forgotten"
"""The reason on the tombstones, which do not tell whose the file was."""

STEP: Final = 100
"""Rows to ask for at once."""


async def files_of(
    index: Index, owner: str, *, by_name: bool = False
) -> AsyncGenerator[StoredFile, None]:
    """
    Tell the files of an uploader, older versions among them.

    :param by_name: whether those are the uploader's of which only the name says so.
    """
    after = BEGINNING
    while page := await index.oldest(after, STEP, owner):
        for file in page:
            yield file
        after = (page[-1].uploaded_at, str(page[-1].name))
    # Rows that were made anew from the files do not say whose they are.
    start = f"{owner}/"
    while by_name and (page := await index.page(start, STEP)):
        for file in page:
            if not str(file.name).startswith(f"{owner}/"):
                return
            if file.owner is None:
                yield file
        start = f"{page[-1].name}\0"


@frozen
class Forgetting:
    """
    Removes files with their pictures and older versions, and leaves tombstones.

    What a crash cuts short is found and done when it is asked for again.

    :param turns: those of the intake, so that no upload of the name is under way.
    :param shelf: where small pictures are, also if none are made any more.
    :param disk: where they are removed.
    :param events: is told of each file.
    """

    index: Index
    blobs: Blobs
    turns: Turns
    shelf: Shelf
    disk: Pool
    now: Callable[[], float]
    events: Events = field(factory=Events)

    async def remove(self, files: Iterable[StoredFile]) -> list[StoredFile]:
        """Remove what :func:`files_of` has told, and tell what was removed."""
        await self._finish()
        gone = []
        for file in files:
            async with self.turns.of(file.name):
                gone += await self._remove(file)
        return gone

    async def _finish(self) -> None:
        # A row was gone, and its bytes were not yet.
        start = ""
        while graves := await self.index.buried(start, STEP):
            for grave in graves:
                if grave.reason == FORGOTTEN:
                    async with self.turns.of(grave.name):
                        if await self.index.find(grave.name) == grave:
                            await self._free(grave.name)
            start = f"{graves[-1].name}\0"

    async def _remove(self, file: StoredFile) -> list[StoredFile]:
        if file.name.is_version:
            return [file] if await self._remove_version(file) else []
        # Before the row, which leads here, and once more for whoever asked for one meanwhile.
        await self._forget_pictures(file)
        if not await self.index.amend(file, Tombstone(file.name, self.now(), FORGOTTEN)):
            return []
        await self._forget_pictures(file)
        self.events.tell(FileRemoved(file, FORGOTTEN))
        return [file, *await self._free(file.name)]

    async def _free(self, name: StoredName) -> list[StoredFile]:
        await self.blobs.remove(name)
        versions = await versions_of(self.index, name)
        return [version for version in versions if await self._remove_version(version)]

    async def _remove_version(self, version: StoredFile) -> bool:
        # The bytes first: nobody can upload to its name, and the row leads to them.
        await self.blobs.remove(version.name)
        await self._forget_pictures(version)
        if not await self.index.amend(version, None):
            return False
        self.events.tell(FileRemoved(version, FORGOTTEN))
        return True

    async def _forget_pictures(self, file: StoredFile) -> None:
        alike = await self.index.with_digest(file.sha256, 2)
        if all(each.name == file.name for each in alike):
            await self.disk.run(self.shelf.forget, file.sha256)
