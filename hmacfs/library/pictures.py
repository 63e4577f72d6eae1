"""Small pictures of images, made in processes that may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from hmacfs.library import picture_process
from hmacfs.wire.content_type import MediaType

Box = tuple[int, int]
"""A width and a height in pixels that a picture fits into."""

TYPES: Final = frozenset({"jpeg", "jpg", "pjpeg", "png", "webp", "gif", "heic", "heif"})
"""The subtypes of images that pictures are made of: none that can hold scripts."""

EXTENSIONS: Final = {"image/jpeg": ".jpg", "image/png": ".png"}
"""The media types that pictures have, and the extensions of their files."""

MAX_SOURCE: Final = 64 * 1024 * 1024
"""Bytes of the largest file that a picture is made of."""

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes that the pictures of one image do not reach."""

LONGEST_COMPLAINT: Final = 4096


class NoPicture(Exception):
    """There is no picture of this; ``code`` is ``unreadable``, ``killed`` or ``slow``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@frozen
class Picture:
    """A small picture of an image; ``kind`` is its media type."""

    box: Box
    kind: str
    content: bytes


@frozen
class Bounds:
    """
    What one picture may cost.

    :ivar pixels: of the image.
    :ivar memory: bytes of addresses of the process.
    :ivar seconds: of processor time; in all it may take twice as long.
    """

    pixels: int = 50_000_000
    memory: int = 1024**3
    seconds: int = 10


def is_pictured(content_type: str) -> bool:
    """Tell whether pictures are made of files of a type."""
    kind = MediaType.parse(content_type)
    return kind is not None and kind.type == "image" and kind.subtype in TYPES


@frozen
class Pictures:
    """
    Makes small pictures.

    :ivar boxes: which.
    """

    boxes: tuple[Box, ...]
    bounds: Bounds = Bounds()

    def make(self, data: bytes) -> list[Picture]:
        """
        Make one for each box; blocks.

        :raises NoPicture: if that cannot be done.
        """
        wanted = {
            "boxes": self.boxes,
            "pixels": self.bounds.pixels,
            "memory": self.bounds.memory,
            "seconds": self.bounds.seconds,
        }
        # Without the daemon's environment, which may hold secrets.
        environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        path = Path(picture_process.__file__)
        with (
            _held(data) as source,
            subprocess.Popen(  # noqa: S603 - a program of ours, and numbers
                ["nice", sys.executable, "-P", "-s", path, json.dumps(wanted)],  # noqa: S607 - as found by the daemon
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ,
                cwd="/",
            ) as process,
        ):
            answer, complaint, in_time = _heard(process, 2 * self.bounds.seconds)
        if not in_time:
            raise NoPicture("slow", "it took too long")
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        if process.returncode == picture_process.NO_PICTURE:
            raise NoPicture("unreadable", last)
        if process.returncode != 0:
            raise NoPicture("killed", f"exit code {process.returncode}: {last}")
        return self._read(answer)

    def _read(self, answer: bytes) -> list[Picture]:
        # What broke into the process names no path and no type by it.
        try:
            line, _, content = answer.partition(b"\n")
            pictures = []
            for box, told in zip(self.boxes, json.loads(line), strict=True):
                if told["type"] not in EXTENSIONS:
                    raise ValueError("pictures are of no such type")
                pictures.append(Picture(box, told["type"], content[: told["size"]]))
                content = content[told["size"] :]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NoPicture("killed", "its process makes no sense") from None
        return pictures


@contextmanager
def _held(data: bytes) -> Iterator[IO[bytes]]:
    # In memory, so that nobody has to write it while somebody has to read.
    with os.fdopen(os.memfd_create("image"), "w+b") as source:
        source.write(data)
        source.seek(0)
        yield source


def _heard(process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes, bool]:
    # Whatever breaks into the process may write what it wants: this much is read.
    out, complaints = process.stdout, process.stderr
    if out is None or complaints is None:
        raise RuntimeError("the process has no pipes")
    ended = threading.Event()

    def end() -> None:
        ended.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        answer = out.read(MAX_ANSWER)
        if len(answer) == MAX_ANSWER:
            process.kill()
        return answer, complaints.read(LONGEST_COMPLAINT), not ended.is_set()
    finally:
        process.wait()
        timer.cancel()
