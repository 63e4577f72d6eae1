"""Where the configuration is looked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/hmac-file-server/config.toml")
LOCAL_CONFIG = Path("config.toml")


def config(given: str | None, environ: Mapping[str, str]) -> Path | None:
    """
    Tell which file to read: the given one, else ``$HMAC_CONFIG_PATH``, else
    ``./config.toml``, else the one of the system; ``None`` if there is none.

    A file that was named is taken whether it exists or not, so that a mistyped
    name is an error and never another file.
    """
    named = given or environ.get("HMAC_CONFIG_PATH")
    if named:
        return Path(named)
    # A file that one may not see is none, here; that of the system cannot be read, which is told.
    if os.access(LOCAL_CONFIG, os.F_OK):
        return LOCAL_CONFIG
    try:
        return SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None
    except PermissionError:
        return SYSTEM_CONFIG
