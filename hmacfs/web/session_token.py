"""
``X-Session-Token``: a ``PUT`` that is taken up where it stopped (seeds: 1.0.5).

A token names a session only together with the URL that created it, so it never
replaces the signature.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from attrs import evolve, field, frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import (
    Gone,
    LengthChanged,
    LengthRequired,
    MalformedRequest,
    OffsetWrong,
    SizeMismatch,
    Unavailable,
    Unknown,
)
from hmacfs.base.spans import Span
from hmacfs.base.values import Grant
from hmacfs.ingest.publication import Receipt
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session
from hmacfs.uploads.sessions import Sessions
from hmacfs.web import replies
from hmacfs.web.peers import Peers
from hmacfs.web.proof import Proof
from hmacfs.web.request import StreamingRequest
from hmacfs.web.uploads import Uploads
from hmacfs.wire.ranges import ContentRange

KIND: Final = "token"
HEADER: Final = "X-Session-Token"

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")


def new_token() -> str:
    """Make a token for a client that brought none."""
    return secrets.token_urlsafe(24)


def progress_of(session: Session) -> dict[str, str]:
    """Tell in header fields how much of an upload is here."""
    return {"Upload-Offset": str(session.offset), "Upload-Length": str(session.length)}


@frozen
class SessionTokens:
    """
    Takes uploads up again that are named by a token of their client.

    :param enabled: ``uploads.resumable_uploads_enabled``.
    :param proof: tells as of when signatures are judged.
    """

    sessions: Sessions
    uploads: Uploads
    peers: Peers
    enabled: bool = True
    proof: Proof = field(factory=Proof)

    def of(self, request: StreamingRequest) -> Upload | None:
        """
        Tell which upload a request means, if it brings a token.

        :raises MalformedRequest: if the token or the Content-Range is none, or
            there is a Content-Range and no token.
        """
        token = replies.header(request, HEADER) if self.enabled else None
        content_range = replies.header(request, "Content-Range")
        if token is None:
            if content_range is not None:
                raise MalformedRequest("a PUT with Content-Range needs an X-Session-Token")
            return None
        if _TOKEN.fullmatch(token) is None:
            raise MalformedRequest("X-Session-Token has 1 to 128 of A-Z a-z 0-9 . _ ~ -")
        part = None if content_range is None else ContentRange.parse(content_range)
        place = self.peers.place_of(request)
        return Upload(self.sessions, self.uploads, request, token, part, place, self.proof)

    def made(self) -> dict[str, str]:
        """Tell a token to a client that brought none, in header fields."""
        return {HEADER: new_token()} if self.enabled else {}


@frozen
class Upload:
    """What one request with a token is about."""

    sessions: Sessions
    uploads: Uploads
    request: StreamingRequest
    token: str = field(repr=False)
    part: ContentRange | None
    place: str
    proof: Proof

    @property
    def id(self) -> str:
        """The session's id: only who has both the signed URL and the token can tell it."""
        uri = bytes(self.request.uri)
        seed = b"\0".join((b"X-Session-Token", uri, self.token.encode()))
        return hashlib.sha256(seed).hexdigest()

    async def put(self, door: Door, facts: RequestFacts) -> Session | Receipt:
        """
        Take bytes; tell what became of the file, or of the session if there are more to come.

        The signature is judged as of the time when it created the session.

        :raises OffsetWrong: if bytes before these are missing.
        :raises LengthChanged: if the file was to have another length.
        """
        intake = self.uploads.intake
        # Beginning a session takes a while, in which nobody sees that the client has gone.
        rank = self.sessions.rank()
        with intake.admission():
            span, length = self._span(facts)
            resuming = span is not None and span.start > 0
            known = await self._known(resuming=resuming)
            judged = self.proof.when_judged(known, facts) if known else facts
            signed = evolve(judged, length=length)
            grant, conditions = self.uploads.granted(door, signed, lambda: facts.name)
            if known is not None:
                _check_same(known, grant)
        if known is not None and known.state in (State.STORED, State.FAILED):
            if known.state is State.STORED and not resuming:
                return await self._compare(grant, conditions)
            return await self.sessions.finish(known.id)
        with intake.admission():
            session = known or await self._create(grant, conditions)
            session = await self.sessions.rest(session.id, self.place, rank=rank)
            start = span.start if span is not None else 0
            if start > session.offset:
                raise OffsetWrong(
                    f"the upload goes on at {session.offset}, not {start}", offset=session.offset
                )
            if span is not None:
                body = self.request.body
                session = await self.sessions.append(
                    session.id,
                    start,
                    body,
                    size=span.size,
                    sequential=False,
                    place=self.place,
                    rank=rank,
                )
        if session.state is State.COMPLETE:
            return await self.sessions.finish(session.id)
        if self.part is None:
            with intake.admission():
                raise SizeMismatch(
                    f"the body has not the {length} bytes announced", expected=length
                )
        return session

    async def _compare(self, grant: Grant, conditions: Conditions) -> Receipt:
        return await self.uploads.intake.receive(grant, self.request.body, conditions)

    async def head(self, door: Door, facts: RequestFacts) -> None:
        """
        Answer with how much of an upload is here, once an older request has brought its last.

        :raises Unknown: if there is no such upload.
        :raises Gone: if it has expired.
        :raises Refusal: if it has failed, as then.
        """
        rank = self.sessions.rank()
        session = await self.sessions.find(self.id, KIND)
        signed = evolve(
            self.proof.when_judged(session, facts),
            method="PUT",
            length=session.length,
            headers={**facts.headers, "content-type": session.draft.content_type},
        )
        grant, _ = self.uploads.granted(door, signed, lambda: facts.name)
        _check_same(session, grant)
        if session.state is State.FAILED:
            await self.sessions.finish(session.id)
        elif session.state.takes_bytes:
            session = await self.sessions.rest(session.id, self.place, rank=rank)
        replies.reply(
            self.request,
            HTTPStatus.OK,
            {**self.headers(), **progress_of(session), "Cache-Control": "no-store"},
        )

    def headers(self) -> Mapping[str, str]:
        """Tell the token in a header field."""
        return {HEADER: self.token}

    def _span(self, facts: RequestFacts) -> tuple[Span | None, int]:
        # Which bytes come, if any, and the length of the whole.
        if self.part is None:
            if facts.length is None:
                raise LengthRequired("the length of the file must be announced")
            return (Span(0, facts.length) if facts.length else None), facts.length
        if self.part.span is None or self.part.size is None:
            raise MalformedRequest("Content-Range must tell first, last and total")
        if facts.length != self.part.span.size:
            raise MalformedRequest("Content-Range and Content-Length contradict each other")
        return self.part.span, self.part.size

    async def _known(self, *, resuming: bool) -> Session | None:
        try:
            session = await self.sessions.find(self.id, KIND)
        except (Unknown, Unavailable):
            # What comes whole needs nothing that another server has.
            if resuming:
                raise
            return None
        except Gone:
            if resuming:
                raise
            await self.sessions.make_way(self.id)
            return None
        if session.state is State.FAILED and not resuming:
            await self.sessions.make_way(self.id)
            return None
        return session

    async def _create(self, grant: Grant, conditions: Conditions) -> Session:
        await self.uploads.count(self.request, grant.owner, grant.name)
        return await self.sessions.create(Draft.of(KIND, grant, conditions, id=self.id))


def _check_same(session: Session, grant: Grant) -> None:
    if session.length != grant.size:
        raise LengthChanged("the upload has another length", expected=session.length or 0)
    if (session.draft.name, session.draft.owner) != (grant.name, grant.owner):
        raise Unknown("there is no such upload")
