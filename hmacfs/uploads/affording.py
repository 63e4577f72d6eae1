"""What the owner of a session may still have, while its length is not known."""

from __future__ import annotations

from attrs import evolve

from hmacfs.ingest.intake import Intake
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.session import Session
from hmacfs.uploads.table import Table


async def afford(intake: Intake, limits: Limits, table: Table, session: Session, size: int) -> None:
    """
    Insist that the file of a session may have so many bytes.

    :raises QuotaExceeded: if that is more than its owner may have.
    """
    draft = session.draft
    if draft.name is not None and session.state.takes_bytes:
        grant = evolve(session, draft=evolve(draft, length=size)).grant()
        promised = limits.claimed(table, draft, intake.now())
        await intake.afford(grant, draft.conditions, promised)
