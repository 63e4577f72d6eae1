"""Tests of hmacfs.library.pictures, and of the program that it runs."""

from __future__ import annotations

import io
import json
from array import array
from pathlib import Path

from PIL import Image
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.library import picture_process
from hmacfs.library.pictures import Bounds, NoPicture, Pictures, is_pictured
from tests.library.images import PLACE, bomb, image, opened, turned

BOXES = ((200, 200), (64, 64))
USUAL = Bounds()


class TypeTests(SynchronousTestCase):
    """``is_pictured``."""

    def test_types(self) -> None:
        """Images that hold no scripts have pictures; drawings, documents and all else have none."""
        for kind in ("image/jpeg", "IMAGE/PNG", "image/heic; x=y", "image/webp", "image/gif"):
            self.assertTrue(is_pictured(kind), kind)
        for kind in ("image/svg+xml", "application/pdf", "video/mp4", "image/tiff", "", "image/"):
            self.assertFalse(is_pictured(kind), kind)


class PicturesTests(SynchronousTestCase):
    """Pictures of good images."""

    def setUp(self) -> None:
        self.pictures = Pictures(BOXES)

    def test_formats(self) -> None:
        """Of each format there are pictures that fit into the boxes, in the same proportions."""
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "HEIF"):
            made = self.pictures.make(image(kind))
            self.assertEqual([picture.box for picture in made], list(BOXES))
            self.assertEqual([opened(each.content).size for each in made], [(200, 100), (64, 32)])
            red, _, blue = opened(made[0].content).convert("RGB").getpixel((20, 50))
            self.assertTrue(red > 200 and blue < 60, kind)

    def test_small(self) -> None:
        """A small image is not made larger."""
        (made,) = Pictures(((200, 200),)).make(image("PNG", (20, 10)))
        self.assertEqual(opened(made.content).size, (20, 10))

    def test_clear(self) -> None:
        """What can be seen through stays so, as a PNG; all else is a JPEG."""
        (clear,) = Pictures(((64, 64),)).make(image("PNG", mode="RGBA"))
        (full,) = Pictures(((64, 64),)).make(image("PNG", mode="L"))
        self.assertEqual((clear.kind, opened(clear.content).mode), ("image/png", "RGBA"))
        self.assertEqual(full.kind, "image/jpeg")

    def test_deep(self) -> None:
        """Grey in 16 bits is as bright in the picture, of whatever colour is told to be clear."""
        deep = array("H", [0x8000] * 10_000).tobytes()
        grey = Image.frombytes("I;16", (100, 100), deep)
        for more in ({}, {"transparency": 0x1234}):
            out = io.BytesIO()
            grey.save(out, "PNG", **more)
            (made,) = Pictures(((64, 64),)).make(out.getvalue())
            self.assertEqual(opened(made.content).convert("RGB").getpixel((9, 9)), (128,) * 3)

    def test_photograph(self) -> None:
        """A photograph stands upright, and the picture tells nothing of where it was made."""
        self.assertIn(PLACE.encode(), turned())
        (made,) = Pictures(((200, 200),)).make(turned())
        small = opened(made.content)
        self.assertEqual(small.size, (100, 200))
        self.assertTrue(small.convert("RGB").getpixel((50, 20))[0] > 200)
        self.assertNotIn(b"secret", made.content)
        self.assertFalse(dict(small.getexif()))
        self.assertFalse({"exif", "comment", "icc_profile"} & small.info.keys())


class HarmTests(SynchronousTestCase):
    """Images that do harm, and no images."""

    def refused(self, data: bytes, bounds: Bounds = USUAL) -> str:
        """Return why there is no picture."""
        with self.assertRaises(NoPicture) as caught:
            Pictures(BOXES, bounds).make(data)
        code: str = caught.exception.code
        return code

    def test_none(self) -> None:
        """What is no image, is cut short, or is of a kind that is not taken, has no picture."""
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
        for data in (b"", b"text", svg, postscript, image("PNG")[:200], image("BMP"), b"\0" * 999):
            self.assertEqual(self.refused(data), "unreadable")

    def test_many_pixels(self) -> None:
        """An image of too many pixels is refused by its header."""
        self.assertEqual(self.refused(bomb()), "unreadable")

    def test_memory(self) -> None:
        """An image that takes too much memory costs one process, which is killed or gives up."""
        bounds = Bounds(pixels=10**10, memory=200 * 1024 * 1024)
        self.assertIn(self.refused(bomb(30_000, 20_000), bounds), ("killed", "unreadable"))

    def test_taken_over(self) -> None:
        """A process that does what it wants may write without end, and is not listened to."""
        program = Path(self.mktemp())
        program.write_text("while True: print('x' * 100_000)", encoding="ascii")
        self.patch(picture_process, "__file__", str(program.resolve()))
        self.assertEqual(self.refused(b"image"), "killed")

    def test_nonsense(self) -> None:
        """Nor is one that answers something else than a picture for each box."""
        program = Path(self.mktemp()).resolve()
        self.patch(picture_process, "__file__", str(program))
        good = [{"type": "image/png", "size": 1}] * len(BOXES)
        for answer in (
            None,
            [],
            good[:1],
            [*good, *good],
            [{**each, "type": "text/html"} for each in good],
            [{**each, "size": "1"} for each in good],
            "[" * 100_000,
        ):
            text = answer if isinstance(answer, str) else json.dumps(answer)
            program.write_text(f"print({text!r})", encoding="ascii")
            self.assertEqual(self.refused(b"image"), "killed")
        program.write_text(f"print({json.dumps(good)!r}, end='\\nab')", encoding="ascii")
        made = Pictures(BOXES).make(b"image")
        self.assertEqual(
            [(each.box, each.content) for each in made], [(BOXES[0], b"a"), (BOXES[1], b"b")]
        )

    def test_time(self) -> None:
        """One that takes too long is ended."""
        large = image("PNG", (9000, 9000))
        bounds = Bounds(pixels=10**9, memory=4 * 1024**3, seconds=1)
        self.assertIn(self.refused(large, bounds), ("killed", "slow"))
