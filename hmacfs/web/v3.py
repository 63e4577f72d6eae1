"""``/api/v3/upload``: upload sessions of the V3 API (3.2 documents)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from attrs import evolve, frozen

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit, flat_name
from hmacfs.base.errors import (
    DigestMismatch,
    MalformedRequest,
    OptionUnsupported,
    SizeMismatch,
    TypeRefused,
    Unknown,
)
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.ingest import small_body
from hmacfs.ingest.discard import discard
from hmacfs.ingest.intake import Intake
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.live import Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session
from hmacfs.uploads.sessions import Sessions
from hmacfs.web import replies, v3_documents
from hmacfs.web.chunking import Chunking
from hmacfs.web.documents import Document
from hmacfs.web.facts import facts_of
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest
from hmacfs.web.session_access import KIND, SessionAccess
from hmacfs.web.v3_documents import DOWNLOAD, V3Documents
from hmacfs.wire import upload_order
from hmacfs.wire.content_type import MediaType
from hmacfs.wire.devices import MOBILE
from hmacfs.wire.upload_order import UploadOrder

_JSON: Final = MediaType("application", "json")
_CHUNK_SIZE: Final = "chunk_size"
_PRIVATE: Final = {"Cache-Control": "no-store"}


@frozen
class Offer:
    """
    What V3 is able to do here.

    :ivar options: which options of an order are on.
    :ivar chunk_size: of the chunks that are proposed, in bytes.
    :ivar mobile_chunk_size: of those that mobile devices are proposed.
    :ivar capabilities: what clients are told of all this, and of what else there is.
    """

    options: frozenset[str]
    chunk_size: int
    mobile_chunk_size: int
    capabilities: tuple[str, ...]

    @property
    def chunked(self) -> bool:
        """Whether files may be sent in chunks."""
        return "chunked" in self.options


@frozen
class V3Uploads:
    """
    Begins sessions and takes their bytes.

    :param now: tells seconds since the epoch.
    """

    access: SessionAccess
    intake: Intake
    paths: Paths
    peers: Peers
    offer: Offer
    now: Callable[[], float]

    @property
    def sessions(self) -> Sessions:
        """All sessions."""
        return self.access.sessions

    async def create(self, request: StreamingRequest) -> None:
        """
        Begin a session.

        :raises TypeRefused: if the body is no JSON.
        :raises TooLarge: if it is too long, or the file would be.
        :raises OptionUnsupported: if it asks for what is not on here.
        :raises Refusal: what is wrong with the credential, the name or the file.
        """
        with self.intake.admission():
            facts = facts_of(request, b"", self.now())
            permit = self.access.door.read(facts)
            if MediaType.parse(facts.content_type) != _JSON:
                raise TypeRefused("a JSON document is expected here")
            text = await small_body.read(request.body, request.body.length, upload_order.MAX_BYTES)
            order = upload_order.parse(text)
            if isinstance(permit, Pending):
                permit = permit.settle(PartFacts(filename=order.filename, size=order.size))
            if permit.sha256 not in (None, hashlib.sha256(text).digest()):
                raise DigestMismatch("the signed content hash is not that of this document")
            self._check_options(order)
            name = self._name(permit, order, facts)
            await self.intake.rates.begin(permit.owner, self.peers.client_of(request))
            session = await self.sessions.create(self._draft(request, permit, order, name))
        documents = V3Documents(self._origin(request), self.offer.chunked, self.offer.capabilities)
        url = self._download_url(request, name)
        document = documents.created(session, self._chunking(session), url)
        replies.document(request, HTTPStatus.CREATED, document, _PRIVATE)

    async def put(self, request: StreamingRequest, session: str) -> None:
        """Take the whole file."""
        if request.requestHeaders.hasHeader(b"Content-Range"):
            raise MalformedRequest("a PUT with Content-Range is not taken; send chunks")
        found, sha256 = await self.access.find_signed(request, session)
        await self._append(request, found, 0, found.length or 0, sha256)

    async def put_chunk_named(self, request: StreamingRequest, number: str) -> None:
        """Take a chunk of the session in the query, or in X-Session-ID."""
        named = {
            request.target.parameters.get("session"),
            replies.header(request, "X-Session-ID"),
        } - {None}
        if len(named) != 1:
            raise MalformedRequest("a chunk names one session: ?session=ID, or X-Session-ID")
        await self.put_chunk(request, named.pop() or "", number)

    async def put_chunk(self, request: StreamingRequest, session: str, number: str) -> None:
        """Take a chunk."""
        if not self.offer.chunked:
            raise Unknown("this server takes no chunks")
        found, sha256 = await self.access.find_signed(request, session)
        chunking = self._chunking(found)
        start = chunking.start(number)
        await self._append(request, found, start, chunking.length(start), sha256)

    async def show(self, request: StreamingRequest, session: str) -> None:
        """Tell how far a session is."""
        self._show(request, await self.access.find(request, session))

    async def complete(self, request: StreamingRequest, session: str) -> None:
        """Store the file, if every byte is here; any number of times."""
        found = await self.access.find(request, session)
        if found.state is State.STORED:
            self._show(request, found)
        else:
            await self._finish(request, found)

    async def cancel(self, request: StreamingRequest, session: str) -> None:
        """End a session and drop its bytes."""
        found = await self.access.find(request, session)
        await self.sessions.cancel(found.id)
        replies.nothing(request)

    # What these are made of

    def _check_options(self, order: UploadOrder) -> None:
        for option in sorted(order.wanted - self.offer.options):
            raise OptionUnsupported(f"the option {option!r} is switched off here", option=option)

    def _name(self, permit: Permit, order: UploadOrder, facts: RequestFacts) -> StoredName:
        # A signature that counts once has an upload id; with a token it would be anybody's word.
        upload_id = facts.headers.get("x-upload-id", "") if permit.once else str(uuid.uuid4())
        name = StoredName((upload_id.lower(), flat_name(order.filename).leaf))
        self.paths.check_stored(name)
        return name

    def _draft(
        self, request: StreamingRequest, permit: Permit, order: UploadOrder, name: StoredName
    ) -> Draft:
        grant = permit.grant(name, order.size, order.content_type)
        # What a signature has hashed is the document.
        conditions = evolve(Conditions.of(permit), sha256=order.sha256)
        is_mobile = replies.device_of(request) == MOBILE
        wanted = self.offer.mobile_chunk_size if is_mobile else self.offer.chunk_size
        chunking = Chunking.of(order.size, wanted)
        draft = Draft.of(KIND, grant, conditions)
        return evolve(draft, facts={_CHUNK_SIZE: str(chunking.chunk_size)})

    async def _append(
        self,
        request: StreamingRequest,
        session: Session,
        start: int,
        length: int,
        sha256: bytes | None,
    ) -> None:
        body = request.body
        if body.length not in (None, length):
            raise _wrong_size(length, body.length or 0)
        if session.state is State.STORED:
            # Who missed the answer to the last byte sends it again.
            await discard(body)
        else:
            check = None if sha256 is None else Check("sha256", lambda: sha256)
            session = await self.sessions.append(
                session.id,
                start,
                body,
                size=length,
                sequential=False,
                check=check,
                place=self.peers.place_of(request),
            )
            if body.received != length:
                raise _wrong_size(length, body.received)
        if session.state is State.COMPLETE:
            await self._finish(request, session)
        else:
            self._show(request, session)

    def _show(self, request: StreamingRequest, session: Session) -> None:
        document = v3_documents.status(session)
        if session.file is not None:
            document |= self._stored(request, session.file)
        replies.document(request, HTTPStatus.OK, document, _PRIVATE)

    async def _finish(self, request: StreamingRequest, session: Session) -> None:
        receipt = await self.sessions.finish(session.id)
        stored = evolve(session, state=State.STORED, file=receipt.file)
        document = v3_documents.status(stored) | self._stored(request, receipt.file)
        replies.document(request, HTTPStatus.CREATED, document, _PRIVATE)

    def _stored(self, request: StreamingRequest, file: StoredFile) -> Document:
        url = self.paths.download_url_of(file.name, self._origin(request))
        return v3_documents.stored(file, url, self._download_url(request, file.name))

    def _chunking(self, session: Session) -> Chunking:
        return Chunking(session.length or 0, int(session.draft.facts[_CHUNK_SIZE]))

    def _download_url(self, request: StreamingRequest, name: StoredName) -> str:
        return f"{self._origin(request)}{quote(f'{DOWNLOAD}/{name}')}"

    def _origin(self, request: StreamingRequest) -> str:
        return self.paths.base_url or self.peers.origin_of(request)


def _wrong_size(expected: int, received: int) -> SizeMismatch:
    return SizeMismatch(
        f"{expected} bytes belong here, not {received}", expected=expected, received=received
    )
