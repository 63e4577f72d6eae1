"""Sizes and durations as people write them: ``"10GB"``, ``"1h30m"``, ``"30d"``."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import Final


class UnitError(ValueError):
    """A size or a duration that cannot be understood; its text is one sentence."""


class SizeError(UnitError):
    """Not a size."""


class DurationError(UnitError):
    """Not a duration."""


LARGEST_SIZE: Final = 2**63 - 1
"""Bytes: what a signed 64-bit column of a database holds."""

_YEAR: Final = 365 * 86400

LONGEST_DURATION: Final = 1000.0 * _YEAR
"""Seconds."""

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_SIZE_UNITS: Final = {
    "": 1,
    "b": 1,
    **{
        spelling: 1024**power
        for power, letter in enumerate("kmgtp", start=1)
        for spelling in (letter, f"{letter}b", f"{letter}ib")
    },
}
_HUMAN_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_SIZE_NAMES: Final = (("TB", 1024**4), ("GB", 1024**3), ("MB", 1024**2), ("KB", 1024))

_DURATION_PART: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµμ]+)", re.IGNORECASE)
_PLAIN_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_DURATION_UNITS: Final = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(7 * 86400),
    "y": Decimal(_YEAR),
}
_MONTHS: Final = frozenset({"mo", "mon", "mons", "month", "months"})
_CLOCK_NAMES: Final = (("h", 3600), ("m", 60), ("s", 1))


def parse_size(given: str | int) -> int:
    """
    The number of bytes meant by ``given``.

    A plain number is bytes; KB, MB, GB, TB and KiB, MiB… all count in 1024s, and decimals are
    allowed (a fraction of a byte is dropped).

    :raises SizeError: when it is no size.
    """
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise SizeError(f"{given!r} is not a size")
    found = _SIZE.fullmatch(str(given).strip())
    if found is None:
        if str(given).strip().startswith("-"):
            raise SizeError(f"{given!r} is not a size: it cannot be negative")
        raise SizeError(f'{given!r} is not a size such as 1048576, "512KB" or "10GB"')
    number, unit = found.groups()
    factor = _SIZE_UNITS.get(unit.lower())
    if factor is None:
        raise SizeError(f"{given!r} is not a size: the units are B, KB, MB, GB and TB")
    if factor == 1 and "." in number:
        raise SizeError(f"{given!r} is not a size: there are no fractions of a byte")
    size = int(Decimal(number) * factor)
    if size > LARGEST_SIZE:
        raise SizeError(f"{given!r} is too large: the largest size is {LARGEST_SIZE} bytes")
    return size


def render_size(size: int) -> str:
    """The shortest exact spelling of ``size`` bytes: ``"10GB"``, ``"1536"``."""
    for name, factor in _SIZE_NAMES:
        if size >= factor and size % factor == 0:
            return f"{size // factor}{name}"
    return str(size)


def human(size: float) -> str:
    """Write a number of bytes in the unit that fits."""
    for unit in _HUMAN_UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_HUMAN_UNITS[-1]}"


def parse_duration(given: str | float) -> float:
    """
    The number of seconds meant by ``given``.

    A plain number is seconds. Go's form (``"1h30m"``, ``"500ms"``) and days, weeks and years
    (``"30d"``, ``"2w"``, ``"2Y"``; a year is 365 days) may be mixed. ``m`` is minutes.

    :raises DurationError: when it is no duration. Months are refused: old documents used ``m``
        for them, and they have no fixed length.
    """
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise DurationError(f"{given!r} is not a duration")
    if isinstance(given, float) and not isfinite(given):
        raise DurationError(_no_duration(given))
    text = f"{Decimal(repr(given)):f}" if isinstance(given, float) else str(given).strip()
    if text.startswith("-"):
        raise DurationError(f"{given!r} is not a duration: it cannot be negative")
    # Bounded before any arithmetic, so that a line of a million digits costs nothing.
    if not text or len(text) > 100:
        raise DurationError(_no_duration(given))
    total = Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else _sum_of_parts(text, given)
    if total > Decimal(LONGEST_DURATION):
        raise DurationError(f"{given!r} is too long: the longest duration is 1000 years")
    return float(total)


def render_duration(seconds: float) -> str:
    """The shortest exact spelling of ``seconds``: ``"30d"``, ``"1h30m"``, ``"500ms"``."""
    if seconds == 0:
        return "0s"
    exact = Decimal(repr(float(seconds)))
    if exact != exact.to_integral_value():
        in_milliseconds = exact * 1000
        if in_milliseconds == in_milliseconds.to_integral_value():
            return f"{int(in_milliseconds)}ms"
        return f"{exact:f}s"
    left = int(exact)
    if left % 86400 == 0:
        return f"{left // 86400}d"
    parts = []
    for name, length in _CLOCK_NAMES:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts)


def _sum_of_parts(text: str, given: object) -> Decimal:
    total, end = Decimal(0), 0
    while end < len(text):
        part = _DURATION_PART.match(text, end)
        if part is None:
            raise DurationError(_no_duration(given))
        number, unit = part.groups()
        if unit == "M" or unit.lower() in _MONTHS:
            raise DurationError(
                f"{given!r} is not a duration: a month has no fixed length, say days "
                '("30d"); minutes are a small "m"'
            )
        length = _DURATION_UNITS.get(unit.lower())
        if length is None:
            raise DurationError(
                f"{given!r} is not a duration: the units are ms, s, m (minutes), h, d, w and y"
            )
        total += Decimal(number) * length
        end = part.end()
    return total


def _no_duration(given: object) -> str:
    return f'{given!r} is not a duration such as 90, "30s", "1h30m" or "30d"'
