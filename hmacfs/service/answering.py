"""A server that does what commands ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from hmacfs.base.events import administering
from hmacfs.base.origin import acting_for
from hmacfs.blobs.interfaces import StorageFailed, StorageFull
from hmacfs.config.settings import Settings
from hmacfs.service.chores import Chore
from hmacfs.service.foundation import Foundation
from hmacfs.service.records import CommandOrigin
from hmacfs.service.requests import document, requests_of
from hmacfs.stores.interfaces import StoreFailed

LOOK: Final = 2.0
"""Seconds from one look for requests to the next."""

log = Logger()


def answering(settings: Callable[[], Settings], foundation: Foundation) -> Chore:
    """
    Make the chore that does what is asked.

    :param settings: tells those in force.
    """
    requests = requests_of(settings())

    async def answer() -> None:
        for request in await foundation.pool.run(requests.pending):
            with acting_for(CommandOrigin(request.user)):
                done = await _answer(settings(), foundation, request.owner)
            await foundation.pool.run(requests.answer, request.owner, done)

    clock, pending = foundation.reactor, foundation.pending
    return Chore("to forget an uploader", LOOK, answer, clock, pending)


async def _answer(settings: Settings, foundation: Foundation, owner: str) -> dict[str, Any]:
    from hmacfs.service.forgetting import Erasure

    # A failure is answered too: whoever asks may mend the cause, and ask again.
    try:
        with administering(foundation.events, "forget", owner):
            return document(await Erasure(settings, foundation).remove(owner))
    except (StoreFailed, StorageFailed, StorageFull) as error:
        log.error("an uploader is not forgotten: {error}", error=error)
        return {"error": str(error)}
    except Exception:
        log.failure("an uploader is not forgotten")
        return {"error": "the log of the server says why"}
