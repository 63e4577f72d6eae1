"""Packing old files into containers: the settings, and the order in which it is safe."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from hmacfs.base.names import INTERNAL_DIRECTORY, StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs import containers
from hmacfs.blobs.catalogue import Packed
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.packed import PackedBlobs
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.flow.pools import Pool, ThreadedPool
from hmacfs.flow.turns import Turns
from hmacfs.library import journal
from hmacfs.library.journal import Busy
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.stores.interfaces import BEGINNING, Index

PAGE: Final = 200
NEW: Final = ".new"
"""What the name of a container ends with while it is written."""

ATTEMPTS: Final = 3
"""How often a container is begun whose files are being deleted at the same time."""


@frozen
class Packing:
    """
    Packs the oldest files.

    :param root: the directory of the files.
    :param first: the path of the first container; others have a number before the extension.
    :param size: bytes of a container.
    :param most: files of a container.
    """

    index: Index
    blobs: PackedBlobs
    root: Path
    first: Path
    size: int
    charset: str
    pool: Pool
    turns: Turns = field(factory=Turns)
    most: int = containers.MOST_FILES
    log: Logger = field(factory=Logger)

    async def pack(
        self, *, full: bool, goes_on: Callable[[], bool] = lambda: True
    ) -> tuple[Path, int] | None:
        """
        Pack the oldest files into one container; tell which, and how many files.

        Nothing is taken off the disk before it was read back from the
        container.  A crash leaves a file in both places, or a container that
        nothing is read from, which the next packing removes.

        :param full: only if there are enough files to fill one.
        :param goes_on: is asked again and again while a container is written.
        :raises StorageFailed: if a container cannot be written, or cannot be read back.
        :raises Busy: if somebody else is packing.
        :raises Stopped: if it was not to go on.
        """
        async with self.alone():
            await self.pool.run(self._tidy)
            written = await self._written(full, goes_on)
            if written is None:
                return None
            target, packed = written
            for file in packed:
                async with self.turns.of(file.name):
                    known = await self.index.find(file.name)
                    if isinstance(known, StoredFile) and known.sha256 == file.sha256:
                        await self.pool.run(self.blobs.unpack, file.name)
                    else:
                        await self.pool.run(self.blobs.catalogue.forget, file.name)
        self.log.info("packed {count} files into {path}", count=len(packed), path=str(target))
        return target, len(packed)

    async def _written(
        self, full: bool, goes_on: Callable[[], bool]
    ) -> tuple[Path, list[Packed]] | None:
        left = ATTEMPTS
        longest = containers.LONGEST_SEGMENT
        failure: StorageFailed | None = None
        while True:
            left -= 1
            files, is_full = await self._oldest(longest)
            if not files and failure is not None:
                raise failure
            if not files or (full and not is_full):
                return None
            target = await self.pool.run(self._next_path)
            try:
                packed = await self.pool.run(self._write, files, target, goes_on)
                await self._tell_damaged(files, packed)
                return target, packed
            except containers.Stopped:
                raise
            except StorageFailed as error:
                # Of files that were deleted meanwhile the next attempt knows.
                if not left:
                    raise
                if await self.pool.run(self._on_disk, files) != files:
                    continue
                if all(_is_sure(file) for file in files):
                    raise
                longest, failure = containers.SURE_SEGMENT, error
                self.log.warn("{error}: once more without long names", error=error)

    async def _tell_damaged(self, files: list[StoredFile], packed: list[Packed]) -> None:
        whole = {file.name for file in packed}
        for file in files:
            # One that was replaced meanwhile has other bytes by right.
            if file.name not in whole and await self.index.find(file.name) == file:
                self.log.error(
                    "{name} has other bytes than were stored: not packed", name=str(file.name)
                )

    async def adopt(self, container: Path) -> tuple[int, list[StoredName]]:
        """
        Read files from a container from now on, that was written here before.

        Files that were deleted since, that lie on the disk, or that are other files by
        now, stay what they are.

        :return: how many files that are, and those whose bytes are damaged.
        :raises StorageFailed: if it is no container that was written by a server.
        """
        entries = await self.pool.run(containers.read, container)
        names = await self.pool.run(containers.names_in, container, entries)
        found = {entry.sha256: entry for entry in entries}
        packed, damaged = [], []
        for name, sha256 in names.items():
            known = await self.index.find(name)
            is_other = known is not None and (
                not isinstance(known, StoredFile) or known.sha256 != sha256
            )
            if is_other or await self.pool.run(self.blobs.is_on_disk, name):
                continue
            if sha256 in found:
                entry = found[sha256]
                packed.append(Packed(name, container, entry.start, entry.size, sha256))
            else:
                damaged.append(name)
        await self.pool.run(self.blobs.catalogue.add, packed)
        return len(packed), damaged

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """
        Keep others from changing the catalogue in this way.

        :raises Busy: if somebody does.
        """
        path = self.blobs.internal_path / "packing"
        try:
            held = await self.pool.run(journal.held, path)
        except Busy:
            raise Busy("files are being packed already, by the server or a command") from None
        try:
            yield
        finally:
            await self.pool.run(held.close)

    async def _oldest(self, longest: int) -> tuple[list[StoredFile], bool]:
        program = await self.pool.run(containers.Program.found)
        chosen: list[StoredFile] = []
        rooms = containers.Rooms(self.size)
        after = BEGINNING
        while page := await self.index.oldest(after, PAGE):
            after = (page[-1].uploaded_at, str(page[-1].name))
            fit = [
                file
                for file in page
                if self._is_fit(file)
                and program.takes(file.name)
                and containers.longest_segment(file.name) <= longest
            ]
            for file in await self.pool.run(self._on_disk, fit):
                if len(chosen) == self.most or not rooms.take(file.name, file.size):
                    return chosen, True
                chosen.append(file)
        return chosen, False

    def _is_fit(self, file: StoredFile) -> bool:
        # What expires soon would only leave a hole; older versions have lives of their own.
        is_internal = file.name.segments[0] == INTERNAL_DIRECTORY
        if file.expires_at is not None or is_internal or file.size > containers.LARGEST_FILE:
            return False
        return containers.Rooms(self.size).take(file.name, file.size)

    def _on_disk(self, files: list[StoredFile]) -> list[StoredFile]:
        return [file for file in files if self.blobs.is_on_disk(file.name)]

    def _tidy(self) -> None:
        # What a crash has left; a program that outlived it may still write, into no file then.
        self.blobs.catalogue.sweep()
        for path in self.first.parent.glob(f".{self.first.stem}*{NEW}"):
            path.unlink(missing_ok=True)

    def _next_path(self) -> Path:
        number = 1
        path = self.first
        while path.exists():
            number += 1
            path = self.first.with_name(f"{self.first.stem}-{number}{self.first.suffix}")
        return path

    def _write(
        self, files: list[StoredFile], target: Path, goes_on: Callable[[], bool]
    ) -> list[Packed]:
        new = target.with_name(f".{target.name}.{secrets.token_hex(8)}{NEW}")
        self.blobs.catalogue.announce(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digests = {file.name: file.sha256 for file in files}
            place = self.blobs.place
            containers.write(self.root, digests, new, self.charset, goes_on, place)
            found = {entry.sha256: entry.start for entry in containers.read(new, goes_on)}
            whole = [file for file in files if file.sha256 in found]
            if not whole:
                raise StorageFailed("none of the files has the bytes that were stored")
            self._give_back(new)
            new.rename(target)
        except OSError as error:
            raise StorageFailed(f"cannot write {target}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                new.unlink()
        packed = [
            Packed(file.name, target, found[file.sha256], file.size, file.sha256) for file in whole
        ]
        self.blobs.catalogue.add(packed)
        return packed

    def _give_back(self, path: Path) -> None:
        # What root made is of no use to a server that runs as somebody else.
        if os.geteuid() == 0:
            owner = self.root.stat()
            os.chown(path, owner.st_uid, owner.st_gid)


def _is_sure(file: StoredFile) -> bool:
    return containers.longest_segment(file.name) <= containers.SURE_SEGMENT


def packing(
    settings: Settings, index: Index, blobs: PackedBlobs, pool: Pool, turns: Turns | None = None
) -> Packing:
    """Make what packs."""
    first = settings[options.ISO_CONTAINERFILE]
    return Packing(
        index,
        blobs,
        settings[options.SERVER_STORAGE_PATH].absolute(),
        (first or settings[options.ISO_MOUNTPOINT].parent / "container.iso").absolute(),
        settings[options.ISO_SIZE],
        settings[options.ISO_CHARSET],
        pool,
        turns or Turns(),
    )


def packing_again(settings: Settings, foundation: Foundation, clock: IReactorTime) -> Chore:
    """Make the chore that packs."""
    log = Logger()

    async def run() -> None:
        # It may take minutes, in which no upload should miss a thread.
        pool = ThreadedPool(foundation.reactor, "containers", 1)
        pool.start()
        work = packing(settings, foundation.index, foundation.blobs, pool, foundation.turns)
        try:
            while chore.running and await work.pack(full=True, goes_on=lambda: chore.running):
                continue
        except (Busy, containers.Stopped) as error:
            log.info("{error}", error=error)
        finally:
            pool.stop()

    interval = settings[options.ISO_SCHEDULE]
    chore = Chore("to pack old files", interval, run, clock, foundation.pending)
    return chore
