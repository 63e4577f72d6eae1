"""What tus insists on before a body, and its checksums: told before, or in a trailer after."""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

from attrs import frozen

from hmacfs.base.errors import MalformedRequest, TypeRefused
from hmacfs.uploads.live import Check
from hmacfs.web import replies
from hmacfs.web.request import StreamingRequest
from hmacfs.web.tus_offer import TusOffer
from hmacfs.wire import content_type, tus
from hmacfs.wire.checksums import Checksum

FIELD: Final = "Upload-Checksum"


def check_type(request: StreamingRequest) -> None:
    """
    Insist that a body says what it is.

    :raises TypeRefused: if it does not.
    """
    if not content_type.is_type(replies.header(request, "Content-Type"), tus.CONTENT_TYPE):
        raise TypeRefused(f"the Content-Type has to be {tus.CONTENT_TYPE}")


def check_of(request: StreamingRequest, offer: TusOffer) -> Check | None:
    """
    Tell what the body of a request must hash to, if it or the configuration cares.

    :raises MalformedRequest: if the checksum cannot be read.
    """
    if not offer.checks:
        return None
    told = replies.header(request, FIELD)
    if told is not None:
        checksum = tus.checksum(told)
        return Check(checksum.algorithm, lambda: checksum.digest)
    trailer = replies.header(request, "Trailer") or ""
    if FIELD.lower() in {name.strip().lower() for name in trailer.split(",")}:
        return TrailingCheck("", lambda: _trailing(request).digest, request)
    return None


def _trailing(request: StreamingRequest) -> Checksum:
    told = request.trailers.get(FIELD.lower())
    if told is None:
        raise MalformedRequest(f"the trailer {FIELD} that was announced has not come")
    return tus.checksum(told)


class _Every:
    """The digests of all algorithms, of which the trailer chooses one."""

    def __init__(self, request: StreamingRequest) -> None:
        self._request = request
        self._digests = {name: hashlib.new(name, usedforsecurity=False) for name in tus.ALGORITHMS}

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""
        for each in self._digests.values():
            each.update(data)

    def digest(self) -> bytes:
        """Tell the one that was chosen; nothing while none is."""
        try:
            return self._digests[_trailing(self._request).algorithm].digest()
        except MalformedRequest:
            return b""


@frozen
class TrailingCheck(Check):
    """A check of which even the algorithm comes after the bytes."""

    request: StreamingRequest

    def begin(self) -> Any:
        """Begin the digests."""
        return cast(Any, _Every(self.request))
