"""Where a server of a store listens, and as whom we come."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen


@frozen
class Place:
    """
    A server that keeps a store.

    :ivar socket: the path of its Unix socket, in place of host and port.
    :ivar database: the name of the database, or its number in Redis.
    :ivar tls: whether the connection is encrypted and the certificate checked.
    :ivar ca_file: who may vouch for the certificate; without it whom the system trusts.
    """

    host: str
    port: int
    socket: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    tls: bool = False
    ca_file: Path | None = None

    def __str__(self) -> str:
        """Tell it as it is told to the administrator."""
        if self.socket is not None:
            return str(self.socket)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
