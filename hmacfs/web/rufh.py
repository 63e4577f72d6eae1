"""
Resumable uploads for HTTP (draft-ietf-httpbis-resumable-upload).

Any upload by URL becomes resumable when its client says whether the body is
the whole: an interim response tells where the upload is, in case it breaks.
What a session is and does is told by :mod:`hmacfs.uploads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve, frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.schemes import Entrance
from hmacfs.base.errors import InconsistentLength, LengthRequired, Refusal, SizeMismatch
from hmacfs.base.names import StoredName, safe_segment
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.live import Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session, new_id
from hmacfs.uploads.sessions import Sessions
from hmacfs.web import replies
from hmacfs.web.facts import facts_of
from hmacfs.web.request import StreamingRequest
from hmacfs.web.rufh_answers import ANSWER, KIND, LAST, WANTED, Part, RufhAnswers
from hmacfs.web.upload_urls import ENTRANCE, UploadUrls, public_id
from hmacfs.web.uploads import Named, Uploads
from hmacfs.wire import content_type, digests, disposition, rufh, tus

_FILE: Final = "file"
"""The answer of uploads whose URL names the file."""

_UPLOAD: Final = "upload"
"""The answer of uploads whose URL only makes uploads."""


@frozen
class Rufh:
    """
    Begins resumable uploads and takes their bytes.

    :ivar on: whether interrupted uploads may be taken up again.
    :ivar checks: whether digests that clients send are compared.
    """

    urls: UploadUrls
    uploads: Uploads
    answers: RufhAnswers
    on: bool = True
    checks: bool = True

    @property
    def _sessions(self) -> Sessions:
        return self.urls.sessions

    def wants(self, request: StreamingRequest) -> bool:
        """Tell whether a request is to begin a resumable upload."""
        return self.on and self.answers.completeness(request) is not None

    def is_part(self, request: StreamingRequest) -> bool:
        """Tell whether a request is to begin one, and brings only a part of it."""
        return self.on and self.answers.completeness(request) is False

    async def file(
        self,
        request: StreamingRequest,
        entrance: Entrance,
        facts: RequestFacts,
        named: Named,
    ) -> None:
        """
        Take an upload whose URL is that of the file.

        :raises LengthRequired: if it is not the whole and Upload-Length is missing.
        :raises InconsistentLength: if lengths contradict each other.
        :raises Refusal: as uploads that cannot be resumed do.
        """
        with self._sessions.intake.admission():
            self.answers.speak(request)
            length = self._length(request, facts.length)
            if length is None:
                raise LengthRequired(
                    "the signature covers the length: send Upload-Length with a part of a file"
                )
            facts = evolve(facts, length=length)
            grant, conditions = self.uploads.granted(self.urls.doors[entrance], facts, named)
            draft = Draft.of(KIND, grant, self._conditions(request, conditions))
            check = self._check(request)
            await self.uploads.count(request, grant.owner, grant.name)
        await self._begin(request, draft, {ENTRANCE: entrance.name, ANSWER: _FILE}, check)

    async def create(self, request: StreamingRequest) -> None:
        """
        Take an upload whose file is named by the client, in a folder of its own.

        :raises Refusal: as :meth:`file` does.
        """
        with self._sessions.intake.admission():
            self.answers.speak(request)
            facts = facts_of(request, b"", self.urls.now())
            length = self._length(request, facts.length)
            headers = {**facts.headers}
            if content_type.is_type(headers.get("content-type"), rufh.CONTENT_TYPE):
                # What the part is, which says nothing of the whole.
                del headers["content-type"]
            facts = evolve(facts, headers=headers, length=length)
            id = new_id()
            name = StoredName((public_id(id), self._leaf(request, facts)))
            grant, conditions = self.uploads.granted(
                self.urls.doors[Entrance.TUS],
                evolve(facts, length=length or 0),
                lambda: name,
            )
            grant = evolve(grant, name=name)
            draft = Draft.of(KIND, grant, self._conditions(request, conditions), id=id)
            check = self._check(request)
            await self.uploads.count(request, grant.owner, None)
        told = {ENTRANCE: Entrance.TUS.name, ANSWER: _UPLOAD}
        await self._begin(request, evolve(draft, length=length), told, check)

    async def append(self, request: StreamingRequest, session: Session) -> None:
        """
        Take more of an upload.

        :raises OffsetWrong: if the bytes do not begin where those before end.
        :raises CompletedUpload: if the upload is complete.
        :raises InconsistentLength: if lengths contradict each other.
        :raises DigestMismatch: if the digest of the bytes is not the one that came along.
        """
        part = self.answers.part(request)
        check = self._check(request)
        session = await self._sessions.rest(session.id, self.urls.peers.place_of(request))
        self.answers.check_offset(request, session, part.offset)
        session = await self._measured(session, part, request.body.length)
        last = self._last(request, is_last=part.is_last)
        session = await self._sessions.set_fact(session.id, LAST, last)
        await self._bring(request, session, part.offset, check, is_last=part.is_last)

    async def _begin(
        self,
        request: StreamingRequest,
        draft: Draft,
        facts: Mapping[str, str],
        check: Check | None,
    ) -> None:
        wanted = replies.header(request, "Want-Repr-Digest")
        if wanted is not None and digests.wants_sha256(wanted):
            facts = {**facts, WANTED: "sha-256"}
        is_last = bool(self.answers.completeness(request))
        facts = {**facts, LAST: self._last(request, is_last=is_last)}
        session = await self._sessions.create(evolve(draft, facts=facts))
        is_known = self.answers.announce(request, session)
        try:
            await self._bring(request, session, 0, check, is_last=is_last)
        except Exception:
            if not is_known:
                # Nobody was told where it is, so nobody can go on with it.
                await self._sessions.forget(session.id)
            raise

    async def _bring(
        self,
        request: StreamingRequest,
        session: Session,
        offset: int,
        check: Check | None,
        *,
        is_last: bool,
    ) -> None:
        body = request.body
        progress: Callable[[Session, int], object] = self.answers.progress(request, session)
        stop = self._sessions.watch(session.id, progress)
        try:
            session = await self._sessions.append(
                session.id,
                offset,
                body,
                size=body.length,
                check=check,
                place=self.urls.peers.place_of(request),
            )
        except SizeMismatch as mismatch:
            refusal = InconsistentLength(mismatch.detail)
            if body.length is None:
                # Only now that they were taken it shows that there are too many.
                await self._sessions.fail(session.id, refusal)
            raise refusal from None
        finally:
            stop()
        ends = session.is_full and self.answers.dialect(request).ends_by_length
        if not is_last and not ends:
            self.answers.more(request, session)
            return
        if session.length is None:
            session = await self._sessions.set_length(session.id, session.offset)
        if not session.is_full:
            raise InconsistentLength("the last part ends before the upload does")
        try:
            receipt = await self._sessions.finish(session.id)
        except Refusal:
            session = await self._sessions.find(session.id, KIND)
            if session.state is State.FAILED:
                self.answers.failed(request, session)
            raise
        session = await self._sessions.find(session.id, KIND)
        self.answers.whole(request, session, receipt.file)

    def _last(self, request: StreamingRequest, *, is_last: bool) -> str:
        ends = is_last or self.answers.dialect(request).ends_by_length
        return "?1" if ends else "?0"

    async def _measured(self, session: Session, part: Part, size: int | None) -> Session:
        # Notes the length of the whole, if this part tells it.
        told = {part.length, session.length} - {None}
        stop = part.offset + (size or 0)
        if part.is_last and size is not None:
            told.add(stop)
        if len(told) > 1 or any(length is not None and length < stop for length in told):
            lengths = " and ".join(map(str, told))
            raise InconsistentLength(f"of {stop} bytes or more the length is told as {lengths}")
        for length in told:
            if length is not None and session.length is None:
                session = await self._sessions.set_length(session.id, length)
        return session

    def _length(self, request: StreamingRequest, announced: int | None) -> int | None:
        # Of the whole, as far as the request tells it.
        told = rufh.integer(replies.header(request, "Upload-Length"))
        if not self.answers.completeness(request):
            if told is not None and (request.body.length or 0) > told:
                raise InconsistentLength("the body is longer than Upload-Length")
            return told
        if None not in (told, announced) and told != announced:
            raise InconsistentLength("Upload-Length is not the length of the body")
        return announced if told is None else told

    def _leaf(self, request: StreamingRequest, facts: RequestFacts) -> str:
        metadata = tus.metadata(replies.header(request, "Upload-Metadata"))
        told = (
            facts.parameters.get("filename")
            or disposition.filename(replies.header(request, "Content-Disposition") or "")
            # Neither tus nor a draft has it, but clients of tus send it in the drafts too.
            or metadata.get("filename", b"").decode(errors="replace")
        )
        return safe_segment(told)

    def _conditions(self, request: StreamingRequest, conditions: Conditions) -> Conditions:
        told = replies.header(request, "Repr-Digest")
        if told is None or not self.checks:
            return conditions
        sha256 = digests.parse(told)
        return conditions if sha256 is None else evolve(conditions, sha256=sha256)

    def _check(self, request: StreamingRequest) -> Check | None:
        checksum = rufh.content_digest(replies.header(request, "Content-Digest"))
        if checksum is None or not self.checks:
            return None
        return Check(checksum.algorithm, lambda: checksum.digest)
