"""Images to make small pictures of, and some that do harm."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pillow_heif
from PIL import Image

WIDE = (640, 320)
PLACE = "a secret place"


def image(kind: str, size: tuple[int, int] = WIDE, mode: str = "RGB", **more: Any) -> bytes:
    """Make an image: its left half is red, its right half blue."""
    made = Image.new("RGB", size, (0, 0, 255))
    made.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(made).save(out, quality=80)
    else:
        made.convert(mode).save(out, kind, **more)
    return out.getvalue()


def turned() -> bytes:
    """Make a photograph of which the camera was turned, and that tells where it was made."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010E] = PLACE
    return image("JPEG", exif=exif, comment=PLACE)


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """Make a PNG of few bytes and very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width * 3)
    pixels = b"".join(packer.compress(row) for _ in range(min(height, 300))) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def opened(content: bytes) -> Any:
    """Read an image."""
    made = Image.open(io.BytesIO(content))
    made.load()
    return made
