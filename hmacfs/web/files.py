"""``GET`` and ``HEAD`` of stored files."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from attrs import evolve, field, frozen
from twisted.internet.defer import CancelledError

from hmacfs.base.errors import ClientGone, NameRefused, NotServed, Refusal, Unknown
from hmacfs.base.events import UNFORESEEN, DownloadFailed, DownloadSent, Events
from hmacfs.base.names import StoredName
from hmacfs.library.delivery import Delivery, path_of
from hmacfs.library.lookup import Lookup, Reading
from hmacfs.library.serving import Ask, Outcome, Policy, plan
from hmacfs.rules.kinds import Extensions
from hmacfs.web import replies
from hmacfs.web.accel import Handoff, handed_on
from hmacfs.web.direct import Response
from hmacfs.web.guard import Guard
from hmacfs.web.paths import Paths
from hmacfs.web.request import StreamingRequest

STATUS = {
    Outcome.FULL: HTTPStatus.OK,
    Outcome.PARTIAL: HTTPStatus.PARTIAL_CONTENT,
    Outcome.NOT_MODIFIED: HTTPStatus.NOT_MODIFIED,
    Outcome.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
    Outcome.RANGE_UNSATISFIABLE: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
}

_WITH_CONTENT = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})

ASKED = (
    "if-match",
    "if-unmodified-since",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "want-repr-digest",
)
"""The header fields of a request that decide the answer."""


@frozen
class Files:
    """
    Serves stored files.

    :param guard: lets those pass who may download.
    :param now: tells seconds since the epoch.
    :param seconds: a clock that never goes back.
    :param events: is told what became of each download.
    :param handoff: tells what a proxy sends in place of the server; ``None`` for nothing.
    """

    lookup: Lookup
    delivery: Delivery
    paths: Paths
    policy: Policy
    kinds: Extensions
    guard: Guard
    now: Callable[[], float]
    seconds: Callable[[], float]
    events: Events = field(factory=Events)
    handoff: Handoff | None = None

    async def get(self, request: StreamingRequest) -> None:
        """Answer with the file that the path means, or with what was asked to know of it."""
        try:
            name = self.paths.name_to_read(request.target.path)
        except NameRefused:
            raise Unknown("there is no such file") from None
        await self.serve(request, name)

    async def serve(
        self, request: StreamingRequest, name: StoredName, shown: StoredName | None = None
    ) -> None:
        """
        Answer with a file, or with what the request asked to know of it.

        :param shown: the name that the client knows it by, if that is another.
        """
        shown = shown or name
        if request.method == b"HEAD":
            await self._answer(request, name, shown)
        else:
            await self._download(request, name, shown)
        request.finish()

    async def _download(
        self, request: StreamingRequest, name: StoredName, shown: StoredName
    ) -> None:
        began = self.seconds()
        try:
            await self._answer(request, name, shown)
        except (CancelledError, ClientGone):
            # The client has gone, perhaps with all that it wanted.
            self._tell_sent(request, shown, began)
            raise
        except Exception as error:
            code = error.code if isinstance(error, Refusal) else UNFORESEEN
            self.events.tell(DownloadFailed(code))
            raise
        else:
            self._tell_sent(request, shown, began)

    def _tell_sent(self, request: StreamingRequest, name: StoredName, began: float) -> None:
        if request.code in _WITH_CONTENT:
            announced = request.responseHeaders.getRawHeaders(b"Content-Length", [b""])[0]
            is_complete = announced == b"%d" % request.sentLength
            took = self.seconds() - began
            self.events.tell(DownloadSent(request.sentLength, took, is_complete, name))

    async def _answer(self, request: StreamingRequest, name: StoredName, shown: StoredName) -> None:
        """Find the file, plan the answer, and carry it out."""
        self.guard.check(request, shown)
        async with self.lookup.reading(name) as found:
            await self._send(request, evolve(found, file=evolve(found.file, name=shown)))

    async def _send(self, request: StreamingRequest, found: Reading) -> None:
        file, blob = found.file, found.blob
        refused = self.kinds.refused(file.name)
        if refused is not None:
            raise NotServed("files of this kind are not given out", extension=refused)
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == b"HEAD" else "GET"
        values = {name: replies.header(request, name) for name in ASKED}
        asked = {name: value for name, value in values.items() if value is not None}
        ask = Ask.read(method, asked, self.now())
        answer = plan(ask, file, self.policy)
        if self.handoff is not None and self.handoff.is_wanted(request, ask, answer):
            location = self.handoff.location(path_of(blob))
            if location is not None:
                # All of the file: the proxy finds by itself what of it was asked for.
                whole = plan(evolve(ask, wanted_range=None), file, self.policy)
                replies.begin(request, HTTPStatus.OK, handed_on(whole, location))
                return
        replies.begin(request, STATUS[answer.outcome], dict(answer.headers))
        await self.delivery.send(answer, blob, Response(request))
