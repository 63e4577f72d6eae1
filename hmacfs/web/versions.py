"""``/api/v3/files/PATH/versions``: what files were before."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from attrs import frozen

from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit, Scope
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import NameRefused, SignatureMissing, Unknown
from hmacfs.base.moments import rfc3339
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.ingest.restoration import Restoration, version_name
from hmacfs.web import replies
from hmacfs.web.documents import Document
from hmacfs.web.facts import facts_of
from hmacfs.web.files import Files
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest

FILES = "/api/v3/files"
"""What the places of versions are below."""

_PRIVATE = {"Cache-Control": "no-store"}


@frozen
class VersionFaces:
    """
    Lists, gives out and restores older versions of files.

    :param files: serves those who may download with what V3 takes.
    :param door: what may sign a restoration.
    :param now: tells seconds since the epoch.
    """

    files: Files
    restoration: Restoration
    door: Door
    peers: Peers
    now: Callable[[], float]

    async def show(self, request: StreamingRequest, path: str) -> None:
        """Tell the present file and the versions that are kept, the newest first."""
        name = _name(path)
        self.files.guard.check(request, name)
        file = await self.files.lookup.find(name)
        kept = await self.files.lookup.versions(name)
        place = f"{self.peers.origin_of(request)}{FILES}/{quote(str(name))}/versions"
        document = {
            "path": str(name),
            "current": _facts(file),
            "versions": [_described(version, place) for version in reversed(kept)],
        }
        replies.document(request, HTTPStatus.OK, document, _PRIVATE)

    async def get(self, request: StreamingRequest, path: str, version: str) -> None:
        """Answer with a version."""
        name = _name(path)
        await self.files.serve(request, version_name(name, version), name)

    async def restore(self, request: StreamingRequest, path: str, version: str) -> None:
        """
        Make a version the present file again.

        :raises ScopeMissing: if the credential allows no uploads.
        :raises Unknown: if there is no such version, or it is of somebody else's file.
        """
        name = _name(path)
        permit = self.door.read(facts_of(request, str(name).encode(), self.now()))
        if isinstance(permit, Pending):
            raise SignatureMissing("a signature over a file that is sent is not for restoring")
        permit.require(Scope.UPLOAD)
        permit.check_name(name)
        file = await self.restoration.restore(name, version, lambda known: _check(permit, known))
        replies.document(request, HTTPStatus.OK, {"path": str(name), "current": _facts(file)})


def _check(permit: Permit, known: StoredFile) -> None:
    if Scope.ADMIN in permit.scopes:
        return
    if permit.owner is None or permit.owner != known.owner:
        raise Unknown("there is no such file")


def _name(path: str) -> StoredName:
    try:
        return StoredName.parse(path.encode())
    except NameRefused:
        raise Unknown("there is no such file") from None


def _facts(file: StoredFile) -> Document:
    return {
        "size": file.size,
        "content_type": file.content_type,
        "checksum": f"sha256:{file.sha256.hex()}",
        "uploaded_at": rfc3339(file.uploaded_at),
    }


def _described(version: StoredFile, place: str) -> Document:
    id = version.name.leaf
    return {
        "id": id,
        **_facts(version),
        "url": f"{place}/{id}",
        "restore_url": f"{place}/{id}/restore",
    }
