"""
How much one owner may have stored, and may send in a day.

What is stored is what the index says, so it is right after a crash; what is on
its way is held in memory, and goes with the process that takes it.  What came
in a day counts also when it is deleted, and wherever it came: that is kept with
the days of all servers.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from hmacfs.base.errors import DailyQuotaExceeded, QuotaExceeded
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant, StoredFile
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.rules.days import DAY, Days, OwnDays
from hmacfs.stores.interfaces import BEGINNING, Index, StoreFailed

STEP: Final = 20
"""Files to look at when the oldest go."""

_HASH: Final = re.compile(r"[0-9a-f]{40}")
"""The hash of a JID that ejabberd's paths begin with."""


def owned(grant: Grant) -> Grant:
    """Tell the owner by ejabberd's path, where the signature does not say who it is."""
    return evolve(grant, owner=owner_of(grant.owner, grant.name))


def owner_of(owner: str | None, name: StoredName | None) -> str | None:
    """Tell the owner, of whom the signature may not say who it is."""
    if owner is None and name is not None:
        first, *more = name.segments
        if more and _HASH.fullmatch(first):
            return first
    return owner


def is_in_names(owner: str) -> bool:
    """Tell whether names say that a file is this owner's."""
    return _HASH.fullmatch(owner) is not None


@frozen
class Limits:
    """
    What owners may have, in bytes; ``None`` is any amount.

    :ivar default: all files of one owner together.
    :ivar daily: what one owner sends in a day.
    :ivar custom: in place of ``default`` for these owners.
    :ivar drops: whether the oldest files go for a new one, in place of a refusal.
    """

    default: int | None = None
    daily: int | None = None
    custom: Mapping[str, int | None] = field(factory=dict)
    drops: bool = False

    def total(self, owner: str, claimed: int | None) -> int | None:
        """
        Tell how much an owner may have stored.

        :param claimed: what its credential says; the smaller of both rules.
        """
        ours = self.custom.get(owner, self.default)
        known = [limit for limit in (ours, claimed) if limit is not None]
        return min(known) if known else None


@define(eq=False)
class _Account:
    """
    What of one owner is on its way.

    :ivar held: bytes.
    :ivar releases: how many uploads have ended.
    :ivar recording: how many may be in the index by now and are still held.
    :ivar users: who needs this account.
    """

    held: int = 0
    releases: int = 0
    recording: int = 0
    users: int = 0
    waiting: list[Deferred[None]] = field(factory=list)


class Usage:
    """
    What is on its way; of all owners.

    It outlives a reload.

    :param now: tells seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._accounts: dict[str, _Account] = {}

    @property
    def owners(self) -> int:
        """Tell of how many owners something is on its way."""
        return len(self._accounts)

    def midnight(self) -> int:
        """Tell when this day began, in seconds since the epoch."""
        return int(self._now() // DAY) * DAY

    def open(self, owner: str) -> _Account:
        """Tell the account of an owner, to be closed."""
        account = self._accounts.setdefault(owner, _Account())
        account.users += 1
        return account

    def close(self, owner: str) -> None:
        """Let go of an account."""
        account = self._accounts[owner]
        account.users -= 1
        if not account.users:
            del self._accounts[owner]


class Share:
    """
    A part of its quota that an upload holds until it has ended.

    A context manager, which may be entered by several who see to the upload.
    """

    def __init__(self, usage: Usage, owner: str | None, account: _Account, size: int) -> None:
        self._usage = usage
        self._owner = owner
        self._account = account
        self._size = size
        self._holders = 0
        self._is_recorded = False
        self._has_ended = False
        account.held += size

    def __enter__(self) -> Share:
        self._holders += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._holders -= 1
        if not self._holders:
            self.end()

    def end(self) -> None:
        """Hold nothing any more: the index knows the file, or there will be none."""
        if self._owner is None or self._has_ended:
            return
        self._has_ended = True
        account = self._account
        account.held -= self._size
        account.releases += 1
        account.recording -= self._is_recorded
        waiting, account.waiting = account.waiting, []
        self._usage.close(self._owner)
        for each in waiting:
            each.callback(None)

    def recording(self) -> None:
        """Note that from now on the index may know the file, which is still held."""
        if not self._is_recorded:
            self._is_recorded = True
            self._account.recording += 1


@frozen
class Standing:
    """
    What an owner has, and may have; ``None`` is any amount.

    :ivar used: bytes of all files.
    :ivar today: bytes that came today.
    :ivar is_custom: whether the limit is the owner's own.
    """

    used: int
    limit: int | None
    today: int
    daily: int | None
    is_custom: bool


@frozen
class Quotas:
    """
    Compares what owners have and want with what they may have.

    :param drop: deletes a file, unless it has become another, and tells whether it did.
    :param days: know what owners sent in a day.
    """

    index: Index
    usage: Usage
    now: Callable[[], float]
    limits: Limits = field(factory=Limits)
    drop: Callable[[StoredFile], Awaitable[bool]] | None = None
    days: Days = field(factory=OwnDays)
    log: Logger = field(factory=Logger)

    async def reserve(
        self, owner: str | None, size: int, claimed: int | None = None, promised: int = 0
    ) -> Share:
        """
        Hold a share for an upload, so that no two of one owner fit only each for itself.

        :param owner: without one no quota holds.
        :param claimed: the most bytes that the credential lets the owner have.
        :param promised: bytes that other uploads of the owner are about to bring.
        :return: what is to be entered at once.
        :raises QuotaExceeded: if that would be more than the owner may have.
        :raises DailyQuotaExceeded: if it would be more than may come in a day.
        """
        limit = None if owner is None else self.limits.total(owner, claimed)
        if owner is None or (limit is None and self.limits.daily is None):
            return Share(self.usage, None, _Account(), size)
        account = self.usage.open(owner)
        try:
            while True:
                releases = account.releases
                used, today = await self._used(owner, limit)
                if releases != account.releases:
                    # What has ended meanwhile may be in neither of the numbers.
                    continue
                try:
                    self._check(size, account.held + promised, used, limit)
                    self._check_day(size, account.held + promised, today)
                except (QuotaExceeded, DailyQuotaExceeded):
                    if not account.recording:
                        raise
                    # What is being recorded may be in both of the numbers.
                    ended: Deferred[None] = Deferred()
                    account.waiting.append(ended)
                    await ended
                    continue
                return Share(self.usage, owner, account, size)
        except BaseException:
            self.usage.close(owner)
            raise

    async def stored(self, file: StoredFile) -> None:
        """Count a new file to the day of its owner, before its share ends."""
        if file.owner is None or self.limits.daily is None:
            return
        day = int(file.uploaded_at // DAY) * DAY
        try:
            await self.days.add(file.owner, day, f"{file.uploaded_at!r} {file.name}", file.size)
        except StoreFailed as error:
            # It is stored all the same, and the index knows it.
            self.log.warn("only the index knows what came: {error}", error=error)

    async def settle(self, owner: str | None, claimed: int | None, newest: StoredFile) -> None:
        """Delete the oldest files of an owner who has too much since this one came."""
        limit = None if owner is None else self.limits.total(owner, claimed)
        if owner is None or limit is None or not self.limits.drops or self.drop is None:
            return
        try:
            await self._make_room(owner, limit, newest, self.drop)
        except (StoreFailed, StorageFailed) as error:
            # The new file is stored all the same, and the next one tries again.
            self.log.error("cannot delete old files of {owner}: {error}", owner=owner, error=error)

    async def standing(self, owner: str) -> Standing:
        """Tell what an owner has, and may have whatever a credential says."""
        return Standing(
            await self.index.used_by(owner),
            self.limits.total(owner, None),
            await self._today(owner),
            self.limits.daily,
            owner in self.limits.custom,
        )

    async def _make_room(
        self,
        owner: str,
        limit: int,
        newest: StoredFile,
        drop: Callable[[StoredFile], Awaitable[bool]],
    ) -> None:
        excess = await self.index.used_by(owner) - limit
        after = BEGINNING
        while excess > 0 and (files := await self.index.oldest(after, STEP, owner)):
            for file in files:
                after = (file.uploaded_at, str(file.name))
                if excess > 0 and file.name != newest.name and await drop(file):
                    excess -= file.size

    async def _used(self, owner: str, limit: int | None) -> tuple[int, int]:
        used = today = 0
        if limit is not None and not self.limits.drops:
            used = await self.index.used_by(owner)
        if self.limits.daily is not None:
            today = await self._today(owner)
        return used, today

    async def _today(self, owner: str) -> int:
        midnight = self.usage.midnight()
        today = await self.index.used_by(owner, midnight)
        try:
            # The index does not know what was deleted or came to other servers, and the days
            # not what came before there was a limit.
            return max(today, await self.days.total(owner, midnight))
        except StoreFailed as error:
            self.log.warn("the index alone tells what came today: {error}", error=error)
            return today

    def _check(self, size: int, held: int, used: int, limit: int | None) -> None:
        if limit is not None and used + held + size > limit:
            if self.limits.drops:
                # What is stored would have gone for it, and was not counted.
                raise QuotaExceeded(
                    f"this file has {size} bytes, and your quota of {limit} has room for "
                    f"{limit - held} beside what is on its way",
                    limit=limit,
                    requested=size,
                )
            raise QuotaExceeded(
                f"{used + held} bytes of your quota of {limit} are used or on their way, "
                f"and this file has {size}",
                used=used + held,
                limit=limit,
                requested=size,
            )

    def _check_day(self, size: int, held: int, today: int) -> None:
        daily = self.limits.daily
        if daily is not None and today + held + size > daily:
            raise DailyQuotaExceeded(
                f"you have sent {today + held} of the {daily} bytes of this day, "
                f"and this file has {size}",
                used=today + held,
                limit=daily,
                requested=size,
                retry_after=self.usage.midnight() + DAY - self.now(),
            )
