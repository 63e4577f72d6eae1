"""
The URLs of uploads, below ``/files``: who knows one may use the upload.

They are the same for tus and for the IETF's resumable uploads.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Scope
from hmacfs.auth.schemes import Door, Entrance
from hmacfs.base.errors import SignatureExpired, SignatureMissing, Unknown
from hmacfs.uploads.session import Session
from hmacfs.uploads.sessions import Sessions
from hmacfs.web.facts import facts_of
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.proof import Proof
from hmacfs.web.request import StreamingRequest

FILES: Final = "files"
"""First segment of the URLs of uploads, and all of the one that makes them."""

ENTRANCE: Final = "entrance"
"""Under which fact of a session the door is noted that it came by."""

_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PUBLIC_BYTES: Final = 18


def public_id(id: str) -> str:
    """
    Make the folder of the file that an upload becomes.

    The URL of a file is for everybody who gets it, that of its upload is not,
    so the one must not tell the other.
    """
    digest = hashlib.sha256(f"file\0{id}".encode()).digest()
    return urlsafe_b64encode(digest[:_PUBLIC_BYTES]).decode()


@frozen
class UploadUrls:
    """
    Maps uploads to URLs and back.

    :param doors: what may sign each kind of request.
    :param now: tells seconds since the epoch.
    :param proof: asks for the credential again.
    """

    sessions: Sessions
    doors: Mapping[Entrance, Door]
    paths: Paths
    peers: Peers
    now: Callable[[], float]
    proof: Proof = field(factory=Proof)

    def is_creation(self, request: StreamingRequest) -> bool:
        """Tell whether a request is for the URL that makes uploads."""
        return request.target.path.decode() in (FILES, f"{FILES}/")

    def url_of(self, request: StreamingRequest, session: Session) -> str:
        """Tell the URL of an upload, as this client reaches it."""
        origin = self.paths.base_url or self.peers.origin_of(request)
        return f"{origin}/{FILES}/{session.id}"

    def location_of(self, request: StreamingRequest, session: Session) -> str:
        """Tell the URL of the file that an upload has become."""
        if session.file is None:
            raise ValueError("this upload has not become a file")
        url = self.paths.url_of(session.file.name)
        return url if self.paths.base_url else self.peers.origin_of(request) + url

    async def find(self, request: StreamingRequest, kind: str) -> Session:
        """
        Find the upload of this kind that a request is for.

        :raises Unknown: if there is none, or it is somebody else's.
        :raises Gone: if it was cancelled or has expired.
        :raises Refusal: what was found wrong with a credential that came along.
        """
        id = request.target.path.decode().partition("/")[2]
        if _ID.fullmatch(id) is None:
            raise Unknown("there is no such upload")
        session = await self.sessions.find(id, kind)
        self._check_credential(request, session)
        return session

    def _check_credential(self, request: StreamingRequest, session: Session) -> None:
        # The URL is enough; but who sends a credential besides has to be the one who may.
        authorization = request.requestHeaders.getRawHeaders("Authorization")
        if authorization is None:
            self.proof.check(session, self.peers.place_of(request), self.now())
            return
        draft = session.draft
        path = "" if draft.name is None else str(draft.name)
        facts = facts_of(request, path.encode(), self.now())
        headers = {**facts.headers, "content-type": draft.content_type}
        facts = evolve(facts, parameters={}, headers=headers, length=draft.length or 0)
        door = self.doors[Entrance[draft.facts.get(ENTRANCE, Entrance.TUS.name)]]
        try:
            permit = door.read(facts)
        except SignatureExpired:
            permit = door.read(self.proof.when_judged(session, facts))
        if isinstance(permit, Pending):
            raise SignatureMissing("this signature is not for an upload that is under way")
        permit.require(Scope.UPLOAD)
        if permit.owner != draft.owner:
            raise Unknown("there is no such upload")
