"""PostgreSQL, by way of psycopg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from attrs import frozen

from hmacfs.stores import scripts
from hmacfs.stores.drivers import Failure, shut
from hmacfs.stores.places import Place
from hmacfs.stores.statements import Cursor

SHORTEST_PATIENCE: Final = 2
"""Fewest seconds that psycopg waits for a connection."""

_STRANGER: Final = (
    "refuses the user: see the user in the configuration, and pg_hba.conf of the server"
)
_CREDENTIALS: Final = "refuses the password: see the user and the password in the configuration"
_NO_DATABASE: Final = "has no such database: make it with createdb, owned by the configured user"
_ENDED: Final = "has ended the connection: see its log"
_STARTING: Final = "is just starting or ending: wait"
_CROWDED: Final = (
    "takes no more connections: raise its max_connections, or the limit of the user or the database"
)

_COPY: Final = "25006"
_SENTENCES: Final[Mapping[str, str]] = {
    "28P01": _CREDENTIALS,
    "28000": _STRANGER,
    "3D000": _NO_DATABASE,
    "42501": "does not let the user do what is needed: make the user the owner of the database",
    _COPY: "takes no changes: name the server that is no copy of another, and see "
    "default_transaction_read_only",
    "53300": _CROWDED,
    "57P01": _ENDED,
    "57P02": _ENDED,
    "57P03": _STARTING,
    "57P05": _ENDED,
}
"""By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html)."""

_ENDS: Final = frozenset({"25P03", "57P01", "57P02", "57P05", _COPY})
"""
With what a server says that it ends a connection, besides class 08.

One that has become a copy does not; but another may have its place, and its address.
"""


@frozen
class PostgresqlLink:
    """A connection; see :class:`~hmacfs.stores.drivers.Link`."""

    _connection: psycopg.Connection[Any]

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """Execute a statement with a value for each of its question marks."""
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        # Statements are constants of ours, never made of what comes from outside.
        query: Any = statement.replace("?", "%s")
        return self._connection.execute(query, encoded, prepare=False)

    def interrupt(self) -> None:
        """Break the connection."""
        if not self._connection.closed:
            shut(self._connection.fileno())

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


@frozen
class Postgresql:
    """
    The driver; see :class:`~hmacfs.stores.drivers.Driver`.

    :ivar synced: whether what was written outlives a loss of power, and not only the server's end.
    """

    synced: bool = True
    name: str = "PostgreSQL"
    steps: str = scripts.POSTGRESQL
    lock: str = "SELECT pg_advisory_xact_lock(1212960339)"
    alone: str = "SELECT pg_advisory_xact_lock(1212960339) IS NOT NULL"
    tables: str = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )

    def connect(self, place: Place, patience: float) -> PostgresqlLink:
        """Connect; with TLS only to who has a certificate of that name."""
        where: dict[str, Any] = {"host": place.host, "port": place.port}
        if place.socket is not None:
            # The server calls its socket .s.PGSQL.PORT; the directory is what is told.
            directory = place.socket if place.socket.is_dir() else place.socket.parent
            where = {"host": str(directory), "port": _port(place)}
        elif place.tls:
            where["sslmode"] = "verify-full"
            where["sslrootcert"] = str(place.ca_file) if place.ca_file else "system"
        else:
            where["sslmode"] = "disable"
        if not self.synced:
            where["options"] = "-c synchronous_commit=off"
        connection: psycopg.Connection[Any] = psycopg.Connection.connect(
            **where,
            user=place.user,
            password=place.password or None,
            dbname=place.database,
            connect_timeout=max(SHORTEST_PATIENCE, round(patience)),
            autocommit=True,
            client_encoding="UTF8",
            application_name="hmac-file-server",
        )
        try:
            # What was committed before a statement begins, it sees, whatever the default is here.
            connection.execute(
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
            )
        except BaseException:
            connection.close()
            raise
        return PostgresqlLink(connection)

    def failure(self, error: Exception) -> Failure | None:
        """Explain an error of psycopg."""
        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate or ""
        detail = " ".join(str(error).split())
        unknown = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        sentence = _SENTENCES.get(state)
        if sentence is None:
            sentence = next(
                (sentence for part, sentence in _BY_TEXT.items() if part in detail), "failed"
            )
        return Failure(
            f"{sentence} ({detail})",
            full=state in ("53100", "53200"),
            lost=state in _ENDS or state.startswith("08") or (unknown and not state),
        )


# Before there is a connection errors have no state, only a text; the first that fits counts.
_BY_TEXT: Final[Mapping[str, str]] = {
    "password authentication failed": _CREDENTIALS,
    "no password supplied": _CREDENTIALS,
    "FATAL: role": _STRANGER,
    "FATAL: database": _NO_DATABASE,
    "pg_hba.conf": _STRANGER,
    "too many": _CROWDED,
    "connection slots": _CROWDED,
    "FATAL: the database system is": _STARTING,
    "does not support SSL": "speaks no TLS: see ssl in its configuration, and tls in this one",
    "certificate": "is not who it should be: see ca_file, and the name in its certificate",
    "resolve host": "cannot be found: see its name in the configuration",
    "Connection refused": "cannot be reached: see whether it runs, and its address",
    "No such file": "cannot be reached: see whether it runs, and the path of its socket",
    "timeout": "does not answer: see whether it runs, and its address",
    "closed the connection": _ENDED,
}


def _port(place: Place) -> int:
    suffix = place.socket.name.rpartition(".")[2] if place.socket is not None else ""
    return int(suffix) if suffix.isdigit() else place.port
