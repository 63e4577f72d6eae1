"""``DELETE`` of stored files: with a token, or signed as Metronome does."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hmacfs.auth.pending import Pending
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import NameRefused, SignatureMissing, Unknown
from hmacfs.library.removal import Removal
from hmacfs.web import replies
from hmacfs.web.facts import facts_of
from hmacfs.web.paths import Paths
from hmacfs.web.request import StreamingRequest


@frozen
class Deletion:
    """
    Deletes files for those who may.

    :param now: tells seconds since the epoch.
    """

    door: Door
    removal: Removal
    paths: Paths
    now: Callable[[], float]

    async def delete(self, request: StreamingRequest) -> None:
        """Delete a file; the answer is 204 once it is gone for good."""
        try:
            name = self.paths.name_to_read(request.target.path)
        except NameRefused:
            raise Unknown("there is no such file") from None
        permit = self.door.read(facts_of(request, str(name).encode(), self.now()))
        if isinstance(permit, Pending):
            raise SignatureMissing("a signature over a file that is sent is not for deleting")
        await self.removal.delete(name, permit)
        replies.nothing(request)
