"""A server that takes tokens, and requests to the sessions of its V3 API."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import jwt

from tests.real.case import MEGABYTE, ServerCase
from tests.real.client import Answer, Connection, ask
from tests.real.daemon import Daemon, Sections

JWT_SECRET: Final = "a secret for the tokens of these tests"
CHUNK: Final = MEGABYTE


class SessionCase(ServerCase):
    """A server that takes tokens, and requests to its sessions."""

    def begin_server(self, **uploads: object) -> Daemon:
        """Start it."""
        return self.start(sections(**uploads))

    def same_server(self, **uploads: object) -> Daemon:
        """Return the one that all tests of this module have."""
        return self.together(sections(**uploads))

    def token(self, owner: str = "romeo", **claims: object) -> str:
        """Make a token."""
        facts = {"sub": owner, "exp": int(time.time()) + 600, **claims}
        return jwt.encode(facts, JWT_SECRET, "HS256")

    def ask_json(
        self, daemon: Daemon, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[int, Any]:
        """Send a request and return the status and the JSON of the answer."""
        with Connection(daemon.port) as connection:
            connection.begin(method, target, {"Content-Length": len(body), **headers})
            connection.send(body)
            answer = connection.answer(method)
        return answer.status, json.loads(answer.body or b"null")

    def create(self, daemon: Daemon, data: bytes, **members: object) -> dict[str, Any]:
        """Begin a session; its URLs are turned into targets."""
        order = {"filename": "film.mkv", "size": len(data), **members}
        headers = {
            "Authorization": f"Bearer {self.token()}",
            "Content-Type": "application/json",
        }
        status, session = self.ask_json(
            daemon, "POST", "/api/v3/upload", json.dumps(order).encode(), **headers
        )
        self.assertEqual(201, status, session)
        return dict(session)

    def put_chunk(self, daemon: Daemon, session: dict[str, Any], index: int, data: bytes) -> Answer:
        """Send a chunk over a connection of its own."""
        chunk = data[index * CHUNK : (index + 1) * CHUNK]
        with Connection(daemon.port) as connection:
            return connection.put(target_of(session["upload_urls"]["chunks"][index]), chunk)

    def status(self, daemon: Daemon, session: dict[str, Any]) -> Any:
        """Tell how far a session is."""
        return json.loads(ask(daemon.port, "GET", target_of(session["status_url"])).body)

    def assert_stored(self, daemon: Daemon, session: dict[str, Any], data: bytes) -> None:
        """Fail unless the file comes back from where the session says, and nothing is left."""
        target = target_of(session["download_url"]).replace("/api/v3/download/", "/download/")
        self.assert_comes_back(daemon, target, data)
        self.assertEqual([], daemon.stages())


def sections(**uploads: object) -> Sections:
    """Return the configuration of a server that takes tokens."""
    return {
        "security": {"enablejwt": True, "jwtsecret": JWT_SECRET},
        "uploads": {"chunk_size": CHUNK, **uploads},
    }


def target_of(url: str) -> str:
    """Return the request target of a URL."""
    return "/" + url.split("/", 3)[3]
