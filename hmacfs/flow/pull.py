"""
Bytes from a socket to the disk without passing through the reactor.

A client on a fast network sends faster than the reactor can hand on.  When a
stage has paused such a client, a thread takes the bytes from the socket and
writes them, a piece at a time, while a second one hashes the pieces before.
The socket does not block: when it has no more the reactor waits for it, as it
does for slower clients.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Lock
from typing import Final, Protocol, runtime_checkable

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from hmacfs.flow.pools import Lane, Pool

PULL_SIZE: Final = 4 * 1024 * 1024
"""Bytes of the buffers of one pull, all together: so far a digest may stay behind."""

PIECES: Final = 8
"""
Buffers of one pull.

Of half a megabyte each: what was read into one is still in the cache of the
processor when it is written, and the threads seldom have to wake each other.
"""

LEAST: Final = 1024 * 1024
"""Bytes that a thread takes in one turn, though others wait for it."""

TURN_SIZE: Final = 16 * 1024 * 1024
"""Most bytes that a thread takes in one turn, where nobody else waits for it."""

WAITS: Final = 4
"""How often a thread waits, for one piece, for a socket that is empty."""

WAIT: Final = 1
"""Milliseconds that it waits each time: less than the way through the reactor takes."""

START: Final = 0.05
"""Seconds for which the thread that hashes waits for the one that takes to begin."""


class Inlet(Protocol):
    """A socket behind a paused producer, from which bytes can be taken in its place."""

    def duplicate(self) -> int:
        """Make a descriptor of the socket that is the caller's to close."""

    def left(self) -> int:
        """Tell how many bytes may be taken."""

    def took(self, length: int) -> None:
        """Note that so many bytes were taken."""


@runtime_checkable
class DirectProducer(Protocol):
    """A push producer whose bytes may be taken around it while it is paused."""

    def inlet(self) -> Inlet | None:
        """Tell where, or ``None`` if they can come through the producer only."""


@frozen
class Target:
    """
    Where pulled bytes go.  ``write`` and ``digest`` block and run on threads.

    :ivar lane: orders the writes.
    :ivar digest: is given the bytes that were written, in their order.
    :ivar wanted: tells how many bytes are wanted still.
    :ivar wrote: is told how many bytes each turn has written.
    """

    lane: Lane
    write: Callable[[memoryview], object]
    digest: Callable[[memoryview], object]
    wanted: Callable[[], int]
    wrote: Callable[[int], object]


class Pulls:
    """
    Pulls bytes, with a bounded number of buffers.

    :param pool: where digests are made, beside the writing; with as many threads as
        pulls, none waits for another.
    :param most: how many may pull at once; the others go through the reactor.
    :param size: the size in bytes of the buffers of each pull.
    """

    def __init__(self, pool: Pool, most: int, size: int = PULL_SIZE) -> None:
        self._pool = pool
        self._size = size
        self._unmade = most
        self._rings: list[Sequence[memoryview]] = []

    async def run(self, inlet: Inlet, target: Target) -> None:
        """
        Take bytes until the socket has none for the moment, or no more are wanted.

        A socket that has ended, or is broken, has none; the reactor will meet that.
        """
        ring = self._borrow()
        if ring is None:
            return
        socket = inlet.duplicate()
        try:
            while (most := min(target.wanted(), inlet.left(), TURN_SIZE)) > 0:
                turn = _Turn(socket, ring, min(self._size, LEAST), target)
                taking = target.lane.run(turn.take, most)
                digesting = self._pool.run(turn.digest)
                taken = await _both(taking, digesting)
                inlet.took(taken)
                target.wrote(taken)
                if turn.is_dry:
                    break
        finally:
            self._rings.append(ring)
            # In its turn: never under a thread that still reads.
            await target.lane.run(os.close, socket)

    def _borrow(self) -> Sequence[memoryview] | None:
        if self._rings:
            return self._rings.pop()
        if self._unmade == 0:
            return None
        self._unmade -= 1
        piece = -(-self._size // PIECES)
        return [memoryview(bytearray(piece)) for _ in range(PIECES)]


async def _both(taking: Deferred[int], digesting: Deferred[None]) -> int:
    try:
        await digesting
    finally:
        taken = await taking
    return taken


@define(eq=False)
class _Turn:
    """
    What two threads do together: :meth:`take` on one, and :meth:`digest` beside it.

    Where the second does not come, for its pool is busy, the first does it all.

    :ivar is_dry: whether the socket had no more.
    """

    _socket: int
    _ring: Sequence[memoryview]
    _least: int
    _target: Target
    is_dry: bool = field(default=False, init=False)
    _free: SimpleQueue[memoryview] = field(factory=SimpleQueue, init=False)
    _written: SimpleQueue[tuple[memoryview, int] | None] = field(factory=SimpleQueue, init=False)
    _begun: Event = field(factory=Event, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _over: bool = field(default=False, init=False)
    _digesting: bool = field(default=False, init=False)

    def take(self, most: int) -> int:
        """Take bytes and write them; tell how many.  Ends early if others wait for the thread."""
        for buffer in self._ring:
            self._free.put(buffer)
        self._begun.set()
        try:
            return self._take(most)
        finally:
            with self._lock:
                self._over = True
                if self._digesting:
                    self._written.put(None)
                else:
                    self._digest_written()

    def _take(self, most: int) -> int:
        taken = 0
        lane = self._target.lane
        while taken < most and not (taken >= self._least and lane.is_wanted):
            buffer = self._empty()
            wanted = min(len(buffer), most - taken)
            filled = _fill(self._socket, buffer[:wanted])
            self._target.write(buffer[:filled])
            taken += filled
            self._written.put((buffer, filled))
            if filled < wanted:
                self.is_dry = True
                break
        return taken

    def _empty(self) -> memoryview:
        if self._free.empty():
            with self._lock:
                if not self._digesting:
                    self._digest_written()
        return self._free.get()

    def digest(self) -> None:
        """Digest what is written, until no more will be."""
        if not self._begun.wait(START):
            return
        with self._lock:
            if self._over:
                return
            self._digesting = True
        try:
            while (written := self._written.get()) is not None:
                self._digest(*written)
        except BaseException:
            with self._lock:
                self._digesting = False
            raise

    def _digest_written(self) -> None:
        while not self._written.empty():
            written = self._written.get()
            if written is not None:
                self._digest(*written)

    def _digest(self, buffer: memoryview, filled: int) -> None:
        try:
            self._target.digest(buffer[:filled])
        finally:
            self._free.put(buffer)


def _fill(socket: int, buffer: memoryview) -> int:
    filled = 0
    waits = WAITS
    while filled < len(buffer):
        try:
            taken = os.readv(socket, [buffer[filled:]])
        except BlockingIOError:
            if waits == 0 or not _readable(socket):
                break
            waits -= 1
        except OSError:
            break
        else:
            if taken == 0:
                break
            filled += taken
    return filled


def _readable(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(WAIT))
