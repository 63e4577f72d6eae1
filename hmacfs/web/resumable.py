"""``/files``: uploads that can be taken up again, by the dialect that their client speaks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from attrs import frozen

from hmacfs.base.errors import Gone, MethodRefused, Unknown
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from hmacfs.web import replies, tus_creation
from hmacfs.web.request import StreamingRequest
from hmacfs.web.rufh import Rufh
from hmacfs.web.rufh_answers import KIND, LAST
from hmacfs.web.tus import METHODS, Tus
from hmacfs.wire import rufh, tus
from hmacfs.wire.rufh import Dialect

_OF_TUS: Final = (b"Tus-Resumable", b"X-HTTP-Method-Override")
_OF_RUFH: Final = (b"Upload-Draft-Interop-Version", b"Upload-Complete", b"Upload-Incomplete")


@frozen
class Resumable:
    """Tells the dialects apart, and answers for the uploads of the IETF's."""

    tus: Tus
    rufh: Rufh

    def allowed(self, request: StreamingRequest) -> str:
        """Tell the methods of the URL that a request is for."""
        return "POST, OPTIONS" if self.rufh.urls.is_creation(request) else ", ".join(METHODS)

    def options(self) -> Mapping[str, str]:
        """Tell what is possible here, as header fields."""
        told = {**self.tus.options(), **self.offer()}
        if self.rufh.on:
            told["Accept-Patch"] = f"{tus.CONTENT_TYPE}, {rufh.CONTENT_TYPE}"
        return told

    def offer(self) -> Mapping[str, str]:
        """Tell which uploads by URL can be taken up again, as header fields."""
        if not self.rufh.on:
            return {}
        # Drafts differ on which of them it takes.
        limits = self.rufh.answers.limits(Dialect())
        return {"Upload-Limit": limits, "Accept-Patch": str(rufh.CONTENT_TYPE)}

    def is_tus(self, request: StreamingRequest) -> bool:
        """Tell whether a request says that it is one of tus."""
        return any(map(request.requestHeaders.hasHeader, _OF_TUS))

    async def answer(self, request: StreamingRequest) -> None:
        """
        Answer a request for an upload, or for the URL that makes them.

        :raises Unimplemented: if uploads cannot be taken up again here.
        :raises Refusal: as the dialects do.
        """
        self.tus.offer.check_on()
        if self.is_tus(request):
            await self.tus.answer(request)
        elif not self.rufh.urls.is_creation(request):
            await self._answer(request)
        elif request.method == b"POST" and self.rufh.wants(request):
            await self.rufh.create(request)
        else:
            await self.tus.answer(request)

    async def _answer(self, request: StreamingRequest) -> None:
        session = None
        spoken = any(map(request.requestHeaders.hasHeader, _OF_RUFH))
        if spoken:
            session = await self._found(request)
        else:
            # A HEAD, GET or DELETE does not tell its dialect.
            with suppress(Unknown):
                session = await self._found(request)
        if session is None:
            # Of an upload that there is not, its client need not say more to hear so.
            await self.rufh.urls.find(request, tus_creation.KIND)
            await self.tus.answer(request)
            return
        if request.method == b"HEAD":
            await self._state(request, session)
        elif request.method == b"PATCH":
            await self.rufh.append(request, session)
        elif request.method == b"DELETE":
            await self._delete(session)
            replies.nothing(request)
        elif request.method == b"GET":
            await self._get(request, session)
        else:
            method = request.method.decode("ascii", "backslashreplace")
            raise MethodRefused(f"{method} is not possible here", allow=self.allowed(request))

    async def _found(self, request: StreamingRequest) -> Session:
        session = await self.rufh.urls.find(request, KIND)
        self.rufh.answers.speak(request, session)
        if session.state is State.FAILED:
            raise Gone(f"the upload has failed: {session.detail}")
        return session

    async def _state(self, request: StreamingRequest, session: Session) -> None:
        sessions = self.rufh.urls.sessions
        session = await sessions.rest(session.id, self.rufh.urls.peers.place_of(request))
        if session.state is State.COMPLETE and session.draft.facts.get(LAST) != "?0":
            # The answer to the last part was lost.
            await sessions.finish(session.id)
            session = await sessions.find(session.id, KIND)
        self.rufh.answers.state(request, session)

    async def _delete(self, session: Session) -> None:
        sessions = self.rufh.urls.sessions
        if session.file is None:
            await sessions.cancel(session.id)
        else:
            # The file stays: others may have its URL already.
            await sessions.forget(session.id)

    async def _get(self, request: StreamingRequest, session: Session) -> None:
        if session.file is None:
            await self._state(request, session)
        else:
            request.dialect.clear()
            await self.tus.files.serve(request, session.file.name)
