"""Whether the other side of a socket takes what is sent to it."""

from __future__ import annotations

import sys
import termios
from fcntl import ioctl
from typing import Final

_ROOM: Final = bytes(4)


def untaken(socket: int) -> int:
    """
    Tell how many bytes that were sent the other side has not taken (SIOCOUTQ of tcp(7)).

    Of a Unix socket they are more, by what the kernel needs to keep them.

    :param socket: its descriptor.
    :return: 0 also where the system does not tell.
    """
    try:
        return int.from_bytes(ioctl(socket, termios.TIOCOUTQ, _ROOM), sys.byteorder)
    except OSError:
        return 0
