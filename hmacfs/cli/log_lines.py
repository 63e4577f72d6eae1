"""What is logged, as lines: for people, or one JSON object each for programs."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable, Iterator
from functools import lru_cache

from attrs import frozen
from twisted.logger import (
    LogEvent,
    LogLevel,
    eventAsText,
    formatEventAsClassicLogText,
    formatTime,
)

from hmacfs.base.moments import rfc3339

Line = Callable[[LogEvent], str | None]
"""Makes a line, with its end, of what was logged; of some events there is none."""

RESERVED = ("time", "level", "system", "text", "traceback")
"""The keys that every JSON object may have, whatever the fields of its event are called."""

OF_TWISTED = "log_"
"""How the keys begin that are Twisted's own."""


def text_line(event: LogEvent) -> str | None:
    r"""
    Write an event as Twisted does: time, origin, level, text; what follows is indented.

    What a terminal would obey or not show, such as ``\x1b``, is written as an escape.
    """
    line = _common_line(event) or formatEventAsClassicLogText(event)
    return None if line is None else _shown(line, _python_escape)


def json_line(event: LogEvent) -> str | None:
    """
    Write an event as a JSON object.

    Beside its text it has the fields that are part of the text.  Those that are
    not were not meant to be read, and may be anything.
    """
    text = _common_text(event) or eventAsText(
        event, includeTraceback=False, includeTimestamp=False, includeSystem=False
    )
    if not text and "log_failure" not in event:
        return None
    document: dict[str, object] = {"time": _time(event), **_origin(event), "text": text}
    document.update(_fields(event))
    if "log_failure" in event:
        document["traceback"] = event["log_failure"].getTraceback()
    return _shown(json.dumps(document, ensure_ascii=False) + "\n", _json_escape)


def _shown(line: str, escape: Callable[[str], str]) -> str:
    # Strangers choose names and header fields.
    if line[:-1].isprintable():
        return line
    return "".join(sign if sign.isprintable() or sign in "\n\t" else escape(sign) for sign in line)


# What is logged of each request should cost little beside the request.  Twisted takes several
# times as long, for it allows for calls within a format, and reckons the local time each time.


def _common_line(event: LogEvent) -> str | None:
    """Write what Twisted would, of an event that has all that is common and no more."""
    logged_at, level = event.get("log_time"), event.get("log_level")
    origin = event.get("log_namespace")
    if logged_at is None or level is None or origin is None:
        return None
    if "log_failure" in event or "log_system" in event:
        return None
    text = _common_text(event)
    if not text:
        return None
    time = _second(math.floor(logged_at))
    return f"{time} [{origin}#{level.name}] {text}".replace("\n", "\n\t") + "\n"


def _common_text(event: LogEvent) -> str | None:
    """Format what Twisted would, of an event whose format names fields and nothing else."""
    log_format = event.get("log_format")
    if not isinstance(log_format, str) or "log_flattened" in event:
        return None
    try:
        return log_format.format_map(event) if _parsed(log_format).is_common else None
    except Exception:
        # Twisted tells what is wrong.
        return None


@frozen
class _Format:
    names: tuple[str, ...]
    is_common: bool


@lru_cache(maxsize=256)
def _parsed(log_format: str) -> _Format:
    pieces = list(string.Formatter().parse(log_format))
    names = tuple(name for _, name, _, _ in pieces if name is not None)
    is_nested = any("{" in (specification or "") for _, _, specification, _ in pieces)
    return _Format(names, all(name.isidentifier() for name in names) and not is_nested)


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return formatTime(seconds)


def _python_escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _json_escape(sign: str) -> str:
    return json.dumps(sign)[1:-1]


def notice(line: Line, sentence: str, origin: str, now: float) -> str:
    """Make a line for something that the log has to say of itself."""
    event: LogEvent = {
        "log_format": "{sentence}",
        "log_level": LogLevel.warn,
        "log_namespace": origin,
        "log_time": now,
        "sentence": sentence,
    }
    return line(event) or ""


def _time(event: LogEvent) -> str | None:
    logged_at = event.get("log_time")
    return None if logged_at is None else rfc3339(logged_at, "milliseconds")


def _origin(event: LogEvent) -> dict[str, object]:
    level = event.get("log_level")
    return {
        "level": None if level is None else level.name,
        "system": event.get("log_system") or event.get("log_namespace") or None,
    }


def _fields(event: LogEvent) -> Iterator[tuple[str, object]]:
    try:
        names = _parsed(event.get("log_format") or "").names
    except (TypeError, ValueError):
        # The text says already that it cannot be formatted.
        return
    for name in names:
        if name and name in event and name not in RESERVED and not name.startswith(OF_TWISTED):
            yield name, _plain(event[name])


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)
