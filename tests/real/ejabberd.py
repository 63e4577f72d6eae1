"""ejabberd from Debian's package, started for a test, with the module that issues upload slots."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.ports import free_port
from tests.real import certificates
from tests.real.daemon import PATIENCE, TAIL, children, eventually, refused_at
from tests.real.slots import JID, PASSWORD, Slot, Wish, request_slots

NODE: Final = "files@localhost"
CONTROL: Final = f"INET_DIST_INTERFACE=127.0.0.1\nERLANG_NODE={NODE}\n"

SERVER: Final = """\
hosts: [localhost]
certfiles: ["{certificate}"]
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, shaper: none, access: all}}
auth_method: internal
auth_password_format: scram
acl:
  local: {{user_regexp: ""}}
access_rules:
  local: {{allow: local}}
modules:
  mod_disco: {{}}
"""


class Ejabberd:
    """
    A server with one account, running from :meth:`start` to :meth:`stop`.

    It issues slots when :meth:`follow` has told it how.
    """

    def __init__(self) -> None:
        if shutil.which("ejabberdctl", path="/usr/sbin") is None or os.geteuid() != 0:
            raise SkipTest("there is no ejabberd, or nobody who may start it as its user")
        # Not below the checkout: the user of ejabberd may not be let in there.
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-ejabberd-"))
        self._port, self._names_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("conf", "spool", "logs", "docroot"):
            (self._directory / name).mkdir()
        made = certificates.make(self._directory / "conf")
        both = self._directory / "conf/all.pem"
        both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
        self._text = SERVER.format(certificate=both, port=self._port)
        (self._directory / "conf/ejabberd.yml").write_text(self._text, encoding="utf-8")
        # In the environment it would be overwritten.
        (self._directory / "conf/ejabberdctl.cfg").write_text(CONTROL, encoding="ascii")
        for path in (self._directory, *self._directory.rglob("*")):
            shutil.chown(path, "ejabberd", "ejabberd")

    def _command(self, *words: str) -> list[str]:
        user = ["setpriv", "--reuid=ejabberd", "--regid=ejabberd", "--clear-groups"]
        environ = [
            f"HOME={self._directory}/spool",
            f"ERL_EPMD_PORT={self._names_port}",
            "ERL_EPMD_ADDRESS=127.0.0.1",
        ]
        place = self._directory
        files = ["-d", f"{place}/conf", "-f", f"{place}/conf/ejabberd.yml", "-s", f"{place}/spool"]
        control = ["/usr/sbin/ejabberdctl", "-n", NODE, *files, "-l", f"{place}/logs"]
        return [*user, "env", *environ, *control, *words]

    def start(self) -> None:
        """Start, wait for the port, and make the account."""
        self._process = subprocess.Popen(
            self._command("foreground"),
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=(self._directory / "output").open("wb"),
            stderr=subprocess.STDOUT,
        )
        eventually("the start of ejabberd", self._listens)
        user, _, host = JID.partition("@")
        eventually("an account", lambda: self._control("register", user, host, PASSWORD))

    def follow(self, lines: str) -> None:
        """
        Read the configuration again, in which these lines stand below ``modules:`` now.

        :raises AssertionError: if it is refused.
        """
        (self._directory / "conf/ejabberd.yml").write_text(self._text + lines, encoding="utf-8")
        if not self._control("reload_config"):
            raise AssertionError(f"ejabberd refuses its configuration:\n{self.log}")

    def _control(self, *words: str) -> bool:
        done = subprocess.run(
            self._command(*words),
            cwd=self._directory,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode == 0

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"ejabberd has ended:\n{self.log}")
        return not refused_at(self._port)()

    def stop(self) -> None:
        """End it, if it was started, and remove all it had."""
        if self._process is not None:
            # There is nothing that it should save; the script that started it ends with it.
            for process in children(self._process.pid):
                os.kill(process, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._end_names()
        shutil.rmtree(self._directory)

    def _end_names(self) -> None:
        # Erlang's directory of names outlives what it was started for.
        wanted = f"ERL_EPMD_PORT={self._names_port}".encode()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), 15)
            except OSError:
                continue

    @property
    def log(self) -> str:
        """The end of what it has written."""
        files = [self._directory / "output", *(self._directory / "logs").glob("*.log")]
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in files]
        return "\n".join(text[-TAIL:] for text in texts)

    def slots(self, service: str, wishes: Sequence[Wish]) -> list[Slot]:
        """Ask for slots, as a client that logs in with a library of its own."""
        try:
            return request_slots(self._port, service, wishes)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
