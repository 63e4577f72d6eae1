"""The two servers, each a process with a directory of its own."""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

import toml

from hmacfs.auth.mac import message_v2
from hmacfs.base.values import DEFAULT_CONTENT_TYPE

SECRET: Final = "a secret for a server that nobody else uses"
PATIENCE: Final = 20.0
SHARED_BYTES: Final = ".hmacfs/contents/*/*"

NGINX: Final = """\
daemon off;
pid {directory}/pid;
error_log {directory}/errors;
user {user};
worker_processes auto;
events {{ worker_connections 1024; }}
http {{
    access_log {directory}/access;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            root {directory}/store;
            dav_methods PUT;
        }}
    }}
}}
"""


Tables = Mapping[str, Mapping[str, object]]
"""What a configuration says."""


class CannotMeasure(Exception):
    """Something that the measurement needs is not there; the message says what."""


def free_port() -> int:
    """Return a port of the loopback that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """
    A server; a context manager, within which it runs.

    :param name: what it is called in the results.
    :param target: makes the request target of an upload from name and size.
    :ivar store: where it keeps the files.
    """

    def __init__(
        self,
        name: str,
        directory: pathlib.Path,
        command: Sequence[str],
        port: int,
        target: Callable[[str, int], str],
    ) -> None:
        self.name = name
        self.port = port
        self.target = target
        self.store = directory / "store"
        self._output = directory / "output"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._output.read_text(encoding="utf-8", errors="replace")
                raise CannotMeasure(f"{self.name} does not start: {said}")
            time.sleep(0.02)
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def place(self, name: str) -> str:
        """Return the request target of a download."""
        return f"/{name}"

    def url(self, target: str) -> str:
        """Return the URL of a request target."""
        return f"http://127.0.0.1:{self.port}{target}"

    def clear(self) -> None:
        """Remove the stored files, with their shared bytes, and let the disk come to rest."""
        for path in (*self.store.iterdir(), *self.store.glob(SHARED_BYTES)):
            if path.is_file():
                path.unlink()
        os.sync()

    def forget_peak(self) -> None:
        """Begin to watch anew how much memory is used."""
        for pid in self._pids():
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_memory(self) -> int:
        """Return the most bytes that were resident since :meth:`forget_peak`."""
        return sum(peak_of(pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        if self._process is None:
            raise RuntimeError("the server does not run")
        pid = self._process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [pid, *map(int, children.split())]


def peak_of(pid: int) -> int:
    """Return the most bytes that a process had resident."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def ours(directory: pathlib.Path, more: Tables | None = None) -> Server:
    """
    Return this server, as it is configured where nothing is said of its speed.

    :param more: what its configuration says besides.
    """
    port = free_port()
    directory.mkdir()
    config = directory / "config.toml"
    base: Tables = {
        "server": {
            "listen_address": f"127.0.0.1:{port}",
            "storage_path": os.fspath(directory / "store"),
            "upload_prefix": "",
            "metrics_enabled": False,
        },
        "security": {"secret": SECRET},
    }
    tables = {
        name: {**base.get(name, {}), **(more or {}).get(name, {})}
        for name in {**base, **(more or {})}
    }
    config.write_text(toml.dumps(tables), encoding="utf-8")
    config.chmod(0o600)
    command = [sys.executable, "-m", "hmacfs.cli.main", "-config", os.fspath(config)]
    return Server("hmac-file-server", directory, command, port, signed)


def signed(name: str, size: int) -> str:
    """Return the request target of an upload, as an XMPP server would sign it."""
    message = message_v2(name.encode(), size, DEFAULT_CONTENT_TYPE)
    return f"/{name}?v2={hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()}"


def nginx(directory: pathlib.Path) -> Server:
    """
    Return nginx, with the module that takes PUT.

    :raises CannotMeasure: if it is not installed.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise CannotMeasure("nginx is not installed")
    port = free_port()
    directory.mkdir()
    (directory / "store").mkdir()
    config = directory / "nginx.conf"
    user = pathlib.Path(f"/proc/{os.getpid()}").owner()
    config.write_text(NGINX.format(directory=directory, port=port, user=user), encoding="utf-8")
    command = [program, "-e", os.fspath(directory / "errors"), "-c", os.fspath(config)]
    return Server("nginx", directory, command, port, lambda name, size: f"/{name}")
