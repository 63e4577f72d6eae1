"""Trying whether the servers that a configuration needs answer: plain, blocking, one by one."""

from __future__ import annotations

import pathlib
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from hmacfs.config.checks.connectivity import Service, Target
from hmacfs.config.network import Address
from hmacfs.service.stores import driver_of
from hmacfs.stores import redis_scripts
from hmacfs.stores.places import Place

TIMEOUT: Final = 5.0
"""Seconds for each step of a try."""

_LONGEST_ANSWER: Final = 64 * 1024
_NOT_ALLOWED: Final = ("NOPERM", "The user executing the script")

Connect = Callable[[Target], socket.socket]


class NoAnswer(Exception):
    """A server answered, but not as it should; the text is a clause."""


@frozen
class Answer:
    """How a try ended."""

    target: Target
    fine: bool
    detail: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.target}: {'fine' if self.fine else 'failed'}, {self.detail}"


def connect(target: Target) -> socket.socket:
    """
    Open a connection to a target.

    :raises OSError: when it cannot be reached in time.
    """
    if isinstance(target.at, pathlib.Path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(str(target.at))
        except OSError:
            connection.close()
            raise
        return connection
    return socket.create_connection((target.at.host, target.at.port), TIMEOUT)


def probe(target: Target, connect: Connect = connect) -> Answer:
    """Try one target."""
    if target.service in _DATABASES:
        return _try_database(target)
    try:
        with connect(target) as connection:
            return Answer(target, True, _TRIES[target.service](connection, target))
    except ssl.SSLCertVerificationError as reason:
        return Answer(target, False, f"its certificate is refused: {reason.verify_message}")
    except TimeoutError:
        return Answer(target, False, f"no answer within {TIMEOUT:g} seconds")
    except OSError as reason:
        return Answer(target, False, reason.strerror or str(reason))
    except NoAnswer as reason:
        return Answer(target, False, str(reason))


def _encrypted(connection: socket.socket, target: Target) -> socket.socket:
    if not target.tls or isinstance(target.at, pathlib.Path):
        return connection
    context = ssl.create_default_context(cafile=target.ca_file)
    return context.wrap_socket(connection, server_hostname=target.at.host)


def _try_redis(connection: socket.socket, target: Target) -> str:
    with _encrypted(connection, target) as encrypted, encrypted.makefile("rwb") as stream:
        key = f"{target.key_prefix}try:{secrets.token_hex(8)}"
        ends = str(int(time.time() + TIMEOUT) * 1000)
        commands: list[tuple[str, ...]] = [("SELECT", target.database), ("PING",)]
        commands.append(("EVAL", redis_scripts.TRY, "1", key, ends))
        if target.password or target.user:
            user = (target.user,) if target.user else ()
            commands.insert(0, ("AUTH", *user, target.password))
        for command in commands:
            stream.write(f"*{len(command)}\r\n".encode())
            for word in command:
                stream.write(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
            stream.flush()
            answer = stream.readline(_LONGEST_ANSWER).decode(errors="replace").strip()
            if any(word in answer for word in _NOT_ALLOWED):
                raise NoAnswer(
                    f"it {redis_scripts.NOT_ALLOWED} (the prefix is {target.key_prefix}; "
                    f"{command[0]} was answered with {answer.lstrip('-')!r})"
                )
            if not answer.startswith("+"):
                raise NoAnswer(f"{command[0]} was answered with {answer.lstrip('-')!r}")
    return "PONG"


def _try_clamd(connection: socket.socket, target: Target) -> str:
    connection.sendall(b"zPING\0")
    answer = _read_exactly(connection, 5)
    if answer != b"PONG\0":
        raise NoAnswer(f"PING was answered with {answer!r}")
    return "PONG"


def _try_database(target: Target) -> Answer:
    # With the driver of the server, and its password: what works here works there.
    driver = driver_of(_DATABASES[target.service])
    place = Place(
        *_whereabouts(target.at),
        target.user,
        target.password,
        target.database,
        target.tls,
        target.ca_file,
    )
    try:
        link = driver.connect(place, TIMEOUT)
        try:
            ((version,),) = link.execute("SELECT version()").fetchall()
        finally:
            link.close()
    except Exception as error:
        failure = driver.failure(error)
        if failure is None and not isinstance(error, OSError):
            raise
        return Answer(target, False, str(error) if failure is None else failure.sentence)
    return Answer(target, True, f"version {str(version).partition(' on ')[0]}")


def _whereabouts(at: Address | pathlib.Path) -> tuple[str, int, pathlib.Path | None]:
    return ("", 0, at) if isinstance(at, pathlib.Path) else (at.host, at.port, None)


def _read_exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        data = connection.recv(count - len(received))
        if not data:
            raise NoAnswer("it closed the connection")
        received += data
    return received


_DATABASES: Final = {Service.POSTGRES: "postgres", Service.MYSQL: "mysql"}

_TRIES: Final[Mapping[Service, Callable[[socket.socket, Target], str]]] = {
    Service.REDIS: _try_redis,
    Service.CLAMD: _try_clamd,
}
