"""Two network namespaces with a cable between them: a server and its client on machines apart."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

from twisted.trial.unittest import SkipTest

NAMED: Final = pathlib.Path("/run/netns")
"""Where the kernel's namespaces have names (ip-netns(8))."""

_CLONE_NEWNET: Final = 0x40000000


class Machine:
    """A network namespace; whoever is in it sees its interfaces and no others."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ip(self, *lines: str) -> None:
        """Let ``ip`` do this, line by line, as fast as it can."""
        subprocess.run(
            [_program(), "-netns", self.name, "-batch", "-"],
            input="\n".join(lines),
            text=True,
            check=True,
            timeout=60,
        )

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: with this thread, what it starts and the sockets that it makes."""
        libc = ctypes.CDLL(None, use_errno=True)
        with pathlib.Path("/proc/thread-self/ns/net").open("rb") as home:
            with (NAMED / self.name).open("rb") as there:
                _enter(libc, there.fileno())
            try:
                yield
            finally:
                _enter(libc, home.fileno())


def two_machines() -> tuple[Machine, Machine]:
    """
    Make two, each with the end of a ``cable``, which has no address yet.

    :raises SkipTest: where that is not permitted.
    """
    if os.geteuid() != 0:
        raise SkipTest("only root can make the network namespaces that this test needs")
    names = [f"hmacfs-{os.getpid()}-{end}" for end in ("server", "client")]
    for name in names:
        made = subprocess.run(
            [_program(), "netns", "add", name], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            remove(*map(Machine, names))
            raise SkipTest(f"no network namespace can be made: {made.stderr.strip()}")
    server, client = map(Machine, names)
    server.ip(
        "link set lo up",
        f"link add cable type veth peer name cable netns {client.name}",
        "link set cable addrgenmode none",
        "link set cable up",
    )
    client.ip("link set lo up", "link set cable addrgenmode none", "link set cable up")
    return server, client


def remove(*machines: Machine) -> None:
    """Take them away, and their cable."""
    for machine in machines:
        if (NAMED / machine.name).exists():
            subprocess.run([_program(), "netns", "del", machine.name], check=True, timeout=60)


def _program() -> str:
    found = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise SkipTest("ip (iproute2) is not installed")
    return found


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
