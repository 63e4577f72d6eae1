"""``health``: ask the server of this configuration whether it is well."""

from __future__ import annotations

import argparse
import http.client
import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import Final

from hmacfs.cli.command import Command, CommandFailed, settings_of
from hmacfs.cli.surroundings import FAILED, FINE, Surroundings
from hmacfs.config import options
from hmacfs.config.settings import Settings

PATIENCE: Final = 5.0
"""Seconds to wait for the answer."""

LONGEST_ANSWER: Final = 64 * 1024
"""Bytes of it that are shown."""

_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what is listened on, not opened


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


def _arguments(parser: argparse.ArgumentParser) -> None:
    """Take none of its own."""


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    connection = _connection(settings)
    headers = {"Accept": "application/json"} if arguments.json else {}
    try:
        connection.request("GET", "/health", headers=headers)
        answer = connection.getresponse()
        text = answer.read(LONGEST_ANSWER).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise CommandFailed(f"the server does not answer: {error}") from None
    finally:
        connection.close()
    print(text, file=around.stdout)
    return FINE if answer.status == HTTPStatus.OK else FAILED


def _connection(settings: Settings) -> http.client.HTTPConnection:
    if settings[options.SERVER_UNIX_SOCKET]:
        return _UnixConnection(settings[options.SERVER_UNIX_SOCKET_PATH])
    address = settings[options.SERVER_LISTEN_ADDRESS]
    host = settings[options.SERVER_BIND_IP] or address.host
    if host in _EVERYWHERE:
        host = "::1" if host == "::" else "127.0.0.1"
    if not settings[options.TLS_ENABLED]:
        return http.client.HTTPConnection(host, address.port, timeout=PATIENCE)
    # It is ours, and its certificate is for the name that the clients use.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, address.port, timeout=PATIENCE, context=context)


COMMANDS: Final = (Command("health", _arguments, _run),)
