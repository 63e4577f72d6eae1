"""A Debian with systemd that is booted for a test and forgotten after it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.packaging import cache
from tests.packaging.control_group import ControlGroup

T = TypeVar("T")

CLIENT: Final = pathlib.Path(__file__).with_name("client.py")
PATIENCE: Final = 60.0
PAUSE: Final = 0.05
INSIDE: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
}


def eventually(what: str, look: Callable[[], T | None]) -> T:
    """Look again and again until there is something to see; return that.

    :raises AssertionError: when the time is over, with ``what`` was waited for.
    """
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(PAUSE)
    return seen


@attrs.frozen
class Done:
    """What came of a command."""

    code: int
    text: str
    seconds: float


class Machine:
    """
    A booted machine.

    :param directory: for what is shared with it, there as ``/shared``.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.shared = directory
        self._console = directory.parent / f"{directory.name}.console"
        self._group = ControlGroup()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self, tree: pathlib.Path) -> None:
        """Boot it from a tree, which stays as it is, and wait until it is up."""
        # It ends when the test does, however that ends.
        bound = ["setpriv", "--pdeathsig=TERM"]
        command = [
            *(*bound, "systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
            *("--kill-signal=SIGRTMIN+3", "--volatile=overlay", "--private-network"),
            *(f"--directory={tree}", f"--bind={self.shared}:/shared", "--boot"),
        ]
        # It wants a terminal.  No shell may stay between: its child would be taken for the machine.
        inside = f"exec {shlex.join(self._group.holding(command))}"
        terminal = [*bound, "script", "--quiet", "--flush", "--return", "--command", inside]
        self._nspawn = subprocess.Popen(
            [*terminal, self._console],
            env={**os.environ, "SHELL": "/bin/sh"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            eventually("the boot", self._is_up)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._last_words()}") from None

    def _last_words(self) -> str:
        """Tell what a machine waits for that does not come up, and what it said."""
        waits = self.run("systemctl is-system-running; systemctl list-jobs").text
        return waits + self._console.read_text(encoding="utf-8", errors="replace")[-2000:]

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            text = self._console.read_text(encoding="utf-8", errors="replace")
            raise SkipTest(f"no machine can be booted here: {text[-500:]}")
        for nspawn in _children(self._nspawn.pid):
            for leader in _children(nspawn):
                self._leader = leader
                return self.run("systemctl is-system-running").text.strip() in {
                    *("running", "degraded"),
                }
        return False

    def off(self) -> None:
        """Switch it off."""
        if self._nspawn is not None:
            self._signal(signal.SIGTERM)
            try:
                self._nspawn.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._nspawn.wait()
        self._console.unlink(missing_ok=True)
        self._group.remove()

    def _signal(self, which: signal.Signals) -> None:
        assert self._nspawn is not None
        for nspawn in _children(self._nspawn.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(nspawn, which)

    def run(self, command: str) -> Done:
        """Run a line of shell in it, as root."""
        process = self.begin(["sh", "-c", command])
        started = time.monotonic()
        text, _ = process.communicate(timeout=cache.LIMIT)
        return Done(process.returncode, text, time.monotonic() - started)

    def begin(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command in it."""
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--pid"]
        environ = [f"{name}={value}" for name, value in INSIDE.items()]
        return subprocess.Popen(
            [*enter, "--net", "env", "--ignore-environment", *environ, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, **asked: object) -> subprocess.Popen[str]:
        """Start our client, a program of this machine, in the network of that one."""
        return self.beside([sys.executable, os.fspath(CLIENT), json.dumps(asked)])

    def beside(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a program of this machine in the network of that one."""
        return subprocess.Popen(
            ["nsenter", f"--target={self._leader}", "--net", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _children(pid: int) -> list[int]:
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in path.read_text(encoding="ascii").split()]
    except FileNotFoundError:
        return []


class MachineCase(SynchronousTestCase):
    """A test on a machine that was booted for it."""

    def setUp(self) -> None:
        cache.need("systemd-nspawn", "mmdebstrap", "script", "nsenter", "dpkg-buildpackage", "git")
        self.shared = pathlib.Path(self.mktemp()).resolve()
        self.shared.mkdir()
        self.addCleanup(shutil.rmtree, self.shared, ignore_errors=True)
        self.machine = Machine(self.shared)
        self.addCleanup(self.machine.off)

    def boot(self, *more: str) -> None:
        """Boot the machine, which has the package as a file, and more of Debian's packages."""
        shutil.copy(cache.package(), self.shared / "first.deb")
        self.machine.boot(cache.tree(*more))

    def boot_installed(self) -> None:
        """Boot a machine on which the package was installed before."""
        shutil.copy(cache.package(), self.shared / "first.deb")
        self.machine.boot(cache.installed())
        self.wait_active()

    def do(self, command: str) -> str:
        """Run a line of shell on the machine, which must succeed; return what it said."""
        done = self.machine.run(command)
        if done.code != 0:
            last = self.machine.run("journalctl --no-pager --lines=20 --output=cat").text
            self.fail(f"{command}: {done.text}\n{last}")
        return done.text

    def drop_in(self, unit: str, *lines: str) -> None:
        """Add lines to a unit, as ``systemctl edit`` does, in place of those added before."""
        unit = unit if "." in unit else f"{unit}.service"
        place = f"/etc/systemd/system/{unit}.d"
        text = shlex.quote("\n".join((*lines, "")))
        self.do(f"mkdir -p {place} && printf %s {text} > {place}/override.conf")
        self.do("systemctl daemon-reload")

    def client(self, **asked: object) -> dict[str, object]:
        """Ask our client for something, and return what came of it."""
        text, _ = self.machine.client(**{"secret": self.secret(), **asked}).communicate(
            timeout=PATIENCE
        )
        answer: dict[str, object] = json.loads(text)
        return answer

    def secret(self) -> str:
        """Return the secret that the installation has made."""
        return self.do("cat /etc/hmac-file-server/secret").strip()

    def property(self, name: str, unit: str = "hmac-file-server") -> str:
        """Return what systemd knows of a unit."""
        return self.do(f"systemctl show --value -p {name} {unit}").strip()

    def wait_active(self, unit: str = "hmac-file-server") -> None:
        """Wait until the unit runs."""
        eventually(f"{unit} runs", lambda: self.property("ActiveState", unit) == "active")

    def assert_uploads(self, name: str, port: int = 8080) -> None:
        """Fail unless a file can be uploaded and comes back."""
        self.assertEqual(201, self.client(do="put", name=name, port=port)["status"])
        self.assert_serves(name, port)

    def assert_serves(self, name: str, port: int = 8080) -> None:
        """Fail unless a file that was uploaded comes back."""
        answer = self.client(do="get", name=name, port=port)
        self.assertEqual((200, True), (answer["status"], answer["same"]))
