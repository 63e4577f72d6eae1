"""nginx and Apache from Debian's packages, with the example files of ``etc`` before a server."""

from __future__ import annotations

import pathlib
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real.certificates import Certificate
from tests.real.daemon import CHECKOUT, PATIENCE, TAIL, eventually

LETSENCRYPT: Final = "/etc/letsencrypt/live/files.example.org/"

NGINX: Final = """\
daemon off;
pid {directory}/pid;
error_log {directory}/errors info;
worker_processes 2;
user www-data;
events {{ }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/site.conf;
}}
"""

APACHE_MODULES: Final = (
    *("mpm_event", "authz_core", "headers", "http2", "proxy", "proxy_http", "reqtimeout"),
    *("setenvif", "socache_shmcb", "ssl"),
)
APACHE: Final = """\
ServerRoot {directory}
PidFile {directory}/pid
ErrorLog {directory}/errors
LogLevel info
ServerName localhost
User www-data
Group www-data
{modules}
Listen 127.0.0.1:{port}
Include {directory}/site.conf
"""


class Proxy:
    """A proxy that speaks TLS, as the example of ``etc`` says.

    :param command: starts it in the foreground, with the path of the configuration after it.
    :param configuration: the text around the example, which includes it.
    """

    def __init__(
        self, directory: pathlib.Path, port: int, command: Sequence[str], configuration: str
    ) -> None:
        self.port = port
        self._directory = directory
        self._command = command
        (directory / "proxy.conf").write_text(configuration, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self._directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*self._command, str(self._directory / "proxy.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        eventually("the start of the proxy", lambda: self._listens(self._process))

    def _listens(self, process: subprocess.Popen[bytes] | None) -> bool:
        assert process is not None
        if process.poll() is not None:
            raise AssertionError(f"the proxy has ended\n{self.log[-TAIL:]}")
        return (self._directory / "pid").exists()

    def stop(self) -> None:
        """End it and wait until it has."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    @property
    def log(self) -> str:
        """What it has complained of so far."""
        files = [self._directory / name for name in ("output", "errors")]
        texts = [
            file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists()
        ]
        return "\n".join(texts)

    @property
    def access_log(self) -> str:
        """What it has noted of requests so far."""
        return (self._directory / "access").read_text(encoding="utf-8")


def example(name: str, changes: Mapping[str, str]) -> str:
    """Return an example of ``etc`` with some texts replaced, each of which is there."""
    text = (CHECKOUT / "etc" / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{name} does not say {old!r}"
        text = text.replace(old, new)
    return text


def program(name: str) -> str:
    """Return the path of a program, or skip the test."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        raise SkipTest(f"needs {name}")
    return found


def nginx(directory: pathlib.Path, backend: int, certificate: Certificate) -> Proxy:
    """Return nginx with its example, before a server on this port."""
    command = [program("nginx"), "-e", str(directory / "errors"), "-c"]
    port = free_port()
    site = example(
        "nginx/hmac-file-server.conf",
        {
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
            "[::]:443": f"[::1]:{port}",
            " 443 ": f" 127.0.0.1:{port} ",
            f"{LETSENCRYPT}fullchain.pem": str(certificate.certificate),
            f"{LETSENCRYPT}privkey.pem": str(certificate.key),
            "/var/log/nginx/hmac-file-server.log": str(directory / "access"),
        },
    )
    (directory / "site.conf").write_text(site, encoding="utf-8")
    return Proxy(directory, port, command, NGINX.format(directory=directory))


def apache(directory: pathlib.Path, backend: int, certificate: Certificate) -> Proxy:
    """Return Apache with its example, before a server on this port."""
    command = [program("apache2"), "-D", "FOREGROUND", "-f"]
    port = free_port()
    site = example(
        "apache2/hmac-file-server.conf",
        {
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
            "*:443": f"127.0.0.1:{port}",
            f"{LETSENCRYPT}fullchain.pem": str(certificate.certificate),
            f"{LETSENCRYPT}privkey.pem": str(certificate.key),
            "/var/log/apache2/hmac-file-server.log": str(directory / "access"),
        },
    )
    (directory / "site.conf").write_text(site, encoding="utf-8")
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in APACHE_MODULES
    )
    text = APACHE.format(directory=directory, port=port, modules=modules)
    return Proxy(directory, port, command, text)
