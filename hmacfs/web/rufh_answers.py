"""What clients of resumable uploads are told, each in the draft that it speaks."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from attrs import frozen

from hmacfs.base.errors import (
    CompletedUpload,
    InconsistentLength,
    MalformedRequest,
    OffsetWrong,
    TypeRefused,
)
from hmacfs.base.values import StoredFile
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from hmacfs.web import replies
from hmacfs.web.request import StreamingRequest
from hmacfs.web.upload_urls import UploadUrls
from hmacfs.wire import content_type, digests, rufh
from hmacfs.wire.etags import EntityTag
from hmacfs.wire.rufh import Dialect

KIND: Final = "rufh"
"""The dialect, by which its sessions are found."""

ANSWER: Final = "answer"
"""Under which fact of a session it is noted what made it: the URL of a ``file`` or of uploads."""

WANTED: Final = "wanted"
"""Under which it is noted that the digest of the whole is wanted."""

LAST: Final = "last"
"""Under which it is noted whether the client said that the bytes it sent last end the upload."""

_STATUS: Final = 104
_PHRASE: Final = "Upload Resumption Supported"
_VERSION: Final = "Upload-Draft-Interop-Version"


@frozen
class Part:
    """
    What a request to append tells of its body.

    :ivar length: of the whole, if it is told.
    """

    offset: int
    is_last: bool
    length: int | None


@frozen
class RufhAnswers:
    """
    Writes the header fields of answers, and interim responses.

    :ivar interim: who is sent those: ``direct`` clients, ``always``, ``never``
        (``uploads.interim_responses``).
    """

    urls: UploadUrls
    interim: str = "direct"

    def dialect(self, request: StreamingRequest) -> Dialect:
        """Tell the draft that a client speaks."""
        return rufh.dialect(replies.header(request, _VERSION))

    def completeness(self, request: StreamingRequest) -> bool | None:
        """Tell whether the body of a request ends its upload; ``None`` if that is not said."""
        dialect = self.dialect(request)
        return dialect.is_complete(replies.header(request, dialect.completeness))

    def speak(self, request: StreamingRequest, session: Session | None = None) -> None:
        """Let whatever the request is answered be in the draft of its client."""
        dialect = self.dialect(request)
        request.reads_problems = True
        if dialect.is_agreed:
            request.dialect[_VERSION] = str(dialect.version)
        request.dialect["Upload-Limit"] = self.limits(dialect, session)

    def limits(self, dialect: Dialect, session: Session | None = None) -> str:
        """Tell what an upload may be, and how long it is kept."""
        age = None if session is None else session.expires_at - self.urls.now()
        return dialect.limits(max_size=self.urls.sessions.intake.max_upload_size, max_age=age)

    def announce(self, request: StreamingRequest, session: Session) -> bool:
        """Tell at once where an upload is, in case it breaks; return whether that is heard."""
        self.speak(request, session)
        if not self._hears(request):
            return False
        fields = {**request.dialect, "Location": self.urls.url_of(request, session)}
        return request.interim(_STATUS, _PHRASE, fields)

    def progress(
        self, request: StreamingRequest, session: Session
    ) -> Callable[[Session, int], object]:
        """Make what tells the client how much of an upload is safe."""
        dialect = self.dialect(request)
        told = session.offset

        def tell(session: Session, _: int) -> None:
            nonlocal told
            # Of the last byte the final answer tells.
            is_news = session.offset > told and not session.is_full
            if is_news and dialect.tells_progress and self._hears(request):
                told = session.offset
                fields = {_VERSION: str(dialect.version), "Upload-Offset": str(told)}
                request.interim(_STATUS, _PHRASE, fields)

        return tell

    def _hears(self, request: StreamingRequest) -> bool:
        if not self.dialect(request).is_agreed or self.interim == "never":
            return False
        # Some proxies take an interim response for the final one.
        return self.interim == "always" or self.urls.peers.is_direct(request)

    def part(self, request: StreamingRequest) -> Part:
        """
        Read what a request to append tells of its body.

        :raises TypeRefused: if the body is not said to be a part.
        :raises MalformedRequest: if a field is missing, or cannot be read.
        """
        dialect = self.dialect(request)
        kind = replies.header(request, "Content-Type")
        if dialect.needs_type and not content_type.is_type(kind, rufh.CONTENT_TYPE):
            raise TypeRefused(f"the Content-Type has to be {rufh.CONTENT_TYPE}")
        offset = rufh.integer(replies.header(request, "Upload-Offset"))
        if offset is None:
            raise MalformedRequest("the request needs Upload-Offset, a number of bytes")
        is_last = self.completeness(request)
        if is_last is None:
            if not dialect.is_inverted:
                raise MalformedRequest("the request needs Upload-Complete: ?0 or ?1")
            is_last = True
        length = rufh.integer(replies.header(request, "Upload-Length"))
        return Part(offset, is_last, length)

    def check_offset(self, request: StreamingRequest, session: Session, offset: int) -> None:
        """
        Insist that an upload goes on where the client thinks it does.

        :raises CompletedUpload: if it does not go on.
        :raises InconsistentLength: so too, in the newest draft, if there are more bytes.
        :raises OffsetWrong: if that is elsewhere.
        """
        request.dialect.update(self._progress(request, session))
        if session.state is State.STORED:
            if request.body.length != 0 and self.dialect(request).excess_is_inconsistent:
                raise InconsistentLength(f"the upload is complete, with {session.offset} bytes")
            raise CompletedUpload("the upload is complete")
        if session.offset != offset:
            told = {"expected-offset": session.offset, "provided-offset": offset}
            raise OffsetWrong(
                f"the upload goes on at {session.offset}, not {offset}",
                offset=session.offset,
                **told,
            )

    def state(self, request: StreamingRequest, session: Session) -> None:
        """Answer with how far an upload is."""
        self.speak(request, session)
        fields = {"Cache-Control": "no-store", **self._progress(request, session)}
        if session.length is not None:
            fields["Upload-Length"] = str(session.length)
        if session.file is not None:
            fields["Content-Location"] = self.urls.location_of(request, session)
        replies.nothing(request, fields)

    def more(self, request: StreamingRequest, session: Session) -> None:
        """Answer that a part has come, and more is expected."""
        self.speak(request, session)
        fields = self._progress(request, session)
        if request.method == b"PATCH":
            replies.nothing(request, fields)
        else:
            location = {"Location": self.urls.url_of(request, session)}
            replies.reply(request, HTTPStatus.CREATED, {**fields, **location})

    def whole(self, request: StreamingRequest, session: Session, file: StoredFile) -> None:
        """Answer that the upload has become a file, as the URL that it began at would have."""
        request.dialect.pop("Upload-Limit", None)
        fields = {
            **self._progress(request, session),
            "ETag": str(EntityTag.of_content(file.sha256)),
        }
        location = self.urls.location_of(request, session)
        if session.draft.facts.get(ANSWER) == "file":
            fields["Location"] = location
        else:
            fields["Location"] = self.urls.url_of(request, session)
            fields["Content-Location"] = location
        if WANTED in session.draft.facts:
            fields["Repr-Digest"] = digests.render(file.sha256)
        replies.reply(request, HTTPStatus.CREATED, fields)

    def failed(self, request: StreamingRequest, session: Session) -> None:
        """Let a refusal say that every byte had come, so that to send them again is no use."""
        dialect = self.dialect(request)
        whole = {dialect.completeness: dialect.complete(True)}
        request.dialect.update({**self._progress(request, session), **whole})

    def _progress(self, request: StreamingRequest, session: Session) -> dict[str, str]:
        dialect = self.dialect(request)
        return {
            "Upload-Offset": str(session.offset),
            dialect.completeness: dialect.complete(session.state is State.STORED),
        }
