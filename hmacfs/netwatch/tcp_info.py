"""What the kernel knows of a TCP connection: ``TCP_INFO`` of tcp(7), and its keep-alive probes."""

from __future__ import annotations

import math
import socket
import struct
from contextlib import suppress
from typing import Final

from attrs import frozen

_ROOM: Final = 256
_COUNTS = struct.Struct("=xxBB")  # retransmits, probes; of struct tcp_info in linux/tcp.h
_LAST = struct.Struct("=II")
_WORD = struct.Struct("=I")
_AT_LAST, _AT_RTT, _AT_RETRANSMITTED, _AT_SENT = 52, 68, 100, 156


@frozen
class Sample:
    """
    A connection as it is now.

    :ivar rtt: the round-trip time, smoothed by the kernel, in seconds.
    :ivar unanswered: how often the kernel has repeated in vain what was sent last, or
        asked whether the other end is there.
    :ivar silence: seconds since anything has come.
    :ivar sent: segments with data that were sent; 0 where the kernel is too old to tell.
    :ivar repeated: how many of these had been sent before.
    """

    rtt: float
    unanswered: int
    silence: float
    sent: int
    repeated: int


def sample(connection: socket.socket) -> Sample | None:
    """Look at a connection, which asks nobody; ``None`` if it is none of TCP, or gone."""
    if connection.family == getattr(socket, "AF_UNIX", None):
        return None
    try:
        return read(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ROOM))
    except OSError:
        return None


def read(info: bytes) -> Sample | None:
    """Read what the kernel wrote; newer ones write more, and older ones less."""
    if len(info) < _AT_RETRANSMITTED + 4:
        return None
    retransmits, probes = _COUNTS.unpack_from(info)
    last_data, last_answer = _LAST.unpack_from(info, _AT_LAST)
    (rtt,) = _WORD.unpack_from(info, _AT_RTT)
    (repeated,) = _WORD.unpack_from(info, _AT_RETRANSMITTED)
    sent = _WORD.unpack_from(info, _AT_SENT)[0] if len(info) >= _AT_SENT + 4 else 0
    silence = min(last_data, last_answer) / 1000
    return Sample(rtt / 1_000_000, retransmits + probes, silence, sent, repeated)


def probe(connection: socket.socket, interval: float) -> None:
    """
    Have the kernel ask a silent other end whether it is there (RFC 9293, 3.8.4).

    :param interval: seconds of silence before, and between two questions; whole ones count.
    """
    seconds = max(1, math.ceil(interval))
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, seconds)
