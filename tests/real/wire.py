"""The daemon with the face of the server of :mod:`tests.web.wire`: both are asked the same."""

from __future__ import annotations

import unittest
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.real.client import Connection
from tests.real.daemon import Daemon, Sections, eventually
from tests.web.wire import MAX_UPLOAD_SIZE, SECRET, Response, request

TOKENS: Final = "a secret for tokens only"
DELETES: Final = "a secret for deleting only"

SECTIONS: Final[Sections] = {
    "server": {"max_upload_size": MAX_UPLOAD_SIZE, "trusted_proxies": ["192.0.2.0/24"]},
    "security": {
        "secret": SECRET,
        "delete_secret": DELETES,
        "enablejwt": True,
        "jwtsecret": TOKENS,
        "jwtexpiration": "100y",
        "jwt_audience": ["files.example.org"],
    },
}
"""The settings of the server in memory, as far as credentials and limits go."""


@frozen
class RealTalk:
    """A connection to a daemon."""

    daemon: Daemon
    connection: Connection

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.send(data)

    def lose(self) -> None:
        """Vanish, and wait until the daemon has logged that it has seen it."""
        before = self._lost()
        self.connection.close()
        eventually("a request without its client", lambda: self._lost() > before)

    def _lost(self) -> int:
        return self.daemon.log.count(" 499 in=")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def response(self, method: str = "GET") -> Response:
        """Read one response."""
        answer = self.connection.answer(method)
        return Response(answer.status, dict(answer.headers), answer.body)


@frozen
class RealServer:
    """A daemon."""

    daemon: Daemon

    def connect(self, host: str = "") -> RealTalk:
        """Open a connection; all come from the loopback."""
        return RealTalk(self.daemon, Connection(self.daemon.port))

    def ask(
        self, method: str, target: str, headers: Sequence[str] = (), body: bytes | None = None
    ) -> Response:
        """Send one request on a connection of its own and read the answer."""
        talk = self.connect()
        talk.send(request(method, target, headers, body))
        response = talk.response(method)
        talk.close()
        return response

    def uploads(self) -> int:
        """Count the upload sessions that are on the disk, and are not over."""
        return len(list((self.daemon.storage / ".hmacfs" / "sessions").glob("*.journal")))


def failures(
    cases: Iterable[type[SynchronousTestCase]], **members: object
) -> Iterator[tuple[str, str]]:
    """Run tests of others against one daemon; tell which failed, and how.

    :param members: what their classes get besides, such as ``server``.
    """
    for case in cases:
        here = type(case.__name__, (case,), members)
        names = unittest.defaultTestLoader.getTestCaseNames(here)
        assert names, case
        for name in names:
            result = unittest.TestResult()
            here(name).run(result)
            for _, told in (*result.errors, *result.failures):
                yield f"{case.__name__}.{name}", told
