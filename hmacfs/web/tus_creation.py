"""tus: how uploads begin, and what is told of them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from attrs import evolve, frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit
from hmacfs.auth.schemes import Entrance
from hmacfs.base.errors import (
    ChecksumMismatch,
    DigestMismatch,
    Gone,
    MalformedRequest,
    TypeRefused,
    Unimplemented,
    Unknown,
)
from hmacfs.base.names import StoredName, safe_segment
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.live import Check
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session, new_id
from hmacfs.web import replies
from hmacfs.web.facts import facts_of
from hmacfs.web.request import StreamingRequest
from hmacfs.web.tus_checks import check_of, check_type
from hmacfs.web.tus_offer import TusOffer
from hmacfs.web.upload_urls import ENTRANCE, UploadUrls, public_id
from hmacfs.wire import content_type, dates, tus
from hmacfs.wire.content_type import MediaType
from hmacfs.wire.metadata import compact
from hmacfs.wire.tus import Concat

KIND: Final = "tus"
"""The dialect, by which its sessions are found."""

METADATA: Final = "metadata"
CONCAT: Final = "concat"

_NAMES: Final = ("filename", "name")
_TYPES: Final = ("filetype", "type", "contentType")


@frozen
class Wish:
    """What the header fields of a creation ask for; see :mod:`hmacfs.wire.tus`."""

    length: int | None
    texts: dict[str, str]
    concat: Concat | None
    facts: dict[str, str]

    @classmethod
    def of(cls, request: StreamingRequest) -> Wish:
        """
        Read them.

        :raises MalformedRequest: if one cannot be read, or they contradict each other.
        """
        metadata = replies.header(request, "Upload-Metadata") or None
        told = replies.header(request, "Upload-Concat")
        concat = None if told is None else tus.concat(told)
        length = replies.header(request, "Upload-Length")
        deferred = replies.header(request, "Upload-Defer-Length")
        pairs = tus.metadata(metadata)
        facts = {METADATA: metadata, CONCAT: told}
        if concat is not None and concat.is_final:
            if length is not None or deferred is not None:
                raise MalformedRequest("the length of a final upload is that of its parts")
            announced = None
        else:
            announced = tus.declared_length(length, deferred)
        return cls(
            announced,
            {key: value.decode(errors="replace") for key, value in pairs.items()},
            concat,
            {key: value for key, value in facts.items() if value is not None},
        )

    def first(self, keys: tuple[str, ...]) -> str | None:
        """Tell the first of these metadata that is there."""
        return next((self.texts[key] for key in keys if self.texts.get(key)), None)

    @property
    def content_type(self) -> str:
        """The type of the file, if the client tells one that can be read."""
        told = self.first(_TYPES)
        if told is None or MediaType.parse(told) is None:
            return DEFAULT_CONTENT_TYPE
        return content_type.checked(told)


@frozen
class TusCreation:
    """Begins uploads."""

    urls: UploadUrls
    offer: TusOffer

    async def create(self, request: StreamingRequest) -> None:
        """
        Begin an upload; what of its bytes comes along is taken too.

        :raises Refusal: if that may not be, before any byte is asked for.
        """
        sessions = self.urls.sessions
        has_body = request.body.length != 0
        with sessions.intake.admission():
            draft = self._draft(request)
            if has_body:
                self._check_body(request, draft)
            check = check_of(request, self.offer) if has_body else None
            if not draft.parts:
                # Of one in parts each has been counted, and all bytes are here.
                client = self.urls.peers.client_of(request)
                await sessions.intake.rates.begin(draft.owner, client)
        session = await sessions.create(draft)
        try:
            if has_body:
                session = await self._append(request, session, check)
            session = await self.stored(session)
        except Exception:
            # Nobody was told its URL, so nobody can go on with it.
            await sessions.forget(session.id)
            raise
        location = {"Location": self.urls.url_of(request, session)}
        state = self.state(request, session)
        replies.reply(request, HTTPStatus.CREATED, {**location, **state})

    async def stored(self, session: Session) -> Session:
        """
        Make an upload that is whole a file, unless it is a part of another.

        :raises Refusal: as :meth:`~hmacfs.uploads.sessions.Sessions.finish` does.
        """
        if session.state is not State.COMPLETE or session.draft.name is None:
            return session
        await self.urls.sessions.finish(session.id)
        return await self.urls.sessions.find(session.id, KIND)

    async def length(self, session: Session) -> int | None:
        """Tell the length of an upload, if it is known: for one of parts, theirs together."""
        if session.length is not None or not session.draft.parts:
            return session.length
        total = 0
        for id in session.draft.parts:
            try:
                part = await self.urls.sessions.find(id, KIND)
            except (Unknown, Gone):
                return None
            if part.length is None:
                return None
            total += part.length
        return total

    def expiry(self, session: Session) -> dict[str, str]:
        """Tell when an upload ends that is not finished, as header fields."""
        if not session.state.takes_bytes:
            return {}
        return {"Upload-Expires": dates.render(session.expires_at)}

    def state(self, request: StreamingRequest, session: Session) -> dict[str, str]:
        """Tell how far an upload is, as header fields."""
        fields = self.expiry(session)
        if not session.draft.parts or session.file is not None:
            fields["Upload-Offset"] = str(session.offset)
        if session.file is not None:
            fields["Content-Location"] = self.urls.location_of(request, session)
        return fields

    async def _append(
        self, request: StreamingRequest, session: Session, check: Check | None
    ) -> Session:
        body, place = request.body, self.urls.peers.place_of(request)
        try:
            return await self.urls.sessions.append(
                session.id, 0, body, size=body.length, check=check, place=place
            )
        except DigestMismatch as mismatch:
            raise ChecksumMismatch(mismatch.detail) from None

    def _check_body(self, request: StreamingRequest, draft: Draft) -> None:
        if draft.parts:
            raise MalformedRequest("an upload that is joined from others takes no bytes")
        check_type(request)

    def _draft(self, request: StreamingRequest) -> Draft:
        wish = Wish.of(request)
        if wish.concat is not None and not self.offer.joins:
            raise Unimplemented("files in several uploads are switched off here")
        permit = self._permit(request, wish)
        leaf = safe_segment(wish.first(_NAMES) or permit.filename or "")
        id = new_id()
        name = StoredName((public_id(id), leaf))
        self.urls.paths.check_stored(name)
        grant = permit.grant(name, wish.length or 0, wish.content_type)
        if wish.texts:
            grant = evolve(grant, metadata=compact(json.dumps(wish.texts)))
        draft = Draft.of(KIND, grant, Conditions.of(permit), id=id)
        is_part = wish.concat is not None and not wish.concat.is_final
        parts = wish.concat.parts or () if wish.concat is not None else ()
        facts = {**wish.facts, ENTRANCE: Entrance.TUS.name}
        if is_part:
            return evolve(draft, name=None, length=wish.length, facts=facts)
        return evolve(draft, length=wish.length, parts=parts, facts=facts)

    def _permit(self, request: StreamingRequest, wish: Wish) -> Permit:
        facts: RequestFacts = facts_of(request, b"", self.urls.now())
        headers = {**facts.headers, "content-type": wish.content_type}
        facts = evolve(facts, headers=headers, length=wish.length)
        permit = self.urls.doors[Entrance.TUS].read(facts)
        if isinstance(permit, Pending):
            raise TypeRefused("this signature is for a file in a form")
        return permit
