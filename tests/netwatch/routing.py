"""A kernel of the tests: what it has, what it tells, and how it fails."""

from __future__ import annotations

import errno
import struct
from collections import deque
from collections.abc import Iterable
from ipaddress import ip_address

OUR_PORT = 4711
UP = 0x1 | 0x40
TENTATIVE = 0x40


def message(kind: int, body: bytes, sequence: int = 0, port: int = 0, flags: int = 0) -> bytes:
    """Write a message with its header, padded to four bytes."""
    length = 16 + len(body)
    head = struct.pack("=IHHII", length, kind, flags, sequence, port)
    return head + body + bytes(-length % 4)


def attribute(kind: int, value: bytes) -> bytes:
    """Write an attribute, padded to four bytes."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def link(
    index: int, name: str, flags: int = UP, *, kind: int = 16, family: int = 0, **origin: int
) -> bytes:
    """Tell of an interface."""
    head = struct.pack("=BxHiII", family, 1, index, flags, 0)
    return message(kind, head + attribute(3, name.encode() + b"\0"), **origin)


def address(
    index: int, text: str, prefix: int = 24, *, kind: int = 20, flags: int = 0, **origin: int
) -> bytes:
    """Tell of an address."""
    octets = ip_address(text).packed
    head = struct.pack("=BBBBI", 2 if len(octets) == 4 else 10, prefix, flags & 0xFF, 0, index)
    more = attribute(1, octets) + attribute(8, struct.pack("=I", flags))
    return message(kind, head + more, **origin)


class Routing:
    """
    A routing socket that never blocks.

    :ivar has: the messages about links and about addresses that it answers with.
    :ivar mute: whether it answers nothing.
    :ivar error: what it answers, in place of an answer.
    """

    def __init__(self, links: Iterable[bytes] = (), addresses: Iterable[bytes] = ()) -> None:
        self.has = {18: list(links), 22: list(addresses)}
        self.mute = False
        self.error = 0
        self.interrupted = 0
        self.asked: list[int] = []
        self.closed = False
        self._queue: deque[tuple[bytes, int] | OSError] = deque()

    def tell(self, *datagrams: bytes, sender: int = 0) -> None:
        """Let these come."""
        self._queue += [(datagram, sender) for datagram in datagrams]

    def lose(self) -> None:
        """Let the reader hear that something was lost."""
        self._queue.append(OSError(errno.ENOBUFS, "No buffer space available"))

    @property
    def waiting(self) -> int:
        """How much was not read."""
        return len(self._queue)

    def fileno(self) -> int:
        """Tell a descriptor that nobody has."""
        return -1

    def getsockname(self) -> tuple[int, int]:
        """Tell our port."""
        return OUR_PORT, 0

    def send(self, data: bytes) -> int:
        """Take a question."""
        _, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
        self.asked.append(kind)
        if self.error:
            self.tell(message(2, struct.pack("=i", -self.error), sequence, OUR_PORT))
        elif not self.mute:
            for each in self.has[kind]:
                head = struct.pack("=II", sequence, OUR_PORT)
                self.tell(each[:8] + head + each[16:])
            flags = 0x10 if self.interrupted else 0
            self.interrupted = max(0, self.interrupted - 1)
            self.tell(message(3, struct.pack("=i", 0), sequence, OUR_PORT, flags))
        return len(data)

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        """Give what came first."""
        if not self._queue:
            raise BlockingIOError
        first = self._queue.popleft()
        if isinstance(first, OSError):
            raise first
        datagram, sender = first
        return datagram[:size], (sender, 0)

    def close(self) -> None:
        """Close it."""
        self.closed = True
