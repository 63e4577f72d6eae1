"""Stores as they are named on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import frozen

from hmacfs.cli.command import CommandFailed
from hmacfs.cli.surroundings import WRONG
from hmacfs.config.kinds import socket_path
from hmacfs.stores.places import Place

SQLITE: Final = "sqlite"
REDIS: Final = "redis"
_KINDS: Final = {
    "sqlite": SQLITE,
    "redis": REDIS,
    "rediss": REDIS,
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PORTS: Final = {REDIS: 6379, "postgres": 5432, "mysql": 3306}
_QUERY: Final = frozenset({"socket", "tls", "ca_file"})
_PREFIX: Final = "prefix"


@frozen
class Named:
    """
    A store.

    :ivar kind: ``sqlite``, ``postgres``, ``mysql`` or ``redis``.
    :ivar path: the file of the index, of a store in files.
    :ivar place: where the server is, of any other.
    :ivar prefix: what the keys in Redis begin with, if not with what is configured.
    """

    kind: str
    path: Path | None
    place: Place | None
    prefix: str | None = None

    def __str__(self) -> str:
        """Tell it without a password."""
        return f"{self.kind} {self.path or self.place}"


def parse(text: str, password: str | None) -> Named:
    """
    Read ``sqlite:PATH`` or ``KIND://[USER@]HOST[:PORT]/NAME[?socket=…&tls=1&ca_file=…]``.

    Redis also takes ``prefix=…``.

    :param password: since what is on the command line can be read by everybody on the machine.
    :raises CommandFailed: if it is anything else; a password in it is not taken.
    """
    url = urlsplit(text)
    kind = _KINDS.get(url.scheme)
    if kind is None:
        known = ", ".join(sorted(_KINDS))
        raise CommandFailed(f"{url.scheme or text!r} is no kind of store: {known}", WRONG)
    if kind == SQLITE:
        path = unquote(text.partition(":")[2]).removeprefix("//")
        if not path:
            raise CommandFailed("the path of the index is missing: sqlite:PATH", WRONG)
        return Named(kind, Path(path), None)
    if url.password is not None:
        raise CommandFailed(
            "a password in a URL can be read in the list of processes: put it into the "
            "environment, as HMAC_FROM_PASSWORD or HMAC_TO_PASSWORD",
            WRONG,
        )
    try:
        port = url.port
    except ValueError:
        raise CommandFailed(f"{url.netloc!r} has no port that can be one", WRONG) from None
    query = parse_qs(url.query)
    known_query = _QUERY | ({_PREFIX} if kind == REDIS else set())
    unknown = sorted(set(query) - known_query)
    if unknown:
        raise CommandFailed(f"{unknown[0]!r} is unknown: {', '.join(sorted(known_query))}", WRONG)
    socket, ca_file = (query.get(name, [""])[-1] for name in ("socket", "ca_file"))
    try:
        socket_file = socket_path(socket) if socket else None
    except ValueError as error:
        raise CommandFailed(str(error), WRONG) from None
    database = unquote(url.path.lstrip("/"))
    if kind == REDIS and database and not database.isdecimal():
        raise CommandFailed(f"{database!r} is no number of a database of Redis", WRONG)
    place = Place(
        url.hostname or "localhost",
        port or _PORTS[kind],
        socket_file,
        unquote(url.username or ("" if kind == REDIS else "hmacfs")),
        password or "",
        database or ("0" if kind == REDIS else "hmacfs"),
        url.scheme == "rediss" or query.get("tls", ["0"])[-1] in ("1", "true"),
        Path(ca_file) if ca_file else None,
    )
    return Named(kind, None, place, query.get(_PREFIX, [None])[-1])


def password_of(environ: Mapping[str, str], end: str) -> str | None:
    """Tell the password for one end of a move, ``FROM`` or ``TO``."""
    return environ.get(f"HMAC_{end}_PASSWORD")
