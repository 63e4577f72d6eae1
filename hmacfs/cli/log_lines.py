"""What is logged, as lines: for people, or one JSON object each for programs."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from twisted.logger import LogEvent, LogLevel, eventAsText, formatEventAsClassicLogText

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
    line = formatEventAsClassicLogText(event)
    return None if line is None else _shown(line, _python_escape)


def json_line(event: LogEvent) -> str | None:
    """
    Write an event as a JSON object.

    Beside its text it has the fields that are part of the text.  Those that are
    not were not meant to be read, and may be anything.
    """
    text = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
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
    if logged_at is None:
        return None
    text = datetime.fromtimestamp(logged_at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _origin(event: LogEvent) -> dict[str, object]:
    level = event.get("log_level")
    return {
        "level": None if level is None else level.name,
        "system": event.get("log_system") or event.get("log_namespace") or None,
    }


def _fields(event: LogEvent) -> Iterator[tuple[str, object]]:
    try:
        pieces = list(string.Formatter().parse(event.get("log_format") or ""))
    except (TypeError, ValueError):
        # The text says already that it cannot be formatted.
        return
    for _, name, _, _ in pieces:
        if name and name in event and name not in RESERVED and not name.startswith(OF_TWISTED):
            yield name, _plain(event[name])


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)
