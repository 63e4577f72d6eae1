"""
The tree of the interface for administrators.

Whoever is no administrator is told of nothing below its path, not even whether
it is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import MethodNotAllowed, NotFound

from hmacfs.auth.admin import Credential
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import MethodRefused, Refusal, Unknown
from hmacfs.web import private, replies
from hmacfs.web.failures import Failures
from hmacfs.web.request import StreamingRequest
from hmacfs.web.routes import AnyPath, RoutingKlein

NAME: Final = "{name}"

_NOTHING: Final = "there is nothing here"


@frozen
class Place:
    """
    Something that can be asked for.

    :ivar path: below that of the interface; ``{name}`` stands for whatever is there.
    :ivar face: answers a request; the name, if there is one, is its second argument.
    """

    method: str
    path: str
    face: Callable[..., Awaitable[None]]


class Admin(Resource):
    """
    Lets administrators pass, and nobody else.

    :param prefix: what the paths begin with; it does not end with a slash.
    :param credential: what administrators are recognised by.
    :param places: what they may ask for.
    :param accepted: is told of each credential that is genuine.
    """

    isLeaf = True
    log = Logger()

    def __init__(
        self,
        prefix: str,
        credential: Credential,
        places: Iterable[Place],
        accepted: Callable[[Permit], object],
    ) -> None:
        super().__init__()
        self._prefix = prefix
        self._credential = credential
        self._accepted = accepted
        self._failures = Failures(self._refuse, private.fail, self.log)
        self._tree: Any = self._grow(places).resource()

    def render(self, request: StreamingRequest) -> int:
        """Begin to answer, if an administrator asks."""
        # What nobody is let in for has a route, too: it is logged.
        request.route = f"{self._prefix}/{{path}}"
        try:
            self._accepted(self._credential.verify(replies.header(request, "Authorization")))
        except Refusal as refusal:
            self._failures.refused(request, refusal)
            return NOT_DONE_YET
        rendered: int = self._tree.render(request)
        return rendered

    def _grow(self, places: Iterable[Place]) -> RoutingKlein:
        app = RoutingKlein()
        app.url_map.converters["any_path"] = AnyPath
        app.url_map.merge_slashes = False
        for place in places:
            rule = self._prefix + place.path.replace(NAME, "<any_path:name>")
            route: Any = app.route(rule, methods=[place.method], endpoint=f"{place.method} {rule}")
            route(self._answering(place))
        handles: Any = app.handle_errors(Exception)
        handles(self._failed)
        return app

    def _answering(self, place: Place) -> Callable[..., Awaitable[None]]:
        before, named, after = f"{self._prefix}{place.path}".partition(NAME)

        async def answer(request: StreamingRequest, name: str = "") -> None:
            # Methods are case-sensitive (RFC 9110, 9.1), which werkzeug forgets.
            if not request.method.isupper():
                raise MethodRefused("methods are written in capitals", allow=place.method)
            if not named:
                await place.face(request)
                return
            # From the target: Klein's own are decoded by others.
            path = f"/{request.target.path.decode()}"
            subject = path[len(before) : len(path) - len(after)]
            if not subject:
                raise Unknown(_NOTHING)
            await place.face(request, subject)

        return answer

    def _failed(self, request: StreamingRequest, failure: Failure) -> Deferred[None] | None:
        unrouted: Refusal | None = None
        if isinstance(failure.value, MethodNotAllowed):
            allowed = ", ".join(sorted(failure.value.valid_methods or ()))
            unrouted = MethodRefused("this method is not possible here", allow=allowed)
        elif isinstance(failure.value, NotFound):
            unrouted = Unknown(_NOTHING)
        return self._failures.answer(request, failure, unrouted)

    def _refuse(self, request: StreamingRequest, refusal: Refusal) -> None:
        private.refuse(request, refusal, self._credential.challenge(refusal), problem=True)
