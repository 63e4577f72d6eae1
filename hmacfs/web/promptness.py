"""An end to requests that carry no file and are not answered (``server.client_timeout``)."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from hmacfs.base.errors import Unavailable
from hmacfs.web.request import StreamingRequest

RETRY_AFTER: Final = 10.0
"""Seconds after which to ask again what took too long."""


@frozen
class Promptness:
    """
    Lets the answer to a request without a body begin in time.

    :param limit: seconds.
    """

    clock: IReactorTime
    limit: float

    async def see_to(self, request: StreamingRequest, answering: Coroutine[Any, Any, None]) -> None:
        """
        Wait until a request is answered.

        :raises Unavailable: if the answer had not begun in time; nothing works on it any more.
        """
        if request.body.length != 0:
            await answering
            return
        answered = Deferred.fromCoroutine(answering)
        is_late = False

        def expire() -> None:
            nonlocal is_late
            if not request.startedWriting:
                is_late = True
                answered.cancel()

        expiry = self.clock.callLater(self.limit, expire)
        try:
            await answered
        except CancelledError:
            if is_late:
                raise Unavailable(
                    f"this took longer than {self.limit:g} seconds", retry_after=RETRY_AFTER
                ) from None
            raise
        finally:
            if expiry.active():
                expiry.cancel()
