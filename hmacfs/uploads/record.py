"""A session as bytes that rest beside those of its file."""

from __future__ import annotations

import json
from typing import Any, Final

from hmacfs.auth.permit import Once
from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span, SpanSet
from hmacfs.ingest import intent
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session

VERSION: Final = 1


def encode(session: Session) -> bytes:
    """Write a session down, on one line."""
    draft, conditions = session.draft, session.draft.conditions
    facts = {
        "version": VERSION,
        "id": draft.id,
        "kind": draft.kind,
        "name": None if draft.name is None else str(draft.name),
        "length": draft.length,
        "type": draft.content_type,
        "scheme": draft.scheme,
        "owner": draft.owner,
        "file_expires_at": draft.file_expires_at,
        "metadata": draft.metadata,
        "sha256": None if conditions.sha256 is None else conditions.sha256.hex(),
        "quota": conditions.quota,
        "once": None if conditions.once is None else [conditions.once.key, conditions.once.until],
        "types": conditions.types,
        "parts": draft.parts,
        "facts": dict(draft.facts),
        "created_at": session.created_at,
        "touched_at": session.touched_at,
        "expires_at": session.expires_at,
        "state": session.state.value,
        "stored": [[span.start, span.stop] for span in session.stored.spans],
        "file": None if session.file is None else intent.encode(session.file).decode(),
        "created": session.created,
        "breaks": session.breaks,
        "places": session.places,
        "code": session.code,
        "detail": session.detail,
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def decode(written: bytes) -> Session:
    """
    Read what :func:`encode` wrote.

    :raises ValueError: if it is anything else.
    """
    try:
        facts = json.loads(written)
        if facts["version"] != VERSION:
            raise ValueError(f"the session is of version {facts['version']!r}")
        return Session(
            draft=_draft(facts),
            created_at=facts["created_at"],
            touched_at=facts["touched_at"],
            expires_at=facts["expires_at"],
            state=State(facts["state"]),
            stored=SpanSet(tuple(Span(start, stop) for start, stop in facts["stored"])),
            file=None if facts["file"] is None else intent.decode(facts["file"].encode()),
            created=facts["created"],
            # Sessions of the first servers have none.
            breaks=facts.get("breaks", 0),
            places=tuple(facts.get("places", ())),
            code=facts["code"],
            detail=facts["detail"],
        )
    except (KeyError, TypeError, AttributeError, RecursionError, NameRefused) as error:
        raise ValueError(f"not the record of a session: {error!r}") from error


def _draft(facts: dict[str, Any]) -> Draft:
    once = facts["once"]
    return Draft(
        kind=facts["kind"],
        name=None if facts["name"] is None else StoredName.parse(facts["name"].encode()),
        length=facts["length"],
        content_type=facts["type"],
        scheme=facts["scheme"],
        owner=facts["owner"],
        file_expires_at=facts["file_expires_at"],
        metadata=facts["metadata"],
        conditions=Conditions(
            None if facts["sha256"] is None else bytes.fromhex(facts["sha256"]),
            facts["quota"],
            None if once is None else Once(*once),
            None if facts["types"] is None else tuple(facts["types"]),
        ),
        parts=tuple(facts["parts"]),
        facts=facts["facts"],
        id=facts["id"],
    )
