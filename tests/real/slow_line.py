"""A line on which every packet takes its time, between two machines of ``namespaces``."""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.real.namespaces import Machine

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x1 | 0x1000
"""Packets of IP, without a header of the device (linux/if_tun.h)."""

_LARGEST: Final = 65536


@contextlib.contextmanager
def slow_line(one: Machine, other: Machine, seconds: float) -> Iterator[None]:
    """
    Let both have an end of a line, named ``slow``, up and without addresses.

    :param seconds: what a packet takes at the least, one way.
    :raises SkipTest: where that is not permitted.
    """
    ends = (_open(one), _open(other))
    for machine in (one, other):
        machine.ip("link set slow addrgenmode none", "link set slow up")
    stop, stopped = os.pipe()
    carrier = threading.Thread(target=_carry, args=(ends, seconds, stop), name="slow line")
    carrier.start()
    try:
        yield
    finally:
        os.close(stopped)
        carrier.join()
        for descriptor in (*ends, stop):
            os.close(descriptor)


def _open(machine: Machine) -> int:
    with machine.entered():
        try:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SkipTest(f"there are no tunnels here to make a slow line of: {error}") from error
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"slow", _IFF_TUN))
        return descriptor


def _carry(ends: tuple[int, int], seconds: float, stop: int) -> None:
    under_way: list[tuple[float, int, int, bytes]] = []
    numbers = count()
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        ready, _, _ = select.select([*ends, stop], [], [], wait)
        if stop in ready:
            return
        for end in ready:
            there = ends[end == ends[0]]
            due = time.monotonic() + seconds
            heapq.heappush(under_way, (due, next(numbers), there, os.read(end, _LARGEST)))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, there, packet = heapq.heappop(under_way)
            with contextlib.suppress(OSError):
                os.write(there, packet)
