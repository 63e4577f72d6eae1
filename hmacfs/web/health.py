"""``/health``: does it work?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from attrs import frozen

from hmacfs.base.version import VERSION
from hmacfs.web import replies
from hmacfs.web.errors import wants_problem
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest


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
    """

    parts: Callable[[], Awaitable[dict[str, Part]]]
    uptime: Callable[[], float]
    peers: Peers

    async def get(self, request: StreamingRequest) -> None:
        """Answer in text, or in JSON if the client accepts it, with details to this machine."""
        parts = await self.parts()
        failing = any(part.status == "failing" for part in parts.values())
        degraded = any(part.status == "degraded" for part in parts.values())
        status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
        if not wants_problem(replies.header(request, "Accept")):
            text = b"FAILING\n" if failing else b"OK\n"
            replies.reply(request, status, {"Content-Type": "text/plain; charset=utf-8"}, text)
            return
        document: dict[str, object] = {
            "status": "failing" if failing else "degraded" if degraded else "ok"
        }
        if self.peers.client_of(request).is_loopback:
            document["version"] = VERSION
            document["uptime_seconds"] = round(self.uptime(), 3)
            document["parts"] = {
                name: {"status": part.status, "detail": part.detail} for name, part in parts.items()
            }
        replies.reply(
            request,
            status,
            {"Content-Type": "application/json", "Cache-Control": "no-store"},
            json.dumps(document).encode() + b"\n",
        )
