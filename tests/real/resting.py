"""Sessions that an earlier server has left, by the thousand, without the flush of each."""

from __future__ import annotations

import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.flow.pools import InlinePool
from hmacfs.uploads import record
from hmacfs.uploads.session import Draft, Session
from tests.blobs.faulty import never_synced
from tests.blobs.samples import named
from tests.flow.awaiting import now


def leave(
    case: SynchronousTestCase,
    storage: Path,
    count: int,
    *,
    owner: str | None = None,
    kind: str = "token",
) -> None:
    """Put sessions there, which began now and rest."""
    never_synced().install(case)
    unfinished = LocalUnfinished(storage, InlinePool())
    now(unfinished.start())
    moment = time.time()
    for number in range(count):
        draft = Draft(kind, named(f"file {number}"), 1000, "text/plain", "v2", owner)
        session = Session(draft, moment, moment, moment + 3600)
        now(unfinished.begin(session.id, record.encode(session))).close()
    now(unfinished.close())
