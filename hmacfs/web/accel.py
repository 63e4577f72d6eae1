"""Downloads that nginx sends by itself (X-Accel-Redirect)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import frozen

from hmacfs.library.serving import Ask, Outcome, Plan
from hmacfs.web import replies
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest

_WITH_CONTENT: Final = frozenset({Outcome.FULL, Outcome.PARTIAL})


@frozen
class Handoff:
    """
    Tells which answers the proxy can finish.

    :param prefix: nginx's internal location of the storage, such as ``/stored``; empty for none.
    :param root: the directory that nginx finds there (``server.storage_path``).
    """

    prefix: str
    root: Path
    peers: Peers

    def is_wanted(self, request: StreamingRequest, ask: Ask, answer: Plan) -> bool:
        """
        Tell whether nginx may send what this answer holds.

        Whoever is no trusted proxy would get an answer without the file.  nginx knows no
        validators of ours: what depends on them is not left to it.
        """
        asked = ask.preconditions
        is_ours = asked.if_match or asked.if_unmodified_since or asked.if_range
        has_content = answer.outcome in _WITH_CONTENT and answer.body
        if not self.prefix or is_ours or not has_content:
            return False
        is_forwarded = replies.header(request, "X-Forwarded-For") is not None
        return is_forwarded and not self.peers.is_direct(request)

    def location(self, path: Path | None) -> str | None:
        """Tell where nginx finds a file; ``None`` for what is no file below the root."""
        if path is None or not path.is_relative_to(self.root):
            return None
        return f"{self.prefix.rstrip('/')}/{quote(os.fsencode(path.relative_to(self.root)))}"


def handed_on(whole: Plan, location: str) -> dict[str, str]:
    """Tell the headers by which nginx finishes an answer, and says itself what it is to say."""
    headers = dict(whole.headers)
    del headers["Accept-Ranges"]
    return {**headers, "Content-Length": "0", "X-Accel-Redirect": location}
