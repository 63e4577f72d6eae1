"""What happened in the last day, counted in memory since the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from hmacfs.base.events import DownloadSent, Events, RequestEnded, UploadStored

HOUR: Final = 3600.0

HOURS: Final = 24

UPLOADS: Final = "uploads_24h"
DOWNLOADS: Final = "downloads_24h"
ERRORS: Final = "errors_24h"

_OUR_FAULT: Final = 500
"""The least status that tells of a failure of the server (RFC 9110, 15.6)."""


class Recent:
    """
    Counts by the hour: what is told is of this hour and the 23 before it.

    :param now: tells seconds since the epoch.
    """

    def __init__(self, events: Events, now: Callable[[], float]) -> None:
        self._now = now
        self._counts: dict[int, Counter[str]] = {}
        events.listen(UploadStored, self._upload_stored)
        events.listen(DownloadSent, self._download_sent)
        events.listen(RequestEnded, self._request_ended)

    def told(self) -> dict[str, int]:
        """Tell the files that came, those that were sent whole, and the answers of 500 and more."""
        self._forget()
        both: Counter[str] = sum(self._counts.values(), Counter())
        return {name: both[name] for name in (UPLOADS, DOWNLOADS, ERRORS)}

    def _count(self, name: str) -> None:
        hour = self._hour()
        if hour not in self._counts:
            self._forget()
        self._counts.setdefault(hour, Counter())[name] += 1

    def _forget(self) -> None:
        first = self._hour() - HOURS + 1
        self._counts = {hour: count for hour, count in self._counts.items() if hour >= first}

    def _hour(self) -> int:
        return int(self._now() // HOUR)

    def _upload_stored(self, event: UploadStored) -> None:
        if event.created:
            self._count(UPLOADS)

    def _download_sent(self, event: DownloadSent) -> None:
        if event.complete:
            self._count(DOWNLOADS)

    def _request_ended(self, event: RequestEnded) -> None:
        if event.status >= _OUR_FAULT:
            self._count(ERRORS)
