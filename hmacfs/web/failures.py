"""What becomes of a request that a face could not answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from hmacfs.base.errors import ClientGone, Faltering, Refusal, SignatureWrong, Unavailable
from hmacfs.web.access_log import censored
from hmacfs.web.request import StreamingRequest

RETRY_AFTER: Final = 5.0
"""Seconds after which to ask again what a store could not do, which it mostly can by then."""


@frozen
class Failures:
    """
    Answers for what goes wrong in the faces below a tree of Klein.

    :param refuse: answers with a refusal, and finishes.
    :param fail: answers that the log knows more, under an id, and finishes.
    """

    refuse: Callable[[StreamingRequest, Refusal], object]
    fail: Callable[[StreamingRequest, str], object]
    log: Logger

    def answer(
        self, request: StreamingRequest, failure: Failure, unrouted: Refusal | None = None
    ) -> Deferred[None] | None:
        """
        Turn what a face raised into an answer.

        :param unrouted: what a request is refused with for which there was no face.
        :return: what the handler of Klein is to return.
        """
        error = failure.value if unrouted is None else unrouted
        if isinstance(error, Faltering):
            self.log.error("{uri}: {error}", uri=censored(request.uri), error=error)
            error = Unavailable("the server cannot do this now: try again", retry_after=RETRY_AFTER)
        if isinstance(error, Refusal) and not request.startedWriting:
            self.refused(request, error)
            # Klein does not see the end of what it could not route, and would finish it again.
            return None if unrouted is None else Deferred()
        if isinstance(error, CancelledError):
            return None
        if isinstance(error, ClientGone):
            request.channel.abort()
            return Deferred()
        incident = secrets.token_hex(4)
        self.log.failure(
            "incident {incident} at {uri}", failure, incident=incident, uri=censored(request.uri)
        )
        if request.startedWriting:
            # The client must not take what it has for the whole.
            request.channel.abort()
            # Klein would finish the request; it ends when the connection is gone.
            return Deferred()
        self.fail(request, incident)
        return None

    def refused(self, request: StreamingRequest, refusal: Refusal) -> None:
        """Log a refusal, tell the site of it, and answer with it."""
        tried = refusal.facts if isinstance(refusal, SignatureWrong) else {}
        self.log.info(
            "refused {method} {uri}: {code}: {detail}{tried}",
            method=request.method.decode("ascii", "backslashreplace"),
            uri=censored(request.uri),
            code=refusal.code,
            detail=refusal.detail,
            tried="".join(f"; {name} {fact!a}" for name, fact in tried.items()),
        )
        request.site.refused(request, refusal)
        self.refuse(request, refusal)
