"""
Small pictures on disk, by the digest of the bytes that they were made of.

Nothing here is waited for by the disk: what a crash takes is made again.  All
methods block.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from hmacfs.library.pictures import EXTENSIONS, Box, Picture

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
NONE = ".none"
"""What the name of the mark ends in that there can be no picture."""


@frozen
class Shelf:
    """Keeps pictures below a directory."""

    directory: Path

    def find(self, sha256: bytes, box: Box) -> Picture | None:
        """Tell a picture, if it is here."""
        for kind, extension in EXTENSIONS.items():
            with suppress(FileNotFoundError):
                return Picture(box, kind, self._path(sha256, _ending(box, extension)).read_bytes())
        return None

    def knows(self, sha256: bytes, boxes: tuple[Box, ...]) -> bool:
        """Tell whether there are all pictures, or can be none."""
        if self.is_none(sha256):
            return True
        return all(
            any(self._path(sha256, _ending(box, each)).exists() for each in EXTENSIONS.values())
            for box in boxes
        )

    def is_none(self, sha256: bytes) -> bool:
        """Tell whether it is known that there can be none."""
        return self._path(sha256, NONE).exists()

    def put(self, sha256: bytes, pictures: list[Picture]) -> None:
        """Keep pictures; none at all means that there can be none."""
        for picture in pictures:
            ending = _ending(picture.box, EXTENSIONS[picture.kind])
            self._write(self._path(sha256, ending), picture.content)
        if not pictures:
            self._write(self._path(sha256, NONE), b"")

    def forget(self, sha256: bytes) -> None:
        """Let go of the pictures of these bytes."""
        folder = self._path(sha256, "").parent
        if folder.is_dir():
            for path in folder.glob(f"{sha256.hex()}[-.]*"):
                path.unlink(missing_ok=True)

    def folders(self) -> Iterator[frozenset[bytes]]:
        """Tell of which bytes there are pictures, some at a time."""
        for number in range(256):
            folder = self.directory / f"{number:02x}"
            if not folder.is_dir():
                continue
            names = {path.name[:64] for path in folder.iterdir()}
            yield frozenset(bytes.fromhex(name) for name in names if _is_digest(name))

    def _path(self, sha256: bytes, ending: str) -> Path:
        name = sha256.hex()
        return self.directory / name[:2] / f"{name}{ending}"

    def _write(self, path: Path, content: bytes) -> None:
        # One after the other: what "parents" makes is open to all.
        for folder in (self.directory, path.parent):
            folder.mkdir(DIRECTORY_MODE, exist_ok=True)
        # Of this digest by its name too: what a crash leaves goes with the pictures.
        new = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _ending(box: Box, extension: str) -> str:
    return f"-{box[0]}x{box[1]}{extension}"


def _is_digest(name: str) -> bool:
    return len(name) == 64 and not set(name) - set("0123456789abcdef")
