"""
The program that makes small pictures, one process for one picture.

It is run by its path and imports nothing of ours.  An image of a stranger may
exhaust or break whatever decodes it, so that happens here, where nothing else
is lost: with bounds on memory, time and files, and without secrets.

It takes the image on its standard input, what is wanted as JSON in its
argument, and writes a line of JSON and then the bytes of the pictures.  Exit
code 3 means that this is no image which it takes.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

NO_PICTURE = 3

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def main() -> int:
    """Make the pictures."""
    wanted = json.loads(sys.argv[1])
    _bound(wanted["memory"], wanted["seconds"])
    data = sys.stdin.buffer.read()
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - under the bounds

    formats = list(FORMATS)
    if data[4:8] == b"ftyp":
        import pillow_heif  # noqa: PLC0415 - under the bounds

        pillow_heif.register_heif_opener(thumbnails=False)
        formats.append("HEIF")
    try:
        image: Any = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > wanted["pixels"]:
            print(f"{image.width}x{image.height} is too large", file=sys.stderr)
            return NO_PICTURE
        largest = max(wanted["boxes"])
        image.draft(None, (2 * max(largest), 2 * max(largest)))
        image.load()
        image = _in_eight_bits(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        print("it is no image of a kind that is known", file=sys.stderr)
        return NO_PICTURE
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        print(str(error)[:200], file=sys.stderr)
        return NO_PICTURE
    made = [_small(image, tuple(box)) for box in wanted["boxes"]]
    told = [
        {"box": box, "type": kind, "size": len(content)}
        for box, (kind, content) in zip(wanted["boxes"], made, strict=True)
    ]
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
    for _, content in made:
        sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return 0


def _bound(memory: int, seconds: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _in_eight_bits(image: Any) -> Any:
    # Of grey in 16 bits Pillow would keep what is below 256, and take all else for white.
    if not image.mode.startswith("I"):
        return image
    image.info.pop("transparency", None)
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _small(image: Any, box: tuple[int, int]) -> tuple[str, bytes]:
    from PIL import Image  # noqa: PLC0415 - under the bounds

    is_clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    small = image.convert("RGBA" if is_clear else "RGB")
    small.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    small = _in_common_colours(small, image.info.get("icc_profile"))
    # A new image has no metadata: no place, no comment, no camera.
    bare = Image.frombytes(small.mode, small.size, small.tobytes())
    out = io.BytesIO()
    if is_clear:
        bare.save(out, "PNG", optimize=True)
        return "image/png", out.getvalue()
    bare.save(out, "JPEG", quality=80, optimize=True)
    return "image/jpeg", out.getvalue()


def _in_common_colours(image: Any, profile: bytes | None) -> Any:
    if not profile:
        return image
    from PIL import ImageCms  # noqa: PLC0415 - under the bounds

    try:
        return ImageCms.profileToProfile(
            image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=image.mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


if __name__ == "__main__":
    sys.exit(main())
