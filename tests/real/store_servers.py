"""PostgreSQL and MariaDB from Debian's packages, started for a test, with an empty database."""

from __future__ import annotations

import atexit
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from typing import Final, Self

from twisted.trial.unittest import SkipTest

from hmacfs.stores.drivers import Driver
from hmacfs.stores.mysql import Mysql
from hmacfs.stores.places import Place
from hmacfs.stores.postgresql import Postgresql
from tests.ports import free_port
from tests.real.certificates import Certificate
from tests.real.daemon import PATIENCE, TAIL, children, eventually, halt

USER: Final = "hmacfs"
PASSWORD: Final = "a password of the tests"
DATABASE: Final = "hmacfs"
LIBRARIES: Final = pathlib.Path("/usr/lib/postgresql")
UNSYNCED: Final = (
    *("--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--debug-no-sync"),
    "--innodb-log-file-size=4M",
)
"""How MariaDB leaves it to the system when what it wrote reaches the disk."""


class DatabaseServer:
    """
    A server that runs from :meth:`start` to :meth:`stop`, in a directory of its own.

    :param tls: what it proves itself with, if it speaks TLS.
    :param durable: whether its commits wait for the disk, for which tests need not wait.
    :cvar connections: a statement that tells the numbers of its users' connections but one's own.
    :cvar ending: one that ends the connection of a number.
    """

    account: str
    driver: Driver
    connections: str
    ending: str

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root can start a database server as its own user")
        self.port = free_port()
        self.directory = self.own_directory()
        # It keeps the owners, and costs a tenth of what it costs to make all of it anew.
        subprocess.run(["cp", "-a", _template(type(self)) / "data", self.directory], check=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._tls = tls and self._own(tls)
        self._durable = durable

    def place(self, **changes: object) -> Place:
        """Return where it is and as whom to come."""
        facts: dict[str, object] = {
            "host": "localhost",
            "port": self.port,
            "user": USER,
            "password": PASSWORD,
            "database": DATABASE,
        }
        return Place(**{**facts, **changes})  # type: ignore[arg-type]

    def start(self) -> Self:
        """Start it."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_account(self.directory, self._command()),
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )
        try:
            eventually(f"{self.driver.name} to answer", self.answers, PATIENCE)
        except AssertionError:
            text = (self.directory / "log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(text[-TAIL:]) from None
        return self

    def answers(self) -> bool:
        """Tell whether it takes a connection."""
        try:
            self.driver.connect(self.place(), 2).close()
        except Exception as error:
            if self.driver.failure(error) is None and not isinstance(error, OSError):
                raise
            return False
        return True

    def end_connections(self) -> None:
        """End those of its users, as an administrator does, and wait until they have ended."""
        link = self.driver.connect(self.place(), PATIENCE)
        try:
            for (number,) in link.execute(self.connections).fetchall():
                link.execute(self.ending, (number,))
            eventually(
                "the connections to end", lambda: not link.execute(self.connections).fetchall()
            )
        finally:
            link.close()

    def kill9(self) -> None:
        """End it without a farewell."""
        self._signal(signal.SIGKILL)
        self._wait()

    def revive(self) -> None:
        """Let it go on, or start it again if it has ended."""
        if self._process is None:
            self.start()
        else:
            self.thaw()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        assert self._process is not None
        # Itself first, which makes no more children then.
        halt(self._process.pid)
        for child in children(self._process.pid):
            halt(child)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and remove its directory."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._signal(signal.SIGCONT)
                self._signal(signal.SIGKILL)
            self._wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        for child in children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        os.kill(self._process.pid, number)

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(PATIENCE)
        self._process = None

    @property
    def socket(self) -> pathlib.Path:
        """Its socket in the file system."""
        raise NotImplementedError

    @classmethod
    def make(cls, directory: pathlib.Path) -> None:
        """Make the data directory of a new server, ``data``, in a directory of its account."""
        raise NotImplementedError

    @classmethod
    def own_directory(cls) -> pathlib.Path:
        """Make a directory of its account, which is gone after this process."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-db-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        shutil.chown(directory, cls.account, cls.account)
        return directory

    @classmethod
    def _as_account(cls, directory: pathlib.Path, command: Sequence[str]) -> list[str]:
        account = pwd.getpwnam(cls.account)
        who = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        return ["setpriv", *who, "env", f"HOME={directory}", *command]

    @classmethod
    def _run(cls, directory: pathlib.Path, command: Sequence[str], text: str = "") -> None:
        done = subprocess.run(
            cls._as_account(directory, command),
            input=text,
            capture_output=True,
            text=True,
            cwd=directory,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command[0]}: {done.stdout[-TAIL:]}{done.stderr[-TAIL:]}")

    def _own(self, tls: Certificate) -> Certificate:
        copy = tls.copied(self.directory)
        for path in (copy.certificate, copy.key):
            shutil.chown(path, self.account, self.account)
            path.chmod(0o600)
        return copy


class PostgresqlServer(DatabaseServer):
    """PostgreSQL."""

    account = "postgres"
    driver = Postgresql()
    connections = (
        "SELECT pid FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    ending = "SELECT pg_terminate_backend(?)"

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        found = sorted(LIBRARIES.glob("*/bin/initdb")) if LIBRARIES.is_dir() else []
        if not found:
            raise SkipTest("there is no PostgreSQL (postgresql)")
        self._program = str(found[-1].with_name("postgres"))
        super().__init__(tls, durable=durable)

    @classmethod
    def make(cls, directory: pathlib.Path) -> None:
        """Make the data directory, with the database."""
        programs = sorted(LIBRARIES.glob("*/bin/initdb"))[-1].parent
        password = directory / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        cls._run(
            directory,
            [
                *(str(programs / "initdb"), "-D", "data", "-U", USER, "-E", "UTF8"),
                *("--auth=scram-sha-256", f"--pwfile={_readable(password)}", "--no-sync"),
                *("--locale=C.UTF-8", "--wal-segsize=1"),
            ],
        )
        single = [str(programs / "postgres"), "--single", "-D", "data", "-F", "postgres"]
        cls._run(directory, single, f"CREATE DATABASE {DATABASE};\n")

    @property
    def socket(self) -> pathlib.Path:
        """Its socket in the file system."""
        return self.directory / f".s.PGSQL.{self.port}"

    def _command(self) -> Sequence[str]:
        command = [self._program, "-D", "data", "-p", str(self.port)]
        options = {"listen_addresses": "localhost", "unix_socket_directories": str(self.directory)}
        options |= {
            "max_connections": "30",
            "shared_buffers": "16MB",
        }
        if not self._durable:
            options |= {"fsync": "off", "autovacuum": "off"}
        if self._tls is not None:
            options |= {"ssl": "on", "ssl_cert_file": str(self._tls.certificate)}
            options |= {"ssl_key_file": str(self._tls.key)}
        return [*command, *(word for item in options.items() for word in ("-c", "=".join(item)))]


class MariadbServer(DatabaseServer):
    """MariaDB."""

    account = "mysql"
    driver = Mysql()
    connections = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
    ending = "KILL ?"

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
            raise SkipTest("there is no MariaDB (mariadb-server)")
        super().__init__(tls, durable=durable)
        (self.directory / "init.sql").write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'localhost';\n",
            encoding="utf-8",
        )

    @classmethod
    def make(cls, directory: pathlib.Path) -> None:
        """Make the data directory."""
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={directory}/data"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        cls._run(directory, [*command, *UNSYNCED])

    @property
    def socket(self) -> pathlib.Path:
        """Its socket in the file system."""
        return self.directory / "s.sock"

    def _command(self) -> Sequence[str]:
        command = ["mariadbd", "--no-defaults", f"--datadir={self.directory}/data"]
        command += [f"--port={self.port}", "--bind-address=localhost"]
        command += [f"--socket={self.socket}", f"--pid-file={self.directory}/pid"]
        command += [f"--init-file={self.directory}/init.sql"]
        if not self._durable:
            command += UNSYNCED
        if self._tls is not None:
            command += [f"--ssl-cert={self._tls.certificate}", f"--ssl-key={self._tls.key}"]
        return command


def _template(kind: type[DatabaseServer]) -> pathlib.Path:
    if kind not in _templates:
        directory = kind.own_directory()
        kind.make(directory)
        _templates[kind] = directory
    return _templates[kind]


_templates: Final[dict[type[DatabaseServer], pathlib.Path]] = {}


def _readable(path: pathlib.Path) -> pathlib.Path:
    path.chmod(0o644)
    return path


Started = Callable[[], DatabaseServer]
