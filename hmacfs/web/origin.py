"""The request on whose behalf things happen."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from hmacfs.auth.permit import Permit
from hmacfs.base.origin import current
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest


@define(eq=False)
class RequestOrigin:
    """
    A request.  What it tells is looked up when somebody asks.

    :ivar permit: what its credential allows, once that is known.
    """

    request: StreamingRequest
    peers: Peers
    permit: Permit | None = None

    def facts(self) -> Mapping[str, str]:
        """Tell its client, how it was signed, and who by, as far as the signature says."""
        facts = {"client": str(self.peers.client_of(self.request))}
        if self.permit is not None:
            facts["scheme"] = self.permit.scheme
            if self.permit.owner is not None:
                facts["by"] = self.permit.owner
        return facts


def note(permit: Permit) -> None:
    """Note what the credential of the request allows that is being answered."""
    origin = current()
    if isinstance(origin, RequestOrigin):
        origin.permit = permit
