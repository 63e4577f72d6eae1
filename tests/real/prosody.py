"""Prosody from Debian's packages, started for a test, with a component that issues upload slots."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Final

import attrs
from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real.daemon import PATIENCE, TAIL, eventually, refused_at
from tests.real.slots import JID, PASSWORD, Slot, Wish, request_slots

MODULE: Final = "mod_http_upload_external"
MODULES: Final = pathlib.Path("/usr/lib/prosody/modules")
SIZE_LIMIT: Final = 200 * 1024 * 1024

SERVER: Final = """\
daemonize = false
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
log = {{ info = "{directory}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
http_ports = {{ {http_port} }}
https_ports = {{ }}
component_ports = {{ }}
authentication = "internal_hashed"
c2s_require_encryption = false
modules_enabled = {{ "saslauth", "disco" }}
modules_disabled = {{ "s2s", "tls" }}
VirtualHost "localhost"
"""

COMPONENT: Final = """\
Component "{host}" "http_upload_external"
  http_upload_external_base_url = "{base_url}"
  http_upload_external_secret = "{secret}"
  http_upload_external_protocol = "{protocol}"
  http_upload_external_file_size_limit = {size_limit}
  http_upload_external_access = {{ "localhost" }}
"""

OWN_FILES: Final = """\
Component "{host}" "http_file_share"
  http_file_share_access = {{ "localhost" }}
"""

FILE_SHARE: Final = """\
Component "{host}" "http_file_share"
  http_file_share_base_url = "{base_url}"
  http_file_share_secret = "{secret}"
  http_file_share_size_limit = {size_limit}
  http_file_share_daily_quota = 10 * {size_limit}
  http_file_share_expires_after = 60 * 60
  http_file_share_access = {{ "localhost" }}
"""

TEMPLATES: Final = {"file_share": FILE_SHARE, "own_files": OWN_FILES}


@attrs.frozen
class Component:
    """Who issues slots.

    :ivar base_url: where the uploads go; ends with a slash.
    :ivar protocol: ``v1`` or ``v2``, how their URLs are signed, or ``file_share``, which
        is another module and gives tokens, or ``own_files``, where Prosody keeps the files.
    """

    host: str
    base_url: str
    secret: str
    protocol: str


class Prosody:
    """
    A server with one account, running from :meth:`start` to :meth:`stop`.

    :param lines: more of its configuration.
    """

    def __init__(self, components: Sequence[Component], lines: str = "") -> None:
        if shutil.which("prosody") is None or not (MODULES / MODULE).exists():
            raise SkipTest(f"there is no Prosody with {MODULE} (prosody, prosody-modules)")
        # Not below the checkout: the user of Prosody may not be let in there.
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-prosody-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = self._directory / "prosody.cfg.lua"
        keeps_files = any(component.protocol == "own_files" for component in components)
        self.http_port = free_port() if keeps_files else None
        ports = {"port": self._port, "http_port": self.http_port or ""}
        text = SERVER.format(directory=self._directory, **ports)
        for component in components:
            template = TEMPLATES.get(component.protocol, COMPONENT)
            text += template.format(size_limit=SIZE_LIMIT, **attrs.asdict(component))
        self._config.write_text(text + lines, encoding="utf-8")
        if os.geteuid() == 0:
            shutil.chown(self._directory, "prosody", "prosody")

    def start(self) -> None:
        """Make the account, start, and wait for the port."""
        user, _, host = JID.partition("@")
        register = ["prosodyctl", "--config", os.fspath(self._config), "register"]
        subprocess.run(
            [*self._as_prosody(), *register, user, host, PASSWORD],
            check=True,
            capture_output=True,
            cwd=self._directory,
        )
        self._process = subprocess.Popen(
            [*self._as_prosody(), "prosody", "-F", "--config", os.fspath(self._config)],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually("the start of Prosody", self._listens)

    def _as_prosody(self) -> list[str]:
        # It refuses to run as root.
        if os.geteuid() != 0:
            return []
        user = ["--reuid=prosody", "--regid=prosody", "--clear-groups"]
        return ["setpriv", *user, "env", f"HOME={self._directory}"]

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"Prosody has ended:\n{self.log}")
        return not refused_at(self._port)()

    def stop(self) -> None:
        """End it, if it was started, and remove all it had."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        shutil.rmtree(self._directory)

    def kept_of(self, host: str) -> pathlib.Path:
        """Tell where it keeps what is of a component."""
        return self._directory / "data" / host.replace(".", "%2e")

    @property
    def log(self) -> str:
        """The end of what it has written."""
        log = self._directory / "prosody.log"
        return log.read_text(encoding="utf-8")[-TAIL:] if log.exists() else ""

    def slots(self, service: str, wishes: Sequence[Wish]) -> list[Slot]:
        """Ask for slots, as a client that logs in with a library of its own."""
        try:
            return request_slots(self._port, service, wishes)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
