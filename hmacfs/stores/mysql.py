"""MySQL and MariaDB, by way of PyMySQL."""

from __future__ import annotations

import math
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pymysql
from attrs import frozen
from pymysql.constants import CR, ER

from hmacfs.stores import scripts
from hmacfs.stores.drivers import Failure, shut
from hmacfs.stores.places import Place
from hmacfs.stores.statements import Cursor

KILLED: Final = 1927
"""MariaDB: somebody has ended the connection (mariadb.com/kb/en/mariadb-error-codes)."""

INACTIVE: Final = 4031
"""MySQL: it has ended the connection, which nobody used."""

_LOCKED_ACCOUNTS: Final = (3118, 4151)
"""The account is locked: MySQL, MariaDB."""

_STRANGER: Final = "refuses the user or the password: see both in the configuration"
_RIGHTS: Final = "does not let the user do what is needed: grant it all privileges on the database"
_CROWDED: Final = "takes no more connections: raise its max_connections, or the limit of the user"
_ENDED: Final = "has ended the connection: see its log"
_SILENT: Final = "does not answer: see whether it runs, and its address"
_BUSY: Final = "is held up by another program: see who else changes these tables"

_SENTENCES: Final[Mapping[int, str]] = {
    ER.ACCESS_DENIED_ERROR: _STRANGER,
    **dict.fromkeys(_LOCKED_ACCOUNTS, _STRANGER),
    ER.DBACCESS_DENIED_ERROR: "does not let the user into the database: grant it all privileges "
    "on the database",
    ER.HOST_NOT_PRIVILEGED: "lets nobody in from here: see the host in the name of the user",
    ER.HOST_IS_BLOCKED: "lets nobody in from here for a while: end that with FLUSH HOSTS",
    ER.BAD_DB_ERROR: "has no such database: make it, and grant the user all privileges on it",
    ER.TABLEACCESS_DENIED_ERROR: _RIGHTS,
    ER.CON_COUNT_ERROR: _CROWDED,
    ER.TOO_MANY_USER_CONNECTIONS: _CROWDED,
    ER.USER_LIMIT_REACHED: _CROWDED,
    ER.OPTION_PREVENTS_STATEMENT: "takes no changes: name the server that is no copy of another, "
    "and see its read_only",
    ER.LOCK_DEADLOCK: _BUSY,
    ER.LOCK_WAIT_TIMEOUT: _BUSY,
    CR.CR_CONN_HOST_ERROR: "cannot be reached: see whether it runs, its address or the path of its "
    "socket, and with TLS its certificate",
    CR.CR_CONNECTION_ERROR: "cannot be reached: see whether it runs, and the path of its socket",
    CR.CR_SSL_CONNECTION_ERROR: "cannot be asked for its certificate: see ca_file",
    CR.CR_SERVER_LOST: _ENDED,
    ER.SERVER_SHUTDOWN: _ENDED,
    KILLED: _ENDED,
    INACTIVE: _ENDED,
}
_FULL: Final = frozenset({ER.DISK_FULL, ER.RECORD_FILE_FULL})
_LOST: Final = frozenset(
    {
        *(CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR),
        *(CR.CR_CONNECTION_ERROR, ER.SERVER_SHUTDOWN, KILLED, INACTIVE, 0),
        # Another may have taken the place of a copy, and its address.
        ER.OPTION_PREVENTS_STATEMENT,
    }
)


@frozen
class MysqlLink:
    """A connection; see :class:`~hmacfs.stores.drivers.Link`."""

    _connection: Any

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """Execute a statement with a value for each of its question marks."""
        cursor = self._connection.cursor()
        cursor.execute(statement.replace("?", "%s"), [_encoded(value) for value in values])
        made: Cursor = cursor
        return made

    def interrupt(self) -> None:
        """Break the connection."""
        # PyMySQL keeps the socket to itself.
        raw = self._connection._sock
        if raw is not None:
            shut(raw.fileno())

    def close(self) -> None:
        """Let go of it."""
        if self._connection.open:
            self._connection.close()


@frozen
class Mysql:
    """The driver; see :class:`~hmacfs.stores.drivers.Driver`."""

    name: str = "MySQL"
    steps: str = scripts.MYSQL
    lock: str = "SELECT version FROM hmacfs_schema FOR UPDATE"
    # Each change of a table gives up the locks of its transaction, but not this one.
    alone: str = "SELECT GET_LOCK(CONCAT('hmacfs ', SHA1(DATABASE())), 60)"
    tables: str = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"

    def connect(self, place: Place, patience: float) -> MysqlLink:
        """Connect; with TLS only to who has a certificate of that name."""
        where: dict[str, Any] = {"host": place.host, "port": place.port}
        if place.socket is not None:
            where = {"unix_socket": str(place.socket)}
        elif place.tls:
            where["ssl"] = _context(place.ca_file)
        seconds = max(1, math.ceil(patience))
        connection: Any = pymysql.connect(
            **where,
            user=place.user,
            # As text PyMySQL would have it in Latin-1.
            password=place.password.encode(),
            database=place.database,
            charset="utf8mb4",
            connect_timeout=seconds,
            read_timeout=seconds,
            write_timeout=seconds,
            autocommit=True,
            # What was committed before a statement begins, it sees.
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )
        # How long an answer may take is for others to say, by interrupting.
        connection._read_timeout = connection._write_timeout = None
        return MysqlLink(connection)

    def failure(self, error: Exception) -> Failure | None:
        """Explain an error of PyMySQL."""
        if not isinstance(error, pymysql.MySQLError):
            return None
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        detail = " ".join(str(part) for part in error.args[1:]) or str(error)
        sentence = _SENTENCES.get(code, "failed")
        if code == CR.CR_SERVER_LOST and "timed out" in detail:
            sentence = _SILENT
        return Failure(
            f"{sentence} ({detail})",
            full=code in _FULL,
            lost=code in _LOST,
            done=code in (ER.DUP_KEYNAME, ER.CANT_DROP_FIELD_OR_KEY),
        )


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        sentence = f"{ca_file} holds no certificates in PEM that can be read ({error})"
        raise pymysql.OperationalError(CR.CR_SSL_CONNECTION_ERROR, sentence) from error


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    # MySQL knows no infinity.
    if isinstance(value, float) and math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return value
