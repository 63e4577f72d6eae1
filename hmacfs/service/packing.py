"""Packing old files into containers: the settings, and the order in which it is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from hmacfs.base.values import StoredFile
from hmacfs.blobs import containers
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.packed import Packed, PackedBlobs
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import Pool, ThreadedPool
from hmacfs.flow.turns import Turns
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.stores.interfaces import BEGINNING, Index

PAGE: Final = 200
OVERHEAD: Final = 4096
"""Bytes that a file takes in a container beside its own, at most."""


@frozen
class Packing:
    """
    Packs the oldest files.

    :param first: the path of the first container; others have a number before the extension.
    :param size: bytes of a container.
    """

    index: Index
    blobs: PackedBlobs
    root: Path
    first: Path
    size: int
    charset: str
    pool: Pool
    turns: Turns = field(factory=Turns)
    log: Logger = field(factory=Logger)

    async def pack(self, *, full: bool) -> tuple[Path, int] | None:
        """
        Pack the oldest files into one container; tell which, and how many files.

        Nothing is taken off the disk before it was read back from the
        container.  A crash leaves a file in both places, or a container that
        nothing is read from.

        :param full: only if there are enough files to fill one.
        :raises StorageFailed: if a container cannot be written, or cannot be read back.
        """
        files, is_full = await self._oldest()
        if not files or (full and not is_full):
            return None
        target = await self.pool.run(self._next_path)
        packed = await self.pool.run(self._write, files, target)
        for file in packed:
            async with self.turns.of(file.name):
                known = await self.index.find(file.name)
                if isinstance(known, StoredFile) and known.sha256 == file.sha256:
                    await self.pool.run(self.blobs.unpack, file.name)
                else:
                    await self.pool.run(self.blobs.catalogue.forget, file.name)
        self.log.info("packed {count} files into {path}", count=len(packed), path=str(target))
        return target, len(packed)

    async def _oldest(self) -> tuple[list[StoredFile], bool]:
        chosen: list[StoredFile] = []
        left = self.size - 1024**2 // 2
        after = BEGINNING
        while page := await self.index.oldest(after, PAGE):
            after = (page[-1].uploaded_at, str(page[-1].name))
            on_disk = await self.pool.run(self._on_disk, list(page))
            for file in on_disk:
                if file.size + OVERHEAD > left:
                    return chosen, True
                left -= file.size + OVERHEAD
                chosen.append(file)
        return chosen, False

    def _on_disk(self, files: list[StoredFile]) -> list[StoredFile]:
        # What expires soon would only leave a hole.
        return [
            file
            for file in files
            if file.expires_at is None
            and file.size + OVERHEAD <= min(self.size - 1024**2 // 2, containers.LARGEST_FILE)
            and self.blobs.is_on_disk(file.name)
        ]

    def _next_path(self) -> Path:
        number = 1
        path = self.first
        while path.exists():
            number += 1
            path = self.first.with_name(f"{self.first.stem}-{number}{self.first.suffix}")
        return path

    def _write(self, files: list[StoredFile], target: Path) -> list[Packed]:
        new = target.with_name(f".{target.name}.new")
        try:
            containers.write(self.root, [file.name for file in files], new, self.charset)
            found = containers.find(new)
            missing = [file for file in files if file.sha256 not in found]
            if missing:
                raise StorageFailed(f"{target} would lack {missing[0].name}: nothing was packed")
            new.rename(target)
        except OSError as error:
            raise StorageFailed(f"cannot write {target}: {error.strerror}") from error
        finally:
            new.unlink(missing_ok=True)
        packed = [
            Packed(file.name, target, found[file.sha256].start, file.size, file.sha256)
            for file in files
        ]
        self.blobs.catalogue.add(packed)
        return packed


def packing(
    settings: Settings, index: Index, blobs: PackedBlobs, pool: Pool, turns: Turns | None = None
) -> Packing:
    """Make what packs."""
    first = settings[options.ISO_CONTAINERFILE]
    return Packing(
        index,
        blobs,
        settings[options.SERVER_STORAGE_PATH].absolute(),
        first or settings[options.ISO_MOUNTPOINT].parent / "container.iso",
        settings[options.ISO_SIZE],
        settings[options.ISO_CHARSET],
        pool,
        turns or Turns(),
    )


def packing_again(
    settings: Settings, foundation: Foundation, clock: IReactorTime
) -> tuple[Chore, ...]:
    """Make the chore that packs, if the settings want one."""
    interval = settings[options.ISO_SCHEDULE]
    if not (settings[options.ISO_ENABLED] and interval):
        return ()

    async def run() -> None:
        # It may take minutes, in which no upload should miss a thread.
        pool = ThreadedPool(foundation.reactor, "containers", 1)
        pool.start()
        try:
            work = packing(settings, foundation.index, foundation.blobs, pool, foundation.turns)
            await work.pack(full=True)
        finally:
            pool.stop()

    return (Chore("to pack old files", interval, run, clock, foundation.pending),)
