"""``PUT``: the upload of an XMPP client (XEP-0363, 6), and ``POST`` of a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from attrs import frozen

from hmacfs.auth.schemes import Door, Entrance
from hmacfs.base.errors import MalformedRequest
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.web import documents, replies
from hmacfs.web.facts import facts_of
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest
from hmacfs.web.uploads import Uploads
from hmacfs.wire.etags import EntityTag


@frozen
class Put:
    """
    Takes uploads whose URL, or an Authorization header with it, is their credential.

    :param doors: what may sign each kind of request.
    :param now: tells seconds since the epoch.
    """

    doors: Mapping[Entrance, Door]
    uploads: Uploads
    peers: Peers
    now: Callable[[], float]

    async def put(self, request: StreamingRequest) -> None:
        """
        Take an upload; the answer is 201 once the file is stored for good.

        What the headers tell is judged before the first byte of the body is
        asked for.
        """
        with self.uploads.intake.admission():
            if request.requestHeaders.hasHeader(b"Content-Range"):
                raise MalformedRequest("a PUT with Content-Range is not taken")
            path = self.uploads.paths.below_prefix(request.target.path)
            facts = facts_of(request, path, self.now())
        if facts.is_form:
            door = self.doors[Entrance.FORM]
            receipt = await self.uploads.form(request, door, facts, lambda: facts.name)
            self._describe(request, receipt.file)
        else:
            by_query = "signature" in facts.parameters and self.uploads.paths.is_upload_url(
                request.target.path
            )
            door = self.doors[Entrance.QUERY if by_query else Entrance.PUT]
            receipt = await self.uploads.body(request, door, facts, lambda: facts.name)
            replies.reply(request, HTTPStatus.CREATED, self._headers(receipt.file))

    async def post(self, request: StreamingRequest) -> None:
        """Take a form that holds a file; its path may be the parameter ``path``."""
        with self.uploads.intake.admission():
            path = request.target.parameters.get("path", "").encode()
            facts = facts_of(request, path, self.now())

        def named() -> StoredName | None:
            return facts.name if path else None

        door = self.doors[Entrance.FORM]
        receipt = await self.uploads.form(request, door, facts, named)
        self._describe(request, receipt.file)

    def _describe(self, request: StreamingRequest, file: StoredFile) -> None:
        url = self.uploads.paths.download_url_of(file.name, self.peers.origin_of(request))
        document = documents.upload(file, url)
        replies.document(request, HTTPStatus.CREATED, document, self._headers(file))

    def _headers(self, file: StoredFile) -> dict[str, str]:
        return {
            "Location": self.uploads.paths.url_of(file.name),
            "ETag": str(EntityTag.of_content(file.sha256)),
        }
