"""What the metrics listener serves: numbers for Prometheus, and the health in full."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from hmacfs.web import private, replies
from hmacfs.web.health import Health
from hmacfs.web.request import StreamingRequest

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of Prometheus' text format."""

HEALTH_PATH = "/health"

METHODS = "GET, HEAD"


class MetricsPages(Resource):
    """
    Two pages, for ``GET`` and ``HEAD``; whatever else is asked for is not there.

    Unlike the files, they are not for the scripts of other sites: browsers are
    told nothing of CORS.

    :param path: where the metrics are (``server.metrics_path``).
    :param metrics: writes them in Prometheus' text format.
    """

    isLeaf = True
    log = Logger()

    def __init__(self, path: str, metrics: Callable[[], bytes], health: Health) -> None:
        super().__init__()
        self._path = path
        self._metrics = metrics
        self._health = health

    def render(self, request: StreamingRequest) -> int:
        """Begin to answer."""
        answering = Deferred.fromCoroutine(self._answer(request))
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: StreamingRequest) -> None:
        path = "/" + request.target.path.decode()
        if path not in (self._path, HEALTH_PATH):
            private.reply(request, HTTPStatus.NOT_FOUND, private.TEXT, private.NOTHING)
        elif request.method not in (b"GET", b"HEAD"):
            headers = {**private.TEXT, "Allow": METHODS}
            private.reply(
                request, HTTPStatus.METHOD_NOT_ALLOWED, headers, b"this can only be read\n"
            )
        elif path == self._path:
            private.reply(request, HTTPStatus.OK, {"Content-Type": TEXT_FORMAT}, self._metrics())
        else:
            accept = replies.header(request, "Accept")
            private.reply(request, *await self._health.answer(accept, details=True))

    def _failed(self, failure: Failure, request: StreamingRequest) -> None:
        if failure.check(CancelledError):
            return
        self.log.failure("the metrics listener could not answer", failure)
        wrong = b"something went wrong on the server\n"
        private.reply(request, HTTPStatus.INTERNAL_SERVER_ERROR, private.TEXT, wrong)
