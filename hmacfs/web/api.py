"""``/api``: for programs, in the three versions of the 3.x documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from attrs import field, frozen

from hmacfs.auth.schemes import Door, Entrance
from hmacfs.base.errors import MethodRefused, NameRefused, Unknown
from hmacfs.base.names import StoredName
from hmacfs.library.pictures import is_pictured
from hmacfs.web import documents, replies
from hmacfs.web.facts import facts_of
from hmacfs.web.files import Files
from hmacfs.web.following import Following
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest
from hmacfs.web.uploads import Uploads
from hmacfs.web.v3 import V3Uploads
from hmacfs.web.v3_documents import CHUNK, DOWNLOAD, PROGRESS, UPLOAD
from hmacfs.web.versions import FILES, VersionFaces

Face = Callable[..., Coroutine[Any, Any, None]]
"""Answers a request; the variables of its place are arguments."""

_VARIABLE: Final = re.compile(r"\{([a-z]+)\}")
_SEGMENT: Final = "[^/]+"
_WHATEVER: Final = r"[\s\S]+"


@cache
def _description() -> bytes:
    # Once: an upgrade may have taken it from under a server that goes on.
    return resources.files("hmacfs.web").joinpath("openapi.json").read_bytes()


@frozen
class Endpoint:
    """
    A place of the API.

    :ivar path: as its description has it: ``{path}`` stands for all that
        follows, other variables for one segment.
    :ivar faces: what answers each method.
    """

    path: str
    faces: Mapping[str, Face]
    _pattern: re.Pattern[str] = field(init=False, eq=False, repr=False)

    @_pattern.default
    def _compile(self) -> re.Pattern[str]:
        # Every other piece is the name of a variable.
        pieces = _VARIABLE.split(self.path)
        for place in range(1, len(pieces), 2):
            name = pieces[place]
            pieces[place] = rf"(?P<{name}>{_WHATEVER if name == 'path' else _SEGMENT})"
        pieces[::2] = map(re.escape, pieces[::2])
        return re.compile("".join(pieces))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it has; a HEAD for every GET."""
        return tuple(self.faces) + (("HEAD",) if "GET" in self.faces else ()) + ("OPTIONS",)

    def variables(self, path: str) -> dict[str, str] | None:
        """Tell what the variables are in a decoded path; ``None`` if this is not its place."""
        match = self._pattern.fullmatch(path)
        return None if match is None else match.groupdict()


@frozen
class Api:
    """
    Answers whatever begins with ``/api``.

    :param doors: what may sign each kind of request.
    :param files: serves those who may download with what V3 takes.
    :param v3: takes the uploads of V3.
    :param following: lets clients follow them.
    :param versions: tells what files were before.
    :param now: tells seconds since the epoch.
    :param pictures: whether there are small pictures of images.
    :param description: what ``/api/openapi.json`` tells.
    :ivar endpoints: every place there is.
    """

    doors: Mapping[Entrance, Door]
    uploads: Uploads
    files: Files
    v3: V3Uploads
    following: Following
    versions: VersionFaces
    peers: Peers
    now: Callable[[], float]
    pictures: bool = False
    description: bytes = field(factory=_description, repr=False)
    endpoints: tuple[Endpoint, ...] = field(init=False, eq=False, repr=False)

    @endpoints.default
    def _places(self) -> tuple[Endpoint, ...]:
        v3 = self.v3
        return (
            Endpoint("/api/openapi.json", {"GET": self._describe}),
            Endpoint("/api/v1/upload", {"POST": self._upload_v1}),
            Endpoint("/api/v2/upload", {"POST": self._upload_v2}),
            Endpoint(f"{DOWNLOAD}/{{path}}", {"GET": self._download}),
            Endpoint(UPLOAD, {"POST": v3.create}),
            Endpoint(f"{UPLOAD}/{{session}}", {"GET": v3.show, "PUT": v3.put, "DELETE": v3.cancel}),
            Endpoint(f"{UPLOAD}/{{session}}/complete", {"POST": v3.complete}),
            Endpoint(
                f"{UPLOAD}/{{session}}/chunks/{{number}}",
                {"PUT": v3.put_chunk, "POST": v3.put_chunk},
            ),
            Endpoint(
                f"{CHUNK}/{{number}}",
                {"PUT": v3.put_chunk_named, "POST": v3.put_chunk_named},
            ),
            Endpoint(f"{PROGRESS}/{{session}}", {"GET": self.following.follow}),
            Endpoint(f"{FILES}/{{path}}/versions", {"GET": self.versions.show}),
            Endpoint(f"{FILES}/{{path}}/versions/{{version}}", {"GET": self.versions.get}),
            Endpoint(
                f"{FILES}/{{path}}/versions/{{version}}/restore", {"POST": self.versions.restore}
            ),
        )

    def methods_at(self, request: StreamingRequest) -> tuple[str, ...]:
        """Tell the methods of the place that a request is for; none if there is no such place."""
        return next((endpoint.methods for endpoint, _ in self._places_of(request)), ())

    def answer(self, request: StreamingRequest) -> Coroutine[Any, Any, None]:
        """
        Answer a request.

        :raises Unknown: if there is nothing at its path.
        :raises MethodRefused: if what is there has no such method.
        """
        endpoint, variables = next(self._places_of(request), (None, {}))
        if endpoint is None:
            raise Unknown("there is nothing here")
        request.route = endpoint.path
        method = request.method.decode("ascii", "backslashreplace")
        face = endpoint.faces.get("GET" if method == "HEAD" else method)
        if face is None:
            allowed = ", ".join(endpoint.methods)
            raise MethodRefused(f"{method} is not possible here", allow=allowed)
        return face(request, **variables)

    def _places_of(self, request: StreamingRequest) -> Iterator[tuple[Endpoint, dict[str, str]]]:
        path = f"/{request.target.path.decode()}"
        for endpoint in self.endpoints:
            variables = endpoint.variables(path)
            if variables is not None:
                yield endpoint, variables

    async def _describe(self, request: StreamingRequest) -> None:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        replies.reply(request, HTTPStatus.OK, headers, self.description)

    async def _upload_v1(self, request: StreamingRequest) -> None:
        facts = facts_of(request, b"", self.now())
        receipt = await self.uploads.form(request, self.doors[Entrance.API_V1], facts, _nameless)
        document = documents.v1(receipt.file, self._url(request, receipt.file.name))
        replies.document(request, HTTPStatus.CREATED, document)

    async def _upload_v2(self, request: StreamingRequest) -> None:
        facts = facts_of(request, b"", self.now())
        receipt = await self.uploads.form(request, self.doors[Entrance.API_V2], facts, _nameless)
        url = self._url(request, receipt.file.name)
        upload_id = facts.headers.get("x-upload-id", "")
        document = documents.v2(receipt.file, url, upload_id)
        if self.pictures and is_pictured(receipt.file.content_type):
            origin = self.peers.origin_of(request)
            document["thumbnail_url"] = self.uploads.paths.thumbnail_url_of(
                receipt.file.name, origin
            )
        replies.document(request, HTTPStatus.CREATED, document)

    async def _download(self, request: StreamingRequest, path: str) -> None:
        try:
            name = StoredName.parse(path.encode())
        except NameRefused:
            raise Unknown("there is no such file") from None
        await self.files.serve(request, name)

    def _url(self, request: StreamingRequest, name: StoredName) -> str:
        return self.uploads.paths.download_url_of(name, self.peers.origin_of(request))


def _nameless() -> None:
    """Tell that these requests do not name the file: its part does."""
