"""HTTP dates (RFC 9110, 5.6.7), as whole seconds since the epoch."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import formatdate

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-5][0-9]|60)"

_FORMS = tuple(
    re.compile(form)
    for form in (
        # IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        # RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<short_year>[0-9]{{2}}) {_TIME} GMT",
        # asctime: Sun Nov  6 08:49:37 1994
        rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)


def _century(short_year: int, rest: tuple[int, ...], now: float) -> int:
    """Complete a year of two digits: the latest that is not over 50 years ahead (RFC 9110)."""
    today = datetime.fromtimestamp(now, UTC)
    horizon = today.year + 50
    year = horizon - (horizon - short_year) % 100
    if (year, *rest) > (horizon, *today.timetuple()[1:6]):
        return year - 100
    return year


def parse(text: str, now: float) -> int | None:
    """
    Read a date in any of the three forms; tell ``None`` if it is in none of them.

    The name of the day is not compared with the date.

    :param now: seconds since the epoch, which gives the years of RFC 850 their century.
    """
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    parts = found.groupdict()
    month = _MONTHS.index(parts["month"]) + 1
    day, hour, minute, second = (int(parts[key]) for key in ("day", "hour", "minute", "second"))
    rest = (month, day, hour, minute, second)
    short_year = parts.get("short_year")
    year = int(parts["year"]) if short_year is None else _century(int(short_year), rest, now)
    try:
        start = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    # A leap second is the grammar's, but not datetime's.
    return int(start.timestamp()) + second


def render(seconds: float) -> str:
    """Write the second that a time falls in as an IMF-fixdate."""
    return formatdate(math.floor(seconds), usegmt=True)
