"""The upload session: what was asked for, and how much of it is here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from attrs import evolve, field, frozen, validators

from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span, SpanSet
from hmacfs.base.values import Grant, StoredFile
from hmacfs.rules.conditions import UNCONDITIONAL, Conditions
from hmacfs.uploads.machine import State, after

ID_BYTES: Final = 32
"""Random bytes of an id: whoever knows it may use the session, so nobody may guess it."""


def new_id() -> str:
    """Make the id of a session."""
    return secrets.token_urlsafe(ID_BYTES)


@frozen
class Draft:
    """
    What a client asks to upload.

    :ivar kind: the dialect it is asked for in; a session is found only by its own.
    :ivar name: the file it is to become, or ``None`` for one that is only a
        part of others.
    :ivar length: in bytes, or ``None`` while that is not known.
    :ivar content_type: the type to store.
    :ivar scheme: of the signature that allowed it.
    :ivar owner: who uploads, where known; nobody else finds the session.
    :ivar file_expires_at: when the file ceases to exist, in seconds since the
        epoch, or ``None``.
    :ivar metadata: what the uploader says of the file, a JSON object, or ``None``.
    :ivar conditions: what has to be met besides.
    :ivar parts: the sessions whose bytes, in this order, are the file's, if
        they do not come by themselves.
    :ivar facts: what the dialect itself has to know later; short texts.
    :ivar id: 256 random bits, or what the dialect derives from as many.
    """

    kind: str
    name: StoredName | None
    length: int | None = field(validator=validators.optional(validators.ge(0)))
    content_type: str
    scheme: str
    owner: str | None = None
    file_expires_at: float | None = None
    metadata: str | None = None
    conditions: Conditions = UNCONDITIONAL
    parts: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(factory=dict)
    id: str = field(factory=new_id, repr=False)

    @classmethod
    def of(
        cls, kind: str, grant: Grant, conditions: Conditions = UNCONDITIONAL, *, id: str = ""
    ) -> Draft:
        """Ask for the upload that a grant allows."""
        return cls(
            kind=kind,
            name=grant.name,
            length=grant.size,
            content_type=grant.content_type,
            scheme=grant.scheme,
            owner=grant.owner,
            file_expires_at=grant.expires_at,
            metadata=grant.metadata,
            conditions=conditions,
            id=id or new_id(),
        )


@frozen
class Session:
    """
    An upload that is under way, rests, or is over.

    What it says of bytes is durable, and never goes back.

    :ivar draft: what was asked for; the length may have been told later.
    :ivar stored: the bytes that are here.
    :ivar created_at: in seconds since the epoch, as are the following.
    :ivar touched_at: when the last byte came.
    :ivar expires_at: when it ends if nothing more comes, or is forgotten if it has ended.
    :ivar file: what it has become, once it is stored.
    :ivar created: whether the file was not there before.
    :ivar breaks: how often a request broke off that brought bytes.
    :ivar places: where its bytes came from, if that matters here.
    :ivar code: of the refusal, if it has failed.
    :ivar detail: of the refusal.
    """

    draft: Draft
    created_at: float
    touched_at: float
    expires_at: float
    state: State = State.OPEN
    stored: SpanSet = field(factory=SpanSet)
    file: StoredFile | None = None
    created: bool = False
    breaks: int = 0
    places: tuple[str, ...] = ()
    code: str = ""
    detail: str = ""

    @property
    def id(self) -> str:
        """Names it; knowing the id is all it takes to use it."""
        return self.draft.id

    @property
    def length(self) -> int | None:
        """The length of the whole, in bytes, if it is known."""
        return self.draft.length

    @property
    def received(self) -> int:
        """How many bytes are here, wherever."""
        return self.stored.size

    @property
    def offset(self) -> int:
        """How many bytes are here from the beginning without a gap."""
        first = self.stored.spans[:1]
        return first[0].stop if first and first[0].start == 0 else 0

    @property
    def is_full(self) -> bool:
        """Tell whether every byte is here."""
        return self.length is not None and self.offset == self.length

    @property
    def missing(self) -> tuple[Span, ...]:
        """What is not here yet, if the length is known."""
        return () if self.length is None else self.stored.missing(self.length)

    def after(self, what: str) -> Session:
        """
        Let something happen to it; see :mod:`hmacfs.uploads.machine`.

        :raises ValueError: if that cannot happen to it.
        """
        return evolve(self, state=after(self.state, what))

    def noting(self, name: str, value: str) -> Session:
        """Let it have another fact of its dialect."""
        return evolve(self, draft=evolve(self.draft, facts={**self.draft.facts, name: value}))

    def grant(self) -> Grant:
        """
        Tell what may be stored when every byte is here.

        :raises ValueError: if that is not known, or nothing.
        """
        if self.draft.name is None or self.length is None:
            raise ValueError("this session does not become a file, or has no length yet")
        return Grant(
            name=self.draft.name,
            size=self.length,
            content_type=self.draft.content_type,
            scheme=self.draft.scheme,
            owner=self.draft.owner,
            expires_at=self.draft.file_expires_at,
            metadata=self.draft.metadata,
        )
