"""The list of files that were published without a scan, which outlives the server."""

from __future__ import annotations

import hashlib
import os
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import frozen

from hmacfs.base.durable import sync
from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.flow.pools import Pool

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Postponed:
    """
    A directory with a small file for each name that is still to be scanned.

    :param directory: made when it is needed.
    """

    directory: Path
    pool: Pool

    async def add(self, name: StoredName) -> None:
        """
        Note a name; it is durable when this returns.

        :raises OSError: if that cannot be done.
        """
        await self.pool.run(self._add, name)

    def _add(self, name: StoredName) -> None:
        self.directory.mkdir(0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._path(name), _NEW, 0o600), "wb") as note:
            note.write(str(name).encode())
            note.flush()
            os.fsync(note.fileno())
        sync(self.directory)

    async def some(self, limit: int) -> list[StoredName]:
        """Tell some of the names."""
        return await self.pool.run(self._some, limit)

    def _some(self, limit: int) -> list[StoredName]:
        names = []
        try:
            with os.scandir(self.directory) as entries:
                for entry in islice(entries, limit):
                    name = self._read(Path(entry.path))
                    if name is not None:
                        names.append(name)
        except FileNotFoundError:
            return []
        return names

    def _read(self, path: Path) -> StoredName | None:
        try:
            name = StoredName.known(path.read_bytes().decode())
        except (NameRefused, UnicodeDecodeError):
            name = None
        if name is None or self._path(name) != path:
            # Cut short by a crash, before the upload was told to be stored.
            path.unlink(missing_ok=True)
            return None
        return name

    async def forget(self, name: StoredName) -> None:
        """Take a name off."""
        await self.pool.run(self._forget, name)

    def _forget(self, name: StoredName) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: StoredName) -> Path:
        return self.directory / hashlib.sha256(str(name).encode()).hexdigest()
