"""How many sessions there may be, and how long they stay."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from hmacfs.base.errors import NameTaken, NoSpace, TooManyUploads
from hmacfs.uploads.session import Draft
from hmacfs.uploads.table import Table

RETRY_AFTER: Final = 60
"""Seconds after which others may have ended."""


@frozen
class Limits:
    """
    Bounds of all sessions together.  Durations are in seconds.

    :ivar max_age: after its creation, at which a session ends at the latest
        (``uploads.max_resumable_age``).
    :ivar timeout: after its last byte, at which it ends (``uploads.sessiontimeout``).
    :ivar quota_claim: after its last byte, while what it is to bring counts
        against the quota of its owner (``uploads.session_recovery_timeout``).
    :ivar name_claim: after its last byte, while nobody else may begin an
        upload of its name (``uploads.client_reconnect_window``).
    :ivar remembered: for which a session that is over is known.
    :ivar most: sessions that hold bytes.
    :ivar most_of_owner: of them, those of one owner.
    :ivar most_bytes: that they may hold or have announced together; 0 is any.
    """

    max_age: float = 48 * 3600.0
    timeout: float = 3600.0
    quota_claim: float = 300.0
    name_claim: float = 120.0
    remembered: float = 24 * 3600.0
    most: int = 20_000
    most_of_owner: int = 1_000
    most_bytes: int = 0

    def expires_at(self, created_at: float, touched_at: float) -> float:
        """Tell when a session ends if nothing more comes, in seconds since the epoch."""
        return min(created_at + self.max_age, touched_at + self.timeout)

    def check(self, table: Table, draft: Draft, now: float) -> None:
        """
        Judge a new session by those that there are.

        :raises TooManyUploads: if there are too many.
        :raises NameTaken: if somebody else is about to upload a file of its name.
        :raises NoSpace: if the others have announced too much.
        """
        if table.unfinished_count >= self.most:
            raise TooManyUploads(
                "there are too many unfinished uploads", limit=self.most, retry_after=RETRY_AFTER
            )
        if draft.owner is not None and len(table.of_owner(draft.owner)) >= self.most_of_owner:
            raise TooManyUploads(
                "you have too many unfinished uploads",
                limit=self.most_of_owner,
                retry_after=RETRY_AFTER,
            )
        for each in table.of_name(draft.name) if draft.name is not None else ():
            is_claimed = each.expires_at > now and each.touched_at + self.name_claim > now
            if is_claimed and each.owner != draft.owner:
                raise NameTaken("somebody else is uploading a file of this name")
        if self.most_bytes and table.announced + (draft.length or 0) > self.most_bytes:
            raise NoSpace("the server has no room for another unfinished upload")

    def claimed(self, table: Table, owner: str | None, now: float) -> int:
        """Tell how many bytes the sessions of an owner are about to bring."""
        if owner is None:
            return 0
        return sum(
            each.length
            for each in table.of_owner(owner)
            if each.name is not None and each.touched_at + self.quota_claim > now
        )
