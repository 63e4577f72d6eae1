"""The options that tell where a database server is, of each that may be configured."""

from __future__ import annotations

import pathlib
from typing import Final

from attrs import frozen

from hmacfs.config import options
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings

POSTGRES: Final = "postgres"
"""The type that is PostgreSQL; any other that is no file is MySQL."""

_USUAL_PORTS: Final = {POSTGRES: 5432, "mysql": 3306}


@frozen
class DatabaseOptions:
    """What names a server: the type, where it is, as whom to come, and who vouches for it."""

    type: Option[str]
    host: Option[str]
    port: Option[int]
    socket: Option[pathlib.Path | None]
    user: Option[str]
    password: Option[str]
    name: Option[str]
    tls: Option[bool]
    ca_file: Option[pathlib.Path | None]

    def port_of(self, settings: Settings) -> int:
        """Tell the port, which is the usual one of its type if none is given."""
        return settings[self.port] or _USUAL_PORTS[settings[self.type]]


INDEX: Final = DatabaseOptions(
    options.INDEX_TYPE,
    options.INDEX_HOST,
    options.INDEX_PORT,
    options.INDEX_SOCKET,
    options.INDEX_USER,
    options.INDEX_PASSWORD,
    options.INDEX_NAME,
    options.INDEX_TLS,
    options.INDEX_CA_FILE,
)
FALLBACK: Final = DatabaseOptions(
    options.FALLBACK_TYPE,
    options.FALLBACK_HOST,
    options.FALLBACK_PORT,
    options.FALLBACK_SOCKET,
    options.FALLBACK_USER,
    options.FALLBACK_PASSWORD,
    options.FALLBACK_NAME,
    options.FALLBACK_TLS,
    options.FALLBACK_CA_FILE,
)
