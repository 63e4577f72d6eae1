"""How many sessions there may be, and how long they stay."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from hmacfs.base.errors import (
    AddressChanged,
    NameTaken,
    NoSpace,
    RetriesExhausted,
    SizeMismatch,
    TooLarge,
    TooManyUploads,
)
from hmacfs.uploads.session import Draft, Session
from hmacfs.uploads.table import Summary, Table

MOST_PLACES: Final = 1000
"""Places that are noted of one session; beyond that its first are forgotten."""

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
    :ivar grace: after ``started_at``, while what rested before that keeps both claims
        (``server.restart_grace_period``).
    :ivar started_at: when the process began, in seconds since the epoch.
    :ivar retries: how often one may be taken up again after a break; 0 is any number.
    :ivar tries_again: whether one that cannot be stored now is kept for another attempt.
    :ivar moves: how many other places the bytes of one may come from; ``None`` is any number.
    :ivar notes_places: whether those are noted though there may be any number.
    :ivar most: sessions that hold bytes.
    :ivar most_of_owner: of them, those of one owner.
    :ivar most_bytes: that they may hold or have announced together; 0 is any.
    """

    max_age: float = 48 * 3600.0
    timeout: float = 3600.0
    quota_claim: float = 300.0
    name_claim: float = 120.0
    remembered: float = 24 * 3600.0
    grace: float = 0.0
    started_at: float = 0.0
    retries: int = 0
    tries_again: bool = True
    moves: int | None = None
    notes_places: bool = False
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
            is_claimed = each.expires_at > now and self._claims(each, self.name_claim, now)
            if is_claimed and each.owner != draft.owner:
                raise NameTaken("somebody else is uploading a file of this name")
        if self.most_bytes and table.announced + (draft.length or 0) > self.most_bytes:
            raise NoSpace("the server has no room for another unfinished upload")

    def claimed(self, table: Table, draft: Draft, now: float) -> int:
        """Tell how many bytes the sessions of its owner are about to bring, but for its own."""
        if draft.owner is None:
            return 0
        return sum(
            each.length
            for id, each in table.of_owner(draft.owner)
            if id != draft.id
            and each.name is not None
            and self._claims(each, self.quota_claim, now)
        )

    def _claims(self, each: Summary, seconds: float, now: float) -> bool:
        if each.touched_at + seconds > now:
            return True
        return each.touched_at < self.started_at and now < self.started_at + self.grace

    def check_retries(self, session: Session) -> None:
        """
        Judge whether a session may be taken up once more.

        :raises RetriesExhausted: if it broke off too often.
        """
        if self.retries and session.breaks > self.retries:
            raise RetriesExhausted(
                f"the upload broke off more than {self.retries} times; begin it anew",
                limit=self.retries,
            )

    def moved(self, session: Session, place: str) -> Session:
        """
        Judge where bytes of a session come from, and note it if that matters.

        :param place: the client's, or nothing if that is not known.
        :raises AddressChanged: if they came from as many others as they may.
        """
        if not place or place in session.places:
            return session
        if self.moves is None and not self.notes_places:
            return session
        if self.moves is not None and len(session.places) > self.moves:
            raise AddressChanged("this upload may not go on from another address")
        return evolve(session, places=(*session.places, place)[-MOST_PLACES:])


def most_at(session: Session, offset: int, size: int | None, largest: int) -> int:
    """
    Tell how many bytes may come at an offset.

    :param size: how many are announced, if that is known.
    :param largest: how many a file may have.
    :raises SizeMismatch: if they go beyond the length of the session.
    :raises TooLarge: if it has none yet, and files may not have so many.
    """
    left = (largest if session.length is None else session.length) - offset
    if left >= (size or 0):
        return left if size is None else size
    if session.length is not None:
        raise SizeMismatch(f"the upload has {session.length} bytes", expected=session.length)
    raise TooLarge(f"at most {largest} bytes are taken here", limit=largest)
