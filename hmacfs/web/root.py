"""
The tree of URLs.

Klein chooses the route by method and first segment; which file is meant, each
face takes from :attr:`StreamingRequest.target`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from werkzeug.exceptions import MethodNotAllowed, NotFound

from hmacfs.base.errors import MethodRefused, Refusal, Unknown
from hmacfs.web import challenges, replies
from hmacfs.web.api import Api
from hmacfs.web.deletion import Deletion
from hmacfs.web.failures import Failures
from hmacfs.web.files import Files
from hmacfs.web.health import Health
from hmacfs.web.paths import DOWNLOADS
from hmacfs.web.promptness import Promptness
from hmacfs.web.put import Put
from hmacfs.web.request import StreamingRequest
from hmacfs.web.resumable import Resumable
from hmacfs.web.routes import AnyPath, RoutingKlein
from hmacfs.web.thumbnails import ThumbnailPages
from hmacfs.web.upload_urls import FILES

METHODS = frozenset({b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"OPTIONS"})
"""Methods are case-sensitive (RFC 9110, 9.1), which werkzeug forgets."""

UPLOAD_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
API_METHODS = sorted(method.decode() for method in METHODS - {b"OPTIONS"})
FILE_METHODS = "GET, HEAD, PUT, DELETE, OPTIONS"
FORM_METHODS = f"{FILE_METHODS}, POST"
DOWNLOAD_METHODS = "GET, HEAD, DELETE, OPTIONS"
READ_METHODS = "GET, HEAD, OPTIONS"


class Root:
    """Puts the faces under their URLs, and answers for what goes wrong in them."""

    app = RoutingKlein()
    app.url_map.converters["any_path"] = AnyPath
    app.url_map.merge_slashes = False

    log = Logger()

    def __init__(
        self,
        put: Put,
        files: Files,
        deletion: Deletion,
        api: Api,
        health: Health,
        resumable: Resumable,
        thumbnails: ThumbnailPages,
        promptness: Promptness,
    ) -> None:
        self._put = put
        self._files = files
        self._deletion = deletion
        self._api = api
        self._health = health
        self._resumable = resumable
        self._thumbnails = thumbnails
        self._promptness = promptness
        self._failures = Failures(replies.refuse, replies.fail, self.log)

    @app.route("/health", methods=["GET", "HEAD"])
    def health(self, request: StreamingRequest) -> Awaitable[None]:
        """Tell whether the server works."""
        self._check_method(request)
        return self._promptness.see_to(request, self._health.get(request))

    @app.route("/api/<any_path:path>", methods=API_METHODS)
    @app.route("/api", methods=API_METHODS)
    def api(self, request: StreamingRequest, path: str = "") -> Awaitable[None]:
        """Pass a request on to the API."""
        return self._promptness.see_to(request, self._api.answer(request))

    @app.route("/files/<any_path:id>", methods=UPLOAD_METHODS)
    @app.route("/files", methods=UPLOAD_METHODS)
    def resumable(self, request: StreamingRequest, id: str = "") -> Awaitable[None]:
        """Pass a request on to the uploads that can be taken up again."""
        return self._promptness.see_to(request, self._resumable.answer(request))

    @app.route("/<any_path:path>", methods=["POST"])
    def post(self, request: StreamingRequest, path: str) -> Awaitable[None]:
        """Take a form with a file."""
        if request.method != b"POST" or not self._takes_forms(request):
            raise self._method_refused(request)
        return self._put.post(request)

    @app.route("/<any_path:path>", methods=["DELETE"])
    def delete(self, request: StreamingRequest, path: str) -> Awaitable[None]:
        """Delete a stored file."""
        self._check_method(request)
        return self._promptness.see_to(request, self._deletion.delete(request))

    @app.route("/<any_path:path>", methods=["PUT"])
    def put(self, request: StreamingRequest, path: str) -> Awaitable[None]:
        """Take an upload, or a request of tus that means another method."""
        if request.method == b"PUT" and _is_upload(request) and self._resumable.is_tus(request):
            return self._resumable.answer(request)
        self._check_method(request)
        return self._put.put(request)

    @app.route("/<any_path:path>", methods=["GET", "HEAD"])
    def get(self, request: StreamingRequest, path: str) -> Awaitable[None]:
        """Serve a stored file."""
        self._check_method(request)
        upload = self._put.upload_of(request)
        if upload is not None:
            answering = self._put.head(request, upload)
        elif self._thumbnails.is_wanted(request):
            answering = self._thumbnails.get(request, request.target.path)
        else:
            answering = self._files.get(request)
        return self._promptness.see_to(request, answering)

    @app.route("/thumbnail/<any_path:path>", methods=["GET", "HEAD"])
    def thumbnail(self, request: StreamingRequest, path: str) -> Awaitable[None]:
        """Serve a small picture of a stored file."""
        self._check_method(request)
        return self._promptness.see_to(request, self._thumbnails.below(request))

    @app.route("/<any_path:path>", methods=["OPTIONS"])
    def options(self, request: StreamingRequest, path: str) -> None:
        """Tell browsers what they may send."""
        self._check_method(request)
        headers = {"Allow": self._allowed(request) or "OPTIONS", **replies.CORS_PREFLIGHT}
        if _is_upload(request):
            headers.update(self._resumable.options())
        elif not challenges.is_api(request):
            headers.update(self._resumable.offer())
        replies.reply(request, HTTPStatus.OK, headers)

    @app.handle_errors(Exception)  # type: ignore[arg-type]  # typed for IRequest only
    def failed(self, request: StreamingRequest, failure: Failure) -> Deferred[None] | None:
        """Turn what a face raised into an answer."""
        unrouted: Refusal | None = None
        if isinstance(failure.value, MethodNotAllowed):
            unrouted = self._method_refused(request)
        elif isinstance(failure.value, NotFound):
            unrouted = Unknown("there is nothing here")
        return self._failures.answer(request, failure, unrouted)

    def _takes_forms(self, request: StreamingRequest) -> bool:
        return self._put.uploads.paths.is_upload_url(request.target.path)

    def _allowed(self, request: StreamingRequest) -> str:
        if challenges.is_api(request):
            return ", ".join(self._api.methods_at(request))
        if _is_upload(request):
            return self._resumable.allowed(request)
        if route := self._put.uploads.paths.route_of(request.target.path):
            return DOWNLOAD_METHODS if route == DOWNLOADS.decode() else READ_METHODS
        return FORM_METHODS if self._takes_forms(request) else FILE_METHODS

    def _method_refused(self, request: StreamingRequest) -> Refusal:
        allowed = self._allowed(request)
        if not allowed:
            return Unknown("there is nothing here")
        method = request.method.decode("ascii", "backslashreplace")
        return MethodRefused(f"{method} is not possible here", allow=allowed)

    def _check_method(self, request: StreamingRequest) -> None:
        if request.method == b"OPTIONS":
            return
        allowed = self._allowed(request).encode().split(b", ")
        if request.method not in METHODS or request.method not in allowed:
            raise self._method_refused(request)


def _is_upload(request: StreamingRequest) -> bool:
    return request.target.path.decode().partition("/")[0] == FILES
