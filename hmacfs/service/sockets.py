"""Sockets that listen: made here or inherited from systemd.  All functions block."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from hmacfs.config.network import Address

BACKLOG = 511
"""Connections that may wait to be accepted."""

FIRST_INHERITED = 3
"""Where inherited descriptors begin (sd_listen_fds(3))."""


@frozen
class UnixPermissions:
    """
    Who may connect to a Unix socket.

    :ivar mode: octal digits.
    :ivar group: a group's name, or empty for that of the process.
    """

    mode: str = "0660"
    group: str = ""


def listen_tcp(address: Address, family: str) -> socket.socket:
    """
    Listen on a TCP address.

    :param address: without a host, that of all interfaces.
    :param family: ``ipv4``, ``ipv6``, or anything else for both.
    :raises OSError: if that cannot be done.
    """
    families = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
    wanted = families.get(family, socket.AF_UNSPEC)
    if not address.host and wanted == socket.AF_UNSPEC:
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", address.port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        wanted = socket.AF_INET
    found = socket.getaddrinfo(
        address.host or None, address.port, wanted, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
    )
    chosen, _, _, _, where = found[0]
    return socket.create_server(where[:2], family=chosen, backlog=BACKLOG)


def listen_unix(path: Path, permissions: UnixPermissions) -> socket.socket:
    """
    Listen on a Unix socket; one that a dead server left is replaced.

    :raises OSError: if that cannot be done, or another server listens there.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_stale(path)
        made.bind(str(path))
        path.chmod(int(permissions.mode, 8))
        if permissions.group:
            shutil.chown(path, group=permissions.group)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _clear_stale(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        return  # bind says that the address is in use, and the file stays
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with suppress(FileNotFoundError):
                path.unlink()


def inherited(environ: Mapping[str, str], pid: int) -> list[tuple[str, socket.socket]]:
    """
    Take the sockets that systemd listens on for us, with their names (sd_listen_fds(3)).

    The names are those of ``FileDescriptorName=``; without them, ``unknown``.
    """
    if environ.get("LISTEN_PID") != str(pid):
        return []
    count = int(environ.get("LISTEN_FDS", "0"))
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    taken = []
    for number in range(count):
        name = names[number] if number < len(names) and names[number] else "unknown"
        descriptor = FIRST_INHERITED + number
        os.set_inheritable(descriptor, False)
        taken.append((name, socket.socket(fileno=descriptor)))
    return taken
