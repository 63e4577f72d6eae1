"""Which host has an unfinished upload, in the shared state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from attrs import frozen

from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.state import State

UPLOAD: Final = "upload"
"""The kind of the entries that name the host of an upload."""

HOST: Final = "host"
"""The kind of those that tell that a host is alive."""

BEAT: Final = 10.0
"""Seconds after which a host tells so again."""

ALIVE: Final = 3 * BEAT
"""Seconds for which it is believed."""


@frozen
class StateWhereabouts:
    """
    See :class:`hmacfs.uploads.whereabouts.Whereabouts`.

    Whoever knows the id of an upload may use it, so the state has its hash.

    :param host: what tells this host from the others, also after a restart.
    :param now: tells seconds since the epoch.
    """

    state: State
    host: str
    now: Callable[[], float]

    async def beat(self) -> None:
        """Tell that this host is alive, if the others can be told."""
        with suppress(StoreFailed):
            await self.state.put(HOST, self.host, b"", self.now() + ALIVE)

    async def note(self, id: str, until: float) -> None:
        """Tell the others that an upload is here, if they can be told."""
        with suppress(StoreFailed):
            await self.state.put(UPLOAD, _key(id), self.host.encode(), until)

    async def forget(self, id: str) -> None:
        """Tell the others nothing of an upload any more, if they can be told."""
        with suppress(StoreFailed):
            await self.state.delete(UPLOAD, _key(id))

    async def elsewhere(self, id: str) -> bool:
        """Tell whether another host has an upload, and is alive."""
        with suppress(StoreFailed):
            entry = await self.state.find(UPLOAD, _key(id))
            if entry is not None and entry.value != self.host.encode():
                return await self.state.find(HOST, entry.value.decode()) is not None
        return False


def _key(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()
