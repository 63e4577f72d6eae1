"""The index in a database server, of one storage and no other."""

from __future__ import annotations

import fcntl
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.pair import Pair
from hmacfs.stores.sql_index import SqlIndex
from hmacfs.stores.statements import Connection, text

IDENTITY: Final = "identity"
"""The file among the server's own that tells its storage from all others."""

_LENGTH: Final = 32


class ServerIndex(SqlIndex):
    """
    The index in a database server, which others can reach too.

    Each server would forget the files of the other if two storages had one index.

    :param directory: that of the server's own files in the storage; it exists at the start.
    :param place: what the index is called in a sentence.
    :param takes_over: whether the storage takes the place of another.
    """

    def __init__(self, pair: Pair, directory: Path, place: str, *, takes_over: bool) -> None:
        super().__init__(pair)
        self._directory = directory
        self._place = place
        self._takes_over = takes_over

    def start(self) -> Deferred[None]:
        """
        Open the database; make or upgrade its tables if need be.

        Fails with :class:`StoreFailed` if that cannot be done, or if it is that of another storage.
        """
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await super().start()
        work = partial(_keep, directory=self._directory, takes_over=self._takes_over)
        try:
            is_ours = await self._pair.write(work)
        except BaseException:
            await self.close()
            raise
        if not is_ours:
            await self.close()
            raise StoreFailed(
                f"{self._place} has the index of another storage: give each storage a database of "
                "its own (index.name), or if this one takes the place of the other, run "
                "hmac-file-server reindex"
            )


def _keep(connection: Connection, directory: Path, *, takes_over: bool) -> bool:
    identity = storage_identity(directory)
    if takes_over:
        connection.execute("DELETE FROM storages")
    rows = connection.execute("SELECT id FROM storages").fetchall()
    if rows:
        known: str = text(rows[0][0])
        return known == identity
    connection.execute("INSERT INTO storages (id) VALUES (?)", (identity,))
    return True


def storage_identity(directory: Path) -> str:
    """
    Tell what tells a storage from all others, wherever it is moved to; blocks.

    :param directory: that of the server's own files in it.
    :raises OSError: if that can be neither read nor made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(directory / IDENTITY, flags, 0o600), "r+", encoding="ascii") as file:
        # Who makes it has written all of it before others read.
        fcntl.flock(file, fcntl.LOCK_EX)
        known = file.read()
        if len(known) == _LENGTH:
            return known
        file.seek(0)
        file.truncate()
        made = secrets.token_hex(_LENGTH // 2)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made
