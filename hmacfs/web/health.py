"""``/health``: does it work?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from attrs import define, field, frozen

from hmacfs.base.version import VERSION
from hmacfs.web import replies
from hmacfs.web.errors import wants_problem
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest

TEXT = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, dict[str, str], bytes]
"""The status, the header fields and the body of an answer."""


@frozen
class Part:
    """How one part of the server is: ``ok``, ``degraded`` or ``failing``, and why."""

    status: str
    detail: str = ""


@define
class History:
    """
    Remembers since when each part has been as it is.

    :param now: tells seconds since the epoch.
    """

    now: Callable[[], float]
    _known: dict[str, tuple[str, float]] = field(factory=dict, init=False)

    def since(self, name: str, part: Part) -> float:
        """Note how a part is, and tell since when, in seconds since the epoch."""
        status, since = self._known.get(name, ("", 0.0))
        if status != part.status:
            since = self.now()
            self._known[name] = (part.status, since)
        return since


@frozen
class Health:
    """
    Answers ``/health``: 200 while uploads and downloads can work, else 503.

    :param parts: looks at the parts of the server, by name.
    :param uptime: tells seconds since the start.
    :param history: remembers since when; it outlives a reload.
    :param draining: whether the server is being stopped.
    """

    parts: Callable[[], Awaitable[dict[str, Part]]]
    uptime: Callable[[], float]
    peers: Peers
    history: History
    draining: Callable[[], bool] = lambda: False

    async def get(self, request: StreamingRequest) -> None:
        """Answer, with details to this machine."""
        is_here = self.peers.client_of(request).is_loopback
        accept = replies.header(request, "Accept")
        replies.reply(request, *await self.answer(accept, details=is_here))

    async def answer(self, accept: str | None, *, details: bool) -> Answer:
        """Make the answer: text, or JSON if the client accepts it."""
        parts = await self.parts()
        since = {name: self.history.since(name, part) for name, part in parts.items()}
        state = self._state(parts)
        works = state in ("ok", "degraded")
        status = HTTPStatus.OK if works else HTTPStatus.SERVICE_UNAVAILABLE
        if not wants_problem(accept):
            text = b"OK\n" if works else f"{state.upper()}\n".encode()
            return status, {"Content-Type": TEXT, "Cache-Control": "no-store"}, text
        document: dict[str, object] = {"status": state}
        if details:
            document["version"] = VERSION
            document["uptime_seconds"] = round(self.uptime(), 3)
            document["parts"] = {
                name: {"status": part.status, "detail": part.detail, "since": round(since[name])}
                for name, part in parts.items()
            }
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return status, headers, json.dumps(document).encode() + b"\n"

    def _state(self, parts: Mapping[str, Part]) -> str:
        states = {part.status for part in parts.values()}
        if self.draining():
            return "draining"
        return next((state for state in ("failing", "degraded") if state in states), "ok")
