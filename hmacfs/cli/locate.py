"""Where the configuration is looked for."""

from __future__ import annotations

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
    return next((path for path in (LOCAL_CONFIG, SYSTEM_CONFIG) if path.exists()), None)
