"""The interfaces and addresses of this machine, without the routing socket.  All of it blocks."""

from __future__ import annotations

import array
import errno
import socket
import struct
from collections.abc import Iterator
from fcntl import ioctl
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from hmacfs.netwatch.facts import Assigned, Fact, Facts, Key, Link

# ioctl(2) numbers, netdevice(7).
_SIOCGIFCONF, _SIOCGIFFLAGS, _SIOCGIFINDEX = 0x8912, 0x8913, 0x8933
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_UNUSABLE = 0x40 | 0x08
_NAME = 16
_REQUEST: Final = _NAME + (24 if struct.calcsize("P") == 8 else 16)
"""How long ``struct ifreq`` is."""

_MOST_ROOM = 1 << 24
_NET: Final = Path("/proc/net")


def look(net: Path = _NET) -> Facts:
    """
    Tell what there is now.

    :param net: the kernel's files about the network.
    :raises OSError: if this system does not tell.
    """
    facts: dict[Key, Fact] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        indices = {}
        for name in _names(net):
            try:
                index, link = _link(asked, name)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    continue  # it has just gone
                raise
            indices[name] = index
            facts[index, None] = link
        for name, address in _ipv4(asked):
            if name in indices:
                facts[indices[name], address] = Assigned(frozenset({0}))
    for index, address6 in _ipv6(net):
        facts[index, address6] = Assigned(frozenset({0}))
    return facts


def _names(net: Path) -> list[str]:
    lines = (net / "dev").read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.rpartition(":")[0].strip() for line in lines if ":" in line]


def _ioctl(asked: socket.socket, number: int, name: str) -> bytes:
    filled = ioctl(asked, number, name.encode().ljust(_REQUEST, b"\0"))
    return filled[_NAME:]


def _link(asked: socket.socket, name: str) -> tuple[int, Link]:
    (index,) = struct.unpack_from("=i", _ioctl(asked, _SIOCGIFINDEX, name))
    (flags,) = struct.unpack_from("=H", _ioctl(asked, _SIOCGIFFLAGS, name))
    return index, Link(name, flags & _IFF_UP != 0 and flags & _IFF_RUNNING != 0)


def _ipv4(asked: socket.socket) -> Iterator[tuple[str, IPv4Address]]:
    size = 64 * _REQUEST
    while True:
        room = array.array("B", bytes(size))
        where, _ = room.buffer_info()
        length, _ = struct.unpack("iP", ioctl(asked, _SIOCGIFCONF, struct.pack("iP", size, where)))
        if length < size or size > _MOST_ROOM:
            break
        size *= 4
    found = room.tobytes()[:length]
    for start in range(0, length - _REQUEST + 1, _REQUEST):
        label = found[start : start + _NAME].rstrip(b"\0").decode(errors="replace")
        octets = found[start + _NAME + 4 : start + _NAME + 8]
        yield label.partition(":")[0], IPv4Address(octets)


def _ipv6(net: Path) -> Iterator[tuple[int, IPv6Address]]:
    try:
        text = (net / "if_inet6").read_text(encoding="ascii")
    except FileNotFoundError:
        return  # the kernel has no IPv6
    for line in text.splitlines():
        address, index, _, _, flags, _ = line.split()
        if not int(flags, 16) & _UNUSABLE:
            yield int(index, 16), IPv6Address(bytes.fromhex(address))
