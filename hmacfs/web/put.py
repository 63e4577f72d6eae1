"""``PUT``: the upload of an XMPP client (XEP-0363, 6), and ``POST`` of a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from attrs import frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.schemes import Door, Entrance
from hmacfs.base.errors import TypeRefused
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.uploads.session import Session
from hmacfs.web import documents, replies
from hmacfs.web.facts import facts_of
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest
from hmacfs.web.rufh import Rufh
from hmacfs.web.session_token import SessionTokens, Upload, progress_of
from hmacfs.web.uploads import Uploads
from hmacfs.wire.etags import EntityTag


@frozen
class Put:
    """
    Takes uploads whose URL, or an Authorization header with it, is their credential.

    :param doors: what may sign each kind of request.
    :param tokens: knows uploads that came in part.
    :param rufh: takes those that can be taken up again.
    :param now: tells seconds since the epoch.
    """

    doors: Mapping[Entrance, Door]
    uploads: Uploads
    peers: Peers
    tokens: SessionTokens
    rufh: Rufh
    now: Callable[[], float]

    async def put(self, request: StreamingRequest) -> None:
        """
        Take an upload; the answer is 201 once the file is stored for good.

        What the headers tell is judged before the first byte of the body is
        asked for.  With a token it may come in several requests.
        """
        with self.uploads.intake.admission():
            upload = self.tokens.of(request)
            facts = self._facts(request)
        if facts.is_form:
            self._check_form(request)
            door = self.doors[Entrance.FORM]
            receipt = await self.uploads.form(request, door, facts, lambda: facts.name)
            self._describe(request, receipt.file)
        elif self.rufh.wants(request):
            entrance = self._entrance(request, facts)
            await self.rufh.file(request, entrance, facts, lambda: facts.name)
        elif upload is not None:
            outcome = await upload.put(self._door(request, facts), facts)
            if isinstance(outcome, Session):
                headers = {**upload.headers(), **progress_of(outcome)}
                replies.reply(request, HTTPStatus.ACCEPTED, headers)
            else:
                headers = {**self._headers(outcome.file), **upload.headers()}
                replies.reply(request, HTTPStatus.CREATED, headers)
        else:
            door = self._door(request, facts)
            receipt = await self.uploads.body(request, door, facts, lambda: facts.name)
            headers = {**self._headers(receipt.file), **self.tokens.made()}
            replies.reply(request, HTTPStatus.CREATED, headers)

    def upload_of(self, request: StreamingRequest) -> Upload | None:
        """Tell whether a HEAD asks how much of an upload is here, and of which."""
        return self.tokens.of(request) if request.method == b"HEAD" else None

    async def head(self, request: StreamingRequest, upload: Upload) -> None:
        """Tell how much of an upload is here."""
        facts = self._facts(request)
        await upload.head(self._door(request, facts), facts)

    def _facts(self, request: StreamingRequest) -> RequestFacts:
        path = self.uploads.paths.below_prefix(request.target.path)
        return facts_of(request, path, self.now())

    def _door(self, request: StreamingRequest, facts: RequestFacts) -> Door:
        return self.doors[self._entrance(request, facts)]

    def _entrance(self, request: StreamingRequest, facts: RequestFacts) -> Entrance:
        by_query = "signature" in facts.parameters and self.uploads.paths.is_upload_url(
            request.target.path
        )
        return Entrance.QUERY if by_query else Entrance.PUT

    async def post(self, request: StreamingRequest) -> None:
        """Take a form that holds a file; its path may be the parameter ``path``."""
        with self.uploads.intake.admission():
            path = request.target.parameters.get("path", "").encode()
            facts = facts_of(request, path, self.now())

        def named() -> StoredName | None:
            return facts.name if path else None

        if self.rufh.wants(request) and not facts.is_form:
            await self.rufh.file(request, Entrance.FORM, facts, named)
            return
        self._check_form(request)
        door = self.doors[Entrance.FORM]
        receipt = await self.uploads.form(request, door, facts, named)
        self._describe(request, receipt.file)

    def _check_form(self, request: StreamingRequest) -> None:
        with self.uploads.intake.admission():
            if self.rufh.is_part(request):
                raise TypeRefused("a form is taken as a whole; only a file by itself has parts")

    def _describe(self, request: StreamingRequest, file: StoredFile) -> None:
        url = self.uploads.paths.download_url_of(file.name, self.peers.origin_of(request))
        document = documents.upload(file, url)
        replies.document(request, HTTPStatus.CREATED, document, self._headers(file))

    def _headers(self, file: StoredFile) -> dict[str, str]:
        return {
            "Location": self.uploads.paths.url_of(file.name),
            "ETag": str(EntityTag.of_content(file.sha256)),
        }
