"""When the URL of an upload is not enough to go on with it (``security.enhanced_security``)."""

from __future__ import annotations

from math import inf
from typing import Final

from attrs import evolve, frozen

from hmacfs.auth.facts import RequestFacts
from hmacfs.base.errors import SignatureMissing
from hmacfs.uploads.session import Session

_IN_HEADERS: Final = frozenset({"jwt", "prosody", "bearer", "v1", "v2-header"})
"""Schemes whose credential can come with any request; that of the others is in the first URL."""


@frozen
class Proof:
    """
    Asks for the credential that began an upload once more.

    Durations are in seconds, and count from the last byte.

    :ivar on_move: whether that is so when the client is in another place.
    :ivar silence: after which it is so in any place.
    :ivar long_silence: after which the credential must be good at that time, too.
    """

    on_move: bool = False
    silence: float = inf
    long_silence: float = inf

    def check(self, session: Session, place: str, now: float) -> None:
        """
        Judge a request for a session that brings no credential.

        :param place: where its client is.
        :raises SignatureMissing: if it has to bring one.
        """
        if not session.state.takes_bytes or session.draft.scheme not in _IN_HEADERS:
            return
        has_moved = self.on_move and session.places != () and place not in session.places
        if has_moved or now - session.touched_at >= self.silence:
            raise SignatureMissing("this upload goes on with the credential that began it")

    def when_judged(self, session: Session, facts: RequestFacts) -> RequestFacts:
        """
        Tell as of when a credential for a session is judged.

        An upload may take longer than the credential is good that allowed it.
        """
        if facts.now - session.touched_at >= self.long_silence:
            return facts
        return evolve(facts, now=session.created_at)
