"""The kernel's routing socket, read by the reactor."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.netwatch import rtnetlink
from hmacfs.netwatch.facts import Assigned, Fact, Key
from hmacfs.netwatch.rtnetlink import AddressTold, AnswerEnded, LinkTold, Message
from hmacfs.netwatch.settling import Settling

ANSWER_TIME: Final = 5.0
"""Seconds within which the kernel answers, or is taken to be mute."""

PAUSE: Final = 0.2
"""Seconds to wait before asking again, when so much happened that some of it was lost."""

_AT_ONCE: Final = 16
"""Datagrams that are read before others have their turn in the reactor."""

_LARGEST: Final = 65536
_ROOM: Final = 1024 * 1024


class WatchReactor(IReactorFDSet, IReactorTime):
    """What reading a socket needs of a reactor."""


class Socket(Protocol):
    """What is asked of the routing socket; nothing of this may block."""

    def fileno(self) -> int:
        """Tell the descriptor."""

    def recvfrom(self, size: int, /) -> tuple[bytes, tuple[int, int]]:
        """Take a datagram and the port that it comes from: 0 is the kernel."""

    def send(self, data: bytes, /) -> int:
        """Send a datagram to the kernel."""

    def getsockname(self) -> tuple[int, int]:
        """Tell our own port."""

    def close(self) -> None:
        """Close it."""


def open_socket() -> Socket:
    """
    Open the routing socket and ask to be told of changes, which takes no privilege.

    :raises OSError: if there is none here, or it is forbidden.
    """
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError(errno.EAFNOSUPPORT, "this system has no rtnetlink")
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    made = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        made.bind((0, rtnetlink.GROUPS))
    except BaseException:
        made.close()
        raise
    return made


@implementer(IReadDescriptor)
class KernelWatch:
    """
    Shows :class:`Settling` what the kernel tells, and asks for all of it where that is doubtful.

    :param looked: is called when all of it has come; the first time it is the beginning.
    :param failed: is told why nothing more will come.
    """

    def __init__(
        self,
        reactor: WatchReactor,
        connection: Socket,
        settling: Settling,
        looked: Callable[[], object],
        failed: Callable[[str], object],
    ) -> None:
        self._reactor = reactor
        self._socket = connection
        self._settling = settling
        self._looked = looked
        self._failed = failed
        self._port = connection.getsockname()[0]
        self._sequence = 0
        self._asked = 0
        self._fresh: dict[Key, Fact] | None = None
        self._call: IDelayedCall | None = None
        self._began = False
        self._open = True

    def start(self) -> None:
        """Listen, and ask what there is."""
        self._reactor.addReader(self)
        self.look()

    def look(self) -> None:
        """Ask for everything, unless that has been asked and not been answered."""
        if self._open and self._fresh is None:
            self._fresh = {}
            self._wait(ANSWER_TIME, self._mute)
            self._ask(rtnetlink.GET_LINKS)

    def stop(self) -> None:
        """Close the socket."""
        if self._open:
            self._open = False
            self._wait(None)
            self._reactor.removeReader(self)
            self._socket.close()

    # The reactor's side.

    def fileno(self) -> int:
        """Tell the descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Tell what it is."""
        return "rtnetlink"

    def connectionLost(self, reason: Failure) -> None:
        """Note that the reactor does not read it any more."""
        self._fail(reason.getErrorMessage())

    def doRead(self) -> None:
        """Take some of what has come."""
        for _ in range(_AT_ONCE):
            try:
                datagram, (sender, _) = self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    self._fail(str(error))
                    return
                # Something was lost, perhaps of an answer: ask anew.
                self._again()
                return
            if sender == 0:
                for message in rtnetlink.read(datagram):
                    self._take(message)
            if not self._open:
                return

    # What comes.

    def _take(self, message: Message) -> None:
        mine = (message.origin.sequence, message.origin.port) == (self._sequence, self._port)
        if isinstance(message, AnswerEnded):
            if mine and self._fresh is not None:
                self._ended(message, self._fresh)
            return
        if self._fresh is not None:
            _note(self._fresh, message)
        if self._began and message.origin.port != self._port:
            key = _key(message)
            self._settling.see(key, _fact(self._settling.seen(key), message))

    def _ended(self, message: AnswerEnded, fresh: dict[Key, Fact]) -> None:
        if message.error:
            self._fail(f"the kernel refuses to answer: {errno.errorcode.get(message.error)}")
        elif not message.whole:
            self._again()
        elif self._asked == rtnetlink.GET_LINKS:
            self._ask(rtnetlink.GET_ADDRESSES)
        else:
            self._fresh = None
            self._wait(None)
            if self._began:
                self._settling.see_all(fresh)
            else:
                self._settling.begin(fresh)
                self._began = True
            self._looked()

    # What goes.

    def _ask(self, kind: int) -> None:
        self._sequence += 1
        self._asked = kind
        try:
            self._socket.send(rtnetlink.question(kind, self._sequence))
        except BlockingIOError:
            self._again()
        except OSError as error:
            self._fail(str(error))

    def _again(self) -> None:
        self._fresh = None
        self._sequence += 1
        self._wait(PAUSE, self.look)

    def _mute(self) -> None:
        self._call = None
        self._fail(f"the kernel has not answered for {ANSWER_TIME:g} seconds")

    def _wait(self, seconds: float | None, then: Callable[[], object] | None = None) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        if seconds is not None and then is not None:
            self._call = self._reactor.callLater(seconds, then)

    def _fail(self, reason: str) -> None:
        if self._open:
            self.stop()
            self._failed(reason)


def _key(message: LinkTold | AddressTold) -> Key:
    return message.index, message.address if isinstance(message, AddressTold) else None


def _note(facts: dict[Key, Fact], message: LinkTold | AddressTold) -> None:
    key = _key(message)
    fact = _fact(facts.get(key), message)
    if fact is None:
        facts.pop(key, None)
    else:
        facts[key] = fact


def _fact(before: Fact | None, message: LinkTold | AddressTold) -> Fact | None:
    """Tell what something has become."""
    if isinstance(message, LinkTold):
        return message.link
    known = before.prefixes if isinstance(before, Assigned) else frozenset()
    changed = known | {message.prefix} if message.present else known - {message.prefix}
    return Assigned(changed) if changed else None
