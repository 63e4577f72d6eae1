"""
Messages of the kernel's routing socket: rtnetlink(7), netlink(7).

Numbers are in the byte order of the machine.  What is not about an interface or an
address, and what is cut short, is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from attrs import frozen

from hmacfs.base.addresses import Address
from hmacfs.netwatch.facts import Link

GROUPS: Final = 0x1 | 0x10 | 0x100
"""What there is to hear: links, addresses of IPv4 and of IPv6 (``RTMGRP_*``)."""

GET_LINKS: Final = 18
GET_ADDRESSES: Final = 22
"""What can be asked for (``RTM_GETLINK``, ``RTM_GETADDR``)."""

_ERROR, _DONE = 2, 3
_NEW_LINK, _DEL_LINK, _NEW_ADDRESS, _DEL_ADDRESS = 16, 17, 20, 21
_REQUEST_DUMP = 0x1 | 0x100 | 0x200
_CHANGED_MEANWHILE = 0x10

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # family, kind of hardware, index, flags, mask
_ADDRESS = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type

_IFLA_IFNAME = 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_UNUSABLE = 0x40 | 0x08
"""The kernel has not made sure yet that no other machine has it, or one has (RFC 4862, 5.4)."""


@frozen
class Origin:
    """
    What a message answers.

    :ivar sequence: the number of the question.
    :ivar port: the socket that asked; that of another program where a change is told.
    """

    sequence: int
    port: int


@frozen
class LinkTold:
    """An interface is so now, or is gone."""

    origin: Origin
    index: int
    link: Link | None


@frozen
class AddressTold:
    """An interface has an address, or has it no more."""

    origin: Origin
    index: int
    address: Address
    prefix: int
    present: bool


@frozen
class AnswerEnded:
    """
    All that was asked for has come.

    :ivar whole: false if things changed while the kernel wrote it down.
    :ivar error: the number of what went wrong, or 0.
    """

    origin: Origin
    whole: bool
    error: int


Message = LinkTold | AddressTold | AnswerEnded


def question(kind: int, sequence: int) -> bytes:
    """Ask for all interfaces or all addresses."""
    body = _LINK.pack(0, 0, 0, 0, 0) if kind == GET_LINKS else _ADDRESS.pack(0, 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, sequence, 0) + body


def read(datagram: bytes) -> Iterator[Message]:
    """Read the messages of one datagram."""
    start = 0
    while start + _HEADER.size <= len(datagram):
        length, kind, flags, sequence, port = _HEADER.unpack_from(datagram, start)
        if length < _HEADER.size or start + length > len(datagram):
            return
        body = datagram[start + _HEADER.size : start + length]
        message = _read_one(kind, flags, Origin(sequence, port), body)
        if message is not None:
            yield message
        start += _aligned(length)


def _read_one(kind: int, flags: int, origin: Origin, body: bytes) -> Message | None:
    if kind in (_DONE, _ERROR):
        error = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
        return AnswerEnded(origin, not flags & _CHANGED_MEANWHILE, max(error, 0))
    if kind in (_NEW_LINK, _DEL_LINK) and len(body) >= _LINK.size:
        return _link(origin, body, is_new=kind == _NEW_LINK)
    if kind in (_NEW_ADDRESS, _DEL_ADDRESS) and len(body) >= _ADDRESS.size:
        return _address(origin, body, is_new=kind == _NEW_ADDRESS)
    return None


def _link(origin: Origin, body: bytes, *, is_new: bool) -> LinkTold | None:
    family, _, index, flags, _ = _LINK.unpack_from(body)
    if family != 0:
        return None  # of a port of a bridge: that it left the bridge is told as a DELLINK
    if not is_new:
        return LinkTold(origin, index, None)
    name = _attributes(body, _LINK.size).get(_IFLA_IFNAME)
    if name is None:
        return None
    is_up = flags & _IFF_UP != 0 and flags & _IFF_RUNNING != 0
    return LinkTold(origin, index, Link(name.rstrip(b"\0").decode(errors="replace"), is_up))


def _address(origin: Origin, body: bytes, *, is_new: bool) -> AddressTold | None:
    _, prefix, flags, _, index = _ADDRESS.unpack_from(body)
    attributes = _attributes(body, _ADDRESS.size)
    # Of a line from point to point, IFA_ADDRESS is the other end.
    octets = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if octets is None or len(octets) not in (4, 16):
        return None
    more = attributes.get(_IFA_FLAGS)
    if more is not None and len(more) == 4:
        (flags,) = struct.unpack("=I", more)
    return AddressTold(origin, index, ip_address(octets), prefix, is_new and not flags & _UNUSABLE)


def _attributes(body: bytes, start: int) -> dict[int, bytes]:
    found = {}
    while start + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, start)
        if length < _ATTRIBUTE.size or start + length > len(body):
            break
        found[kind] = body[start + _ATTRIBUTE.size : start + length]
        start += _aligned(length)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
