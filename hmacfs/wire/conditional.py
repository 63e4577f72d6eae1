"""Preconditions of a GET or HEAD (RFC 9110, 13)."""

from __future__ import annotations

from enum import Enum, auto

from attrs import frozen

from hmacfs.wire import dates
from hmacfs.wire.etags import EntityTag, TagList


@frozen
class Validators:
    """
    What the content of a file is recognised by; ``None`` where clients are told none.

    :ivar last_modified: whole seconds since the epoch.
    """

    etag: EntityTag | None = None
    last_modified: int | None = None


class Verdict(Enum):
    """What the preconditions of a request say."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@frozen
class Preconditions:
    """The preconditions of a request: the values of its headers, ``None`` where one is absent."""

    if_match: str | None = None
    if_unmodified_since: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_range: str | None = None

    def verdict(self, current: Validators, now: float) -> Verdict:
        """
        Judge a GET or HEAD of a file that is there (13.2.2, steps 1 to 4).

        :param now: seconds since the epoch.
        """
        if not self._is_expected(current, now):
            return Verdict.FAILED
        if self._is_known(current, now):
            return Verdict.NOT_MODIFIED
        return Verdict.PROCEED

    def allow_range(self, current: Validators, now: float) -> bool:
        """
        Tell whether Range is to be looked at (13.2.2, step 5).

        A date counts as a strong validator (8.8.2.2), for what a name holds
        does not change twice in a second.
        """
        if self.if_range is None:
            return True
        tag = EntityTag.parse(self.if_range)
        if tag is not None:
            return current.etag is not None and current.etag.equals_strongly(tag)
        date = dates.parse(self.if_range, now)
        return date is not None and date == current.last_modified

    def _is_expected(self, current: Validators, now: float) -> bool:
        if self.if_match is not None:
            return TagList.parse(self.if_match).has_strongly(current.etag)
        return _unmodified(current, self.if_unmodified_since, now) is not False

    def _is_known(self, current: Validators, now: float) -> bool:
        if self.if_none_match is not None:
            return TagList.parse(self.if_none_match).has_weakly(current.etag)
        return _unmodified(current, self.if_modified_since, now) is True


def _unmodified(current: Validators, since: str | None, now: float) -> bool | None:
    """Tell whether the file is no younger than a date; ``None`` where either has no date."""
    date = None if since is None else dates.parse(since, now)
    if date is None or current.last_modified is None:
        return None
    return current.last_modified <= date
