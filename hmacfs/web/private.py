"""Listeners that are not public: the scripts of other sites learn nothing from their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from twisted.logger import LogLevel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET

from hmacfs.base.errors import Refusal
from hmacfs.web.errors import Status, body_of, body_of_incident, headers_of, status_of
from hmacfs.web.request import StreamingRequest
from hmacfs.web.site import StreamingSite

TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}

Pages = IResource
"""What a site serves."""

NOTHING: Final = b"there is nothing here\n"


def reply(
    request: StreamingRequest, status: Status, headers: Mapping[str, str], body: bytes = b""
) -> None:
    """Answer, for nobody to keep, and finish; browsers are told nothing of CORS."""
    request.setResponseCode(status.value, status.phrase.encode())
    always = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    # RFC 9110, 8.6: no content, and no length of one.
    length = {} if status is HTTPStatus.NO_CONTENT else {"Content-Length": str(len(body))}
    for name, value in {**headers, **always, **length}.items():
        request.setHeader(name.encode(), value.encode())
    request.write(body)
    request.finish()


def document(
    request: StreamingRequest,
    content: object,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with JSON and finish."""
    body = json.dumps(content, ensure_ascii=False).encode() + b"\n"
    reply(request, status, {"Content-Type": "application/json", **(headers or {})}, body)


def refuse(
    request: StreamingRequest, refusal: Refusal, challenge: str | None = None, *, problem: bool
) -> None:
    """
    Answer with a refusal and finish.

    :param challenge: what the client is asked for, if anything.
    :param problem: whether as a problem document (RFC 9457), and not as text.
    """
    kind, body = body_of(refusal, problem=problem, challenge=challenge)
    headers = {"Content-Type": kind, **headers_of(refusal, challenge)}
    reply(request, status_of(refusal, challenge), headers, body)


def fail(request: StreamingRequest, incident: str) -> None:
    """Answer that something went wrong which is in the log under this id, and finish."""
    kind, body = body_of_incident(incident, problem=True)
    reply(request, HTTPStatus.INTERNAL_SERVER_ERROR, {"Content-Type": kind}, body)


class PrivateSite(StreamingSite):
    """A site that logs only in detail who asked for what has no route: Prometheus asks all day."""

    access_level = LogLevel.debug

    def level_of(self, request: StreamingRequest) -> Any:
        """Tell how important it is who asked."""
        return LogLevel.info if request.route else self.access_level

    def refuse(self, request: StreamingRequest, refusal: Refusal) -> None:
        """Answer a request that cannot be routed."""
        refuse(request, refusal, problem=False)


class Nothing(Resource):
    """There is nothing here."""

    isLeaf = True

    def render(self, request: StreamingRequest) -> int:
        """Say so."""
        reply(request, HTTPStatus.NOT_FOUND, TEXT, NOTHING)
        return NOT_DONE_YET


class Below(Resource):
    """
    Passes on to one resource what is below a path, and all else to another.

    :param path: begins with a slash and does not end with one; empty for everything.
    """

    isLeaf = True

    def __init__(self, path: str, below: Pages, otherwise: Pages) -> None:
        super().__init__()
        self._path = path
        self._below = below
        self._otherwise = otherwise

    def render(self, request: StreamingRequest) -> int:
        """Pass on."""
        path = f"/{request.target.path.decode()}"
        is_below = path == self._path or path.startswith(f"{self._path}/")
        rendered: int = (self._below if is_below else self._otherwise).render(request)
        return rendered
