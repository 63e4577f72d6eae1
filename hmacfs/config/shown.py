"""Settings as programs are told of them: without a secret."""

from __future__ import annotations

from typing import Any

from hmacfs.config.option import Option
from hmacfs.config.options import TABLE
from hmacfs.config.settings import Settings


def document(settings: Settings) -> dict[str, dict[str, Any]]:
    """Tell every setting in force and where it came from; of a secret only whether there is one."""
    return {option.key: _setting(settings, option) for option in TABLE}


def _setting(settings: Settings, option: Option[Any]) -> dict[str, Any]:
    value = bool(settings[option]) if option.secret else option.kind.plain(settings[option])
    return {
        "set" if option.secret else "value": value,
        "origin": str(settings.origin(option)),
        "in_effect": option.in_effect,
        "reloadable": option.reloadable,
    }
