"""``GET`` and ``HEAD`` of stored files."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from attrs import frozen

from hmacfs.base.errors import NameRefused, Unknown
from hmacfs.base.names import StoredName
from hmacfs.library.delivery import deliver
from hmacfs.library.lookup import Lookup
from hmacfs.library.serving import Ask, Outcome, Policy, plan
from hmacfs.web import replies
from hmacfs.web.paths import Paths
from hmacfs.web.request import StreamingRequest

STATUS = {
    Outcome.FULL: HTTPStatus.OK,
    Outcome.PARTIAL: HTTPStatus.PARTIAL_CONTENT,
    Outcome.NOT_MODIFIED: HTTPStatus.NOT_MODIFIED,
    Outcome.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
    Outcome.RANGE_UNSATISFIABLE: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
}

_ASKED = (
    "if-match",
    "if-unmodified-since",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "want-repr-digest",
)


@frozen
class Files:
    """
    Serves stored files.

    :param now: tells seconds since the epoch.
    """

    lookup: Lookup
    paths: Paths
    policy: Policy
    now: Callable[[], float]

    async def get(self, request: StreamingRequest) -> None:
        """Find the file, plan the answer, and carry it out."""
        file = await self.lookup.find(self._name(request))
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == b"HEAD" else "GET"
        values = {name: replies.header(request, name) for name in _ASKED}
        asked = {name: value for name, value in values.items() if value is not None}
        answer = plan(Ask.read(method, asked, self.now()), file, self.policy)
        async with self.lookup.opened(file) as blob:
            replies.begin(request, STATUS[answer.outcome], dict(answer.headers))
            await deliver(answer, blob, request)
        request.finish()

    def _name(self, request: StreamingRequest) -> StoredName:
        try:
            return self.paths.name_to_read(request.target.path)
        except NameRefused:
            raise Unknown("there is no such file") from None
