"""Bans in the shared state."""

from __future__ import annotations

import json
from functools import lru_cache
from ipaddress import ip_network
from typing import Final

from attrs import Factory, define, field

from hmacfs.base.addresses import Network
from hmacfs.base.bans import Ban
from hmacfs.stores.state import Named, State

KIND: Final = "ban"
"""The kind of their entries."""

PAGE: Final = 500
"""Bans to read at once."""


@define
class StateBans:
    """
    The bans of all servers that share a state; see :class:`hmacfs.rules.bans.BanBook`.

    :param copies: whether to pass on what is read, for a state of which a part
        knows only what was asked of it here, and is to take over from the other.
    """

    state: State
    copies: bool = False
    _copied: dict[str, int] = field(init=False, repr=False, default=Factory(dict))

    async def keep(self, ban: Ban) -> None:
        """Keep a ban in the place of the one of its network; the later end of both counts."""
        key = str(ban.network)
        there = await self.state.find(KIND, key)
        until = ban.until if there is None else max(ban.until, there.until)
        value = json.dumps({"at": ban.at, "reason": ban.reason}).encode()
        await self.state.put(KIND, key, value, until)

    async def forget(self, network: Network) -> bool:
        """Forget the ban of a network; tell whether there was one."""
        key = str(network)
        if await self.state.find(KIND, key) is None:
            return False
        await self.state.delete(KIND, key)
        return True

    async def read(self, most: int) -> list[Ban]:
        """Tell the bans in force, at most so many."""
        found: list[Named] = []
        after = (KIND, "")
        while len(found) < most:
            page = await self.state.entries(after, PAGE)
            ours = [named for named in page if named.kind == KIND]
            found += ours
            if len(ours) < PAGE:
                break
            after = KIND, ours[-1].key
        if self.copies:
            await self._copy(found)
        return [_ban(each.key, each.entry.value, each.entry.until) for each in found[:most]]

    async def _copy(self, found: list[Named]) -> None:
        for named in found:
            if self._copied.get(named.key) != named.entry.sequence:
                await self.state.restore(named)
        self._copied = {named.key: named.entry.sequence for named in found}


@lru_cache(maxsize=10_000)
def _ban(key: str, value: bytes, until: float) -> Ban:
    # They are read again every few seconds, and are mostly those of before.
    told = json.loads(value)
    return Ban(ip_network(key), told["at"], until, told["reason"])
