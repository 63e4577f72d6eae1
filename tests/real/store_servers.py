"""PostgreSQL and MariaDB from Debian's packages, started for a test, with an empty database."""

from __future__ import annotations

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
from tests.real.daemon import PATIENCE, TAIL, eventually, halt

USER: Final = "hmacfs"
PASSWORD: Final = "a password of the tests"
DATABASE: Final = "hmacfs"
LIBRARIES: Final = pathlib.Path("/usr/lib/postgresql")


class DatabaseServer:
    """
    A server that runs from :meth:`start` to :meth:`stop`, in a directory of its own.

    :param tls: what it proves itself with, if it speaks TLS.
    :param durable: whether its commits wait for the disk, for which tests need not wait.
    """

    account: str
    driver: Driver

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root can start a database server as its own user")
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-db-"))
        shutil.chown(self.directory, self.account, self.account)
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
                self._as_account(self._command()), stdout=log, stderr=log, cwd=self.directory
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

    def kill9(self) -> None:
        """End it without a farewell."""
        self._signal(signal.SIGKILL)
        self._wait()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        assert self._process is not None
        # Itself first, which makes no more children then.
        halt(self._process.pid)
        for child in _children(self._process.pid):
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
        for child in _children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        os.kill(self._process.pid, number)

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(PATIENCE)
        self._process = None

    def _as_account(self, command: Sequence[str]) -> list[str]:
        account = pwd.getpwnam(self.account)
        who = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        return ["setpriv", *who, "env", f"HOME={self.directory}", *command]

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            self._as_account(command),
            capture_output=True,
            text=True,
            cwd=self.directory,
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

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        found = sorted(LIBRARIES.glob("*/bin/initdb")) if LIBRARIES.is_dir() else []
        if not found:
            raise SkipTest("there is no PostgreSQL (postgresql)")
        self._programs = found[-1].parent
        super().__init__(tls, durable=durable)
        password = self.directory / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        self._run(
            [
                *(str(self._programs / "initdb"), "-D", "data", "-U", USER, "-E", "UTF8"),
                *("--auth=scram-sha-256", f"--pwfile={_readable(password)}", "--no-sync"),
                "--locale=C.UTF-8",
            ]
        )

    def start(self) -> Self:
        """Start it, with the database."""
        if not (self.directory / "made").exists():
            single = [str(self._programs / "postgres"), "--single", "-D", "data", "postgres"]
            subprocess.run(
                self._as_account(single),
                input=f"CREATE DATABASE {DATABASE};\n".encode(),
                capture_output=True,
                cwd=self.directory,
                check=True,
            )
            (self.directory / "made").touch()
        return super().start()

    def _command(self) -> Sequence[str]:
        command = [str(self._programs / "postgres"), "-D", "data", "-p", str(self.port)]
        options = {"listen_addresses": "localhost", "unix_socket_directories": str(self.directory)}
        options |= {
            "fsync": "on" if self._durable else "off",
            "max_connections": "30",
            "shared_buffers": "16MB",
        }
        if self._tls is not None:
            options |= {"ssl": "on", "ssl_cert_file": str(self._tls.certificate)}
            options |= {"ssl_key_file": str(self._tls.key)}
        return [*command, *(word for item in options.items() for word in ("-c", "=".join(item)))]


class MariadbServer(DatabaseServer):
    """MariaDB."""

    account = "mysql"
    driver = Mysql()

    def __init__(self, tls: Certificate | None = None, *, durable: bool = False) -> None:
        if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
            raise SkipTest("there is no MariaDB (mariadb-server)")
        super().__init__(tls, durable=durable)
        self._run(
            [
                *("mariadb-install-db", "--no-defaults", f"--datadir={self.directory}/data"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
            ]
        )
        (self.directory / "init.sql").write_text(
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'localhost';\n",
            encoding="utf-8",
        )

    def _command(self) -> Sequence[str]:
        command = ["mariadbd", "--no-defaults", f"--datadir={self.directory}/data"]
        command += [f"--port={self.port}", "--bind-address=localhost"]
        command += [f"--socket={self.directory}/s.sock", f"--pid-file={self.directory}/pid"]
        command += [f"--init-file={self.directory}/init.sql"]
        command += [f"--innodb-flush-log-at-trx-commit={1 if self._durable else 2}"]
        if self._tls is not None:
            command += [f"--ssl-cert={self._tls.certificate}", f"--ssl-key={self._tls.key}"]
        return command


def _children(process: int) -> list[int]:
    found = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(word) for word in found.split()]


def _readable(path: pathlib.Path) -> pathlib.Path:
    path.chmod(0o644)
    return path


Started = Callable[[], DatabaseServer]
