"""Moments as RFC 3339 writes them: ``2026-01-31T12:30:15Z``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC).timestamp()
"""Seconds since the epoch at the beginning of year 1."""

LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""Seconds since the epoch at the end of year 9999, the last that RFC 3339 can write."""


def rfc3339(seconds: float, precision: Literal["seconds", "milliseconds"] = "seconds") -> str:
    """
    Write a moment in UTC, cut to the precision.

    :param seconds: since the epoch; what no calendar has is written as the first moment that
        one has, or the last.
    """
    moment = datetime.fromtimestamp(min(max(seconds, EARLIEST), LATEST), UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec=precision)}Z"
