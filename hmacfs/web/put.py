"""``PUT``: the upload of an XMPP client (XEP-0363, 6)."""

from __future__ import annotations

from http import HTTPStatus

from attrs import frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import MalformedRequest
from hmacfs.base.values import Grant, StoredFile
from hmacfs.ingest.intake import Intake
from hmacfs.web import replies
from hmacfs.web.paths import Paths
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import content_type
from hmacfs.wire.etags import EntityTag

MAX_SIZE_DIGITS = 18
"""Longest X-File-Size in digits: an exabyte less one."""


@frozen
class Put:
    """Takes uploads whose URL carries a signature."""

    door: Door
    intake: Intake
    paths: Paths

    async def put(self, request: StreamingRequest) -> None:
        """
        Take an upload; the answer is 201 once the file is stored for good.

        What the headers tell is judged before the first byte of the body is
        asked for.
        """
        with self.intake.admission():
            grant = self._grant(request)
        receipt = await self.intake.receive(grant, request.body)
        replies.reply(request, HTTPStatus.CREATED, self._headers(receipt.file))

    def _grant(self, request: StreamingRequest) -> Grant:
        if request.requestHeaders.hasHeader(b"Content-Range"):
            raise MalformedRequest("a PUT with Content-Range is not taken")
        facts = self._facts(request)
        content_type.checked(facts.content_type)
        grant = self.door.admit(facts)
        self.paths.check_stored(grant.name)
        return grant

    def _facts(self, request: StreamingRequest) -> RequestFacts:
        names = ("content-type", "authorization")
        values = {name: replies.header(request, name) for name in names}
        return RequestFacts(
            method="PUT",
            path=self.paths.below_prefix(request.target.path),
            parameters=request.target.parameters,
            headers={name: value for name, value in values.items() if value is not None},
            length=_length(request),
        )

    def _headers(self, file: StoredFile) -> dict[str, str]:
        return {
            "Location": self.paths.url_of(file.name),
            "ETag": str(EntityTag.of_content(file.sha256)),
        }


def _length(request: StreamingRequest) -> int | None:
    """Tell the length of the body: announced, or in X-File-Size if the body is chunked."""
    if request.body.length is not None:
        return request.body.length
    announced = replies.header(request, "X-File-Size")
    if announced is None:
        return None
    if not (announced.isascii() and announced.isdigit() and len(announced) <= MAX_SIZE_DIGITS):
        raise MalformedRequest("X-File-Size is not a number of bytes")
    return int(announced)
