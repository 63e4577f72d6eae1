"""Downloads that need a credential (``downloads.require_auth``)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from attrs import frozen

from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Scope
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import DigestMismatch, SignatureMissing
from hmacfs.base.names import StoredName
from hmacfs.web.facts import facts_of
from hmacfs.web.request import StreamingRequest

_OF_NOTHING: Final = hashlib.sha256(b"").digest()


@frozen
class Guard:
    """
    Lets those pass who may download a file.

    What counts once may be used again here, for a download changes nothing.

    :param door: what may sign a download; ``None`` lets everybody pass.
    :param now: tells seconds since the epoch.
    """

    door: Door | None
    now: Callable[[], float]

    def check(self, request: StreamingRequest, name: StoredName) -> None:
        """
        Insist on a credential for this file.

        :raises SignatureMissing: if there is none that is for downloads.
        :raises DigestMismatch: if it is for a request with a body.
        :raises Refusal: what the scheme found wrong, or that it does not cover this.
        """
        if self.door is None:
            return
        permit = self.door.read(facts_of(request, str(name).encode(), self.now()))
        if isinstance(permit, Pending):
            raise SignatureMissing("a signature over a file that is sent is not for downloads")
        permit.require(Scope.DOWNLOAD)
        permit.check_name(name)
        if permit.sha256 not in (None, _OF_NOTHING):
            raise DigestMismatch("the signed content hash is not that of an empty body")
