"""``/health``: does it work?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from attrs import frozen

from hmacfs.base.version import VERSION
from hmacfs.web import replies
from hmacfs.web.errors import wants_problem
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest

Answer = tuple[HTTPStatus, dict[str, str], bytes]
"""The status, the header fields and the body of an answer."""


@frozen
class Part:
    """How one part of the server is: ``ok``, ``degraded`` or ``failing``, and why."""

    status: str
    detail: str = ""


@frozen
class Health:
    """
    Answers ``/health``: 200 while uploads and downloads can work, else 503.

    :param parts: looks at the parts of the server, by name.
    :param uptime: tells seconds since the start.
    :param draining: whether the server is being stopped.
    """

    parts: Callable[[], Awaitable[dict[str, Part]]]
    uptime: Callable[[], float]
    peers: Peers
    draining: Callable[[], bool] = lambda: False

    async def get(self, request: StreamingRequest) -> None:
        """Answer, with details to this machine."""
        is_here = self.peers.client_of(request).is_loopback
        accept = replies.header(request, "Accept")
        replies.reply(request, *await self.answer(accept, details=is_here))

    async def answer(self, accept: str | None, *, details: bool) -> Answer:
        """Make the answer: text, or JSON if the client accepts it."""
        parts = await self.parts()
        state = self._state(parts)
        works = state in ("ok", "degraded")
        status = HTTPStatus.OK if works else HTTPStatus.SERVICE_UNAVAILABLE
        if not wants_problem(accept):
            text = b"OK\n" if works else f"{state.upper()}\n".encode()
            return status, {"Content-Type": "text/plain; charset=utf-8"}, text
        document: dict[str, object] = {"status": state}
        if details:
            document["version"] = VERSION
            document["uptime_seconds"] = round(self.uptime(), 3)
            document["parts"] = {
                name: {"status": part.status, "detail": part.detail} for name, part in parts.items()
            }
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return status, headers, json.dumps(document).encode() + b"\n"

    def _state(self, parts: Mapping[str, Part]) -> str:
        states = {part.status for part in parts.values()}
        if self.draining():
            return "draining"
        return next((state for state in ("failing", "degraded") if state in states), "ok")
