"""``GET`` of small pictures: ``/thumbnail/path`` and ``?thumbnail=true``."""

from __future__ import annotations

import hashlib
from typing import Literal

from attrs import evolve, frozen

from hmacfs.base.errors import MalformedRequest, NameRefused, NotServed, Unknown
from hmacfs.base.names import StoredName
from hmacfs.base.spans import Span
from hmacfs.library.pictures import EXTENSIONS, Box, Picture
from hmacfs.library.serving import Ask, plan
from hmacfs.library.thumbnails import PATIENCE, Thumbnails
from hmacfs.web import replies
from hmacfs.web.files import ASKED, STATUS, Files
from hmacfs.web.request import StreamingRequest

BELOW = b"thumbnail/"


@frozen
class ThumbnailPages:
    """
    Serves small pictures to those who may download the file.

    :param thumbnails: without it there are none.
    """

    files: Files
    thumbnails: Thumbnails | None

    def is_wanted(self, request: StreamingRequest) -> bool:
        """Tell whether the URL of a file asks for its picture."""
        return request.target.parameters.get("thumbnail") == "true"

    async def below(self, request: StreamingRequest) -> None:
        """Answer ``/thumbnail/path``, where the path may begin with the prefix of uploads."""
        await self.get(request, request.target.path[len(BELOW) :])

    async def get(self, request: StreamingRequest, path: bytes) -> None:
        """Answer with the picture of a file."""
        if self.thumbnails is None:
            raise Unknown("there are no small pictures here")
        try:
            name = self.files.paths.name_to_read(path)
        except NameRefused:
            raise Unknown("there is no such file") from None
        await self._answer(request, name, self.thumbnails)

    async def _answer(
        self, request: StreamingRequest, name: StoredName, thumbnails: Thumbnails
    ) -> None:
        self.files.guard.check(request, name)
        file = await self.files.lookup.find(name)
        refused = self.files.kinds.refused(name)
        if refused is not None:
            raise NotServed("files of this kind are not given out", extension=refused)
        box = _box(request, thumbnails.pictures.boxes)
        try:
            picture = await thumbnails.find(file, box)
        except TimeoutError:
            raise Unknown("the picture is not made yet", retry_after=PATIENCE) from None
        if picture is None:
            raise Unknown("there is no small picture of this file")
        method: Literal["GET", "HEAD"] = "HEAD" if request.method == b"HEAD" else "GET"
        values = {field: replies.header(request, field) for field in ASKED}
        asked = {field: value for field, value in values.items() if value is not None}
        described = evolve(
            file,
            name=StoredName((_leaf(file.name.leaf, picture),)),
            size=len(picture.content),
            sha256=hashlib.sha256(picture.content).digest(),
            content_type=picture.kind,
        )
        answer = plan(Ask.read(method, asked, self.files.now()), described, self.files.policy)
        replies.begin(request, STATUS[answer.outcome], dict(answer.headers))
        for piece in answer.body:
            if isinstance(piece, Span):
                request.write(picture.content[piece.start : piece.stop])
            else:
                request.write(piece)
        request.finish()


def _leaf(leaf: str, picture: Picture) -> str:
    return f"{leaf.rpartition('.')[0] or leaf}"[:60] + EXTENSIONS[picture.kind]


def _box(request: StreamingRequest, boxes: tuple[Box, ...]) -> Box:
    asked = request.target.parameters.get("size")
    if asked is None:
        return boxes[0]
    for box in boxes:
        if asked == f"{box[0]}x{box[1]}":
            return box
    known = ", ".join(f"{width}x{height}" for width, height in boxes)
    raise MalformedRequest(f"the sizes of small pictures are {known}")
