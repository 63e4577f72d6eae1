"""The request on whose behalf things happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define

from hmacfs.auth.permit import Permit
from hmacfs.base.origin import current
from hmacfs.web.access_log import censored
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest

LONGEST_URI: Final = 4096
"""Characters of a path that are told."""


@define(eq=False)
class RequestOrigin:
    """
    A request.  What it tells is looked up when somebody asks.

    :ivar permit: what its credential allows, once that is known.
    """

    request: StreamingRequest
    peers: Peers
    permit: Permit | None = None

    def who(self) -> Mapping[str, str]:
        """Tell its client, how it was signed, and who by, as far as the signature says."""
        facts = {"client": str(self.peers.client_of(self.request))}
        if self.permit is not None:
            facts["scheme"] = self.permit.scheme
            if self.permit.owner is not None:
                facts["by"] = self.permit.owner
        return facts

    def what(self) -> Mapping[str, str]:
        """Tell its method, and its path without what is as good as a credential."""
        method = self.request.method.decode("ascii", "backslashreplace")
        uri = censored(self.request.uri.partition(b"?")[0])
        return {"method": method, "uri": uri[:LONGEST_URI]}


def note(permit: Permit) -> None:
    """Note what the credential of the request allows that is being answered."""
    origin = current()
    if isinstance(origin, RequestOrigin):
        origin.permit = permit
