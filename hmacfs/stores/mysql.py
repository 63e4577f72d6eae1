"""MySQL and MariaDB, by way of PyMySQL."""

from __future__ import annotations

import math
import ssl
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pymysql
from attrs import frozen
from pymysql.constants import CR, ER

from hmacfs.stores import scripts
from hmacfs.stores.drivers import Failure, shut
from hmacfs.stores.places import Place
from hmacfs.stores.statements import Cursor

_SENTENCES: Final[Mapping[int, str]] = {
    ER.ACCESS_DENIED_ERROR: "refuses the user or the password: see both in the configuration",
    ER.DBACCESS_DENIED_ERROR: "does not let the user into the database: grant it all privileges "
    "on the database",
    ER.BAD_DB_ERROR: "has no such database: make it, and grant the user all privileges on it",
    ER.TABLEACCESS_DENIED_ERROR: "does not let the user do what is needed: grant it all privileges "
    "on the database",
    CR.CR_CONN_HOST_ERROR: "cannot be reached: see whether it runs, its address, and with TLS its "
    "certificate",
    CR.CR_CONNECTION_ERROR: "cannot be reached: see whether it runs, and the path of its socket",
    CR.CR_SERVER_LOST: "has ended the connection: see its log",
}
_FULL: Final = frozenset({ER.DISK_FULL, ER.RECORD_FILE_FULL})
_LOST: Final = frozenset(
    {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, 0}
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
    tables: str = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"

    def connect(self, place: Place, patience: float) -> MysqlLink:
        """Connect; with TLS only to who has a certificate of that name."""
        where: dict[str, Any] = {"host": place.host, "port": place.port}
        if place.socket is not None:
            where = {"unix_socket": str(place.socket)}
        elif place.tls:
            where["ssl"] = ssl.create_default_context(cafile=place.ca_file)
        connection = pymysql.connect(
            **where,
            user=place.user,
            password=place.password,
            database=place.database,
            charset="utf8mb4",
            connect_timeout=max(1, math.ceil(patience)),
            autocommit=True,
            # What was committed before a statement begins, it sees.
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )
        return MysqlLink(connection)

    def failure(self, error: Exception) -> Failure | None:
        """Explain an error of PyMySQL."""
        if not isinstance(error, pymysql.MySQLError):
            return None
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        detail = " ".join(str(part) for part in error.args[1:]) or str(error)
        return Failure(
            f"{_SENTENCES.get(code, 'failed')} ({detail})", full=code in _FULL, lost=code in _LOST
        )


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    # MySQL knows no infinity.
    if isinstance(value, float) and math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return value
