"""Signals to stop that come while the server is being stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from twisted.logger import Logger

TO_STOP: Final = (signal.SIGTERM, signal.SIGINT)

log = Logger()


def only_once(reactor: Any) -> None:
    """
    Let the first one stop the server and the others change nothing.

    Shells and supervisors may send one more than once; the reactor would try to
    stop again, and log a traceback.

    :param reactor: whose handlers of signals are wrapped when it runs.
    """
    is_first = True

    def wrapped(handler: Any) -> Callable[[int, FrameType | None], None]:
        def received(number: int, frame: FrameType | None) -> None:
            nonlocal is_first
            if is_first:
                is_first = False
                handler(number, frame)
            else:
                reactor.callFromThread(log.info, "the server is being stopped already")

        return received

    def running() -> None:
        for number in TO_STOP:
            signal.signal(number, wrapped(signal.getsignal(number)))

    reactor.callWhenRunning(running)
