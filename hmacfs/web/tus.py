"""
tus 1.0.0 with all its extensions (https://tus.io/protocols/resumable-upload).

What a session is and does is told by :mod:`hmacfs.uploads`; here is how tus
asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from attrs import frozen

from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import (
    ChecksumMismatch,
    DigestMismatch,
    Gone,
    MalformedRequest,
    MethodRefused,
    NotCovered,
    OffsetWrong,
    SizeMismatch,
    Unknown,
    UploadOver,
    VersionRefused,
)
from hmacfs.library.removal import Removal
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from hmacfs.web import replies
from hmacfs.web.files import Files
from hmacfs.web.request import StreamingRequest
from hmacfs.web.tus_checks import check_of, check_type
from hmacfs.web.tus_creation import CONCAT, KIND, METADATA, TusCreation
from hmacfs.web.tus_offer import TusOffer
from hmacfs.web.upload_urls import UploadUrls
from hmacfs.wire import tus

METHODS: Final = ("GET", "HEAD", "PATCH", "POST", "DELETE", "OPTIONS")
"""The methods of an upload; a POST may stand for another."""

_UNCACHED: Final = MappingProxyType({"Cache-Control": "no-store"})
_RESUMABLE: Final = MappingProxyType({"Tus-Resumable": tus.VERSION})


def method_of(request: StreamingRequest) -> str:
    """Tell the method that is meant: X-HTTP-Method-Override stands above the real one."""
    override = replies.header(request, "X-HTTP-Method-Override")
    return override or request.method.decode("ascii", "backslashreplace")


@frozen
class Tus:
    """
    Answers tus clients.

    :param files: serves what uploads have become.
    :param removal: deletes it again.
    """

    urls: UploadUrls
    creation: TusCreation
    offer: TusOffer
    files: Files
    removal: Removal

    def options(self) -> Mapping[str, str]:
        """Tell what tus is able to do here, as header fields."""
        return self.offer.fields()

    def answer(self, request: StreamingRequest) -> Awaitable[None]:
        """
        Answer a request for the URL of an upload, or the one that makes them.

        :raises VersionRefused: if it is in another version of tus.
        :raises MethodRefused: if there is no such method.
        """
        method = method_of(request)
        request.dialect.update(_RESUMABLE)
        if method == "GET":
            return self._get(request)
        if method == "OPTIONS":
            return self._options(request)
        try:
            tus.check_version(replies.header(request, "Tus-Resumable"))
        except VersionRefused:
            request.dialect["Tus-Version"] = tus.VERSION
            raise
        if self.urls.is_creation(request):
            if method != "POST":
                raise MethodRefused(f"{method} is not possible here", allow="POST, OPTIONS")
            return self.creation.create(request)
        faces: Mapping[str, Callable[[StreamingRequest], Awaitable[None]]] = {
            "HEAD": self._head,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        if method not in faces:
            raise MethodRefused(f"{method} is not possible here", allow=", ".join(METHODS))
        return faces[method](request)

    async def _options(self, request: StreamingRequest) -> None:
        replies.reply(request, HTTPStatus.OK, self.options())

    async def _head(self, request: StreamingRequest) -> None:
        session = await self._found(request)
        session = await self.urls.sessions.rest(session.id, self.urls.peers.place_of(request))
        session = await self.creation.stored(session)
        fields = {**_UNCACHED, **self.creation.state(request, session)}
        for name, fact in (("Upload-Metadata", METADATA), ("Upload-Concat", CONCAT)):
            if fact in session.draft.facts:
                fields[name] = session.draft.facts[fact]
        length = await self.creation.length(session)
        if length is not None:
            fields["Upload-Length"] = str(length)
        elif not session.draft.parts:
            fields["Upload-Defer-Length"] = "1"
        replies.reply(request, HTTPStatus.OK, fields)

    async def _patch(self, request: StreamingRequest) -> None:
        session = await self._found(request)
        request.dialect.update(self.creation.expiry(session))
        if session.draft.parts:
            raise NotCovered("an upload that is joined from others takes no bytes")
        check_type(request)
        offset, length = _numbers(request)
        if session.state is not State.STORED:
            session = await self._append(request, session, offset, length)
            session = await self.creation.stored(session)
        elif offset != session.offset or length not in (None, offset) or request.body.length != 0:
            raise UploadOver("the upload is complete", state=session.state.value)
        request.dialect.pop("Upload-Expires", None)
        replies.nothing(request, self.creation.state(request, session))

    async def _append(
        self, request: StreamingRequest, session: Session, offset: int, length: int | None
    ) -> Session:
        check = check_of(request, self.offer)
        body, sessions = request.body, self.urls.sessions
        # A request that still sends is ended first, so that the offset stands.
        place = self.urls.peers.place_of(request)
        session = await sessions.rest(session.id, place)
        if offset != session.offset:
            raise OffsetWrong(
                f"the upload goes on at {session.offset}, not {offset}", offset=session.offset
            )
        if length is not None:
            if body.length and offset + body.length > length:
                raise SizeMismatch(f"the upload has {length} bytes", expected=length)
            # Of a request that fails its checksum nothing counts, not even a length that it tells.
            if check is None or session.length is not None:
                await sessions.set_length(session.id, length)
        try:
            session = await sessions.append(
                session.id, offset, body, size=body.length, check=check, place=place
            )
        except DigestMismatch as mismatch:
            raise ChecksumMismatch(mismatch.detail) from None
        return session if length is None else await sessions.set_length(session.id, length)

    async def _delete(self, request: StreamingRequest) -> None:
        session = await self._found(request)
        sessions = self.urls.sessions
        if session.file is not None:
            permit = Permit(KIND, frozenset({Scope.DELETE}), name=session.file.name)
            # It may have been deleted by other means; the upload goes as well.
            with suppress(Unknown, Gone):
                await self.removal.delete(session.file.name, permit)
            await sessions.forget(session.id)
        else:
            await sessions.cancel(session.id)
        replies.nothing(request)

    async def _get(self, request: StreamingRequest) -> None:
        if self.urls.is_creation(request):
            raise MethodRefused("GET is not possible here", allow="POST, OPTIONS")
        session = await self.urls.find(request, KIND)
        if session.file is None:
            raise Unknown("this upload has not become a file yet")
        await self.files.serve(request, session.file.name)

    async def _found(self, request: StreamingRequest) -> Session:
        session = await self.urls.find(request, KIND)
        if session.state is State.FAILED:
            raise Gone(f"the upload has failed: {session.detail}")
        return session


def _numbers(request: StreamingRequest) -> tuple[int, int | None]:
    # The offset, and the length if it is told.
    offset = replies.header(request, "Upload-Offset")
    if offset is None:
        raise MalformedRequest("the request needs the header field Upload-Offset")
    length = replies.header(request, "Upload-Length")
    told = None if length is None else tus.number("Upload-Length", length)
    return tus.number("Upload-Offset", offset), told
