"""Who may use an upload session: whoever knows its id, unless a credential says otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from attrs import field, frozen

from hmacfs.auth.facts import PartFacts
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Scope
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import SignatureExpired, Unknown
from hmacfs.uploads.session import Session
from hmacfs.uploads.sessions import Sessions
from hmacfs.web.facts import facts_of
from hmacfs.web.peers import Peers
from hmacfs.web.proof import Proof
from hmacfs.web.request import StreamingRequest
from hmacfs.web.v3_documents import PREFIX

KIND: Final = "v3"
"""The dialect, by which the sessions of V3 are found."""

_ID: Final = re.compile(rf"{PREFIX}([A-Za-z0-9_-]{{43}})")
_UNKNOWN: Final = "there is no such upload session"


@frozen
class SessionAccess:
    """
    Finds the sessions of V3 for those who may use them.

    :param now: tells seconds since the epoch.
    :param proof: asks for the credential again.
    """

    sessions: Sessions
    door: Door
    peers: Peers
    now: Callable[[], float]
    proof: Proof = field(factory=Proof)

    async def find(
        self, request: StreamingRequest, session_id: str, *, over: bool = False
    ) -> Session:
        """
        Find a session.

        The id is enough, unless its client has to prove itself again; a credential that is
        sent besides has to hold.

        :param over: whether also one that was cancelled or has expired.
        :raises Unknown: if there is no such session, or it is somebody else's.
        :raises Gone: if it was cancelled or has expired.
        :raises Refusal: what the scheme found wrong.
        """
        return (await self.find_signed(request, session_id, over=over))[0]

    async def find_signed(
        self, request: StreamingRequest, session_id: str, *, over: bool = False
    ) -> tuple[Session, bytes | None]:
        """
        Find a session as :meth:`find` does, for a request with a body.

        :return: the session, and the SHA-256 that is signed for the body, if there is one.
        """
        found = _ID.fullmatch(session_id)
        if found is None:
            raise Unknown(_UNKNOWN)
        session = await self.sessions.find(found[1], KIND, over=over)
        return session, self._signed(request, session)

    def _signed(self, request: StreamingRequest, session: Session) -> bytes | None:
        if not request.requestHeaders.hasHeader(b"Authorization"):
            self.proof.check(session, self.peers.place_of(request), self.now())
            return None
        facts = facts_of(request, b"", self.now())
        try:
            permit = self.door.read(facts)
        except SignatureExpired:
            permit = self.door.read(self.proof.when_judged(session, facts))
        if isinstance(permit, Pending):
            name = session.draft.name
            leaf = None if name is None else name.leaf
            permit = permit.settle(PartFacts(filename=leaf, size=session.length))
        permit.require(Scope.UPLOAD)
        if permit.owner != session.draft.owner:
            raise Unknown(_UNKNOWN)
        return permit.sha256
