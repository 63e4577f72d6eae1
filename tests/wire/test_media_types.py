"""Tests of hmacfs.wire.media_types."""

from __future__ import annotations

import mimetypes
import string

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.content_type import MediaType
from hmacfs.wire.media_types import guess

KNOWN = [
    ("photo.jpg", "image/jpeg"),
    ("PHOTO.JPEG", "image/jpeg"),
    ("picture.png", "image/png"),
    ("sticker.webp", "image/webp"),
    ("voice.m4a", "audio/mp4"),
    ("voice.ogg", "audio/ogg"),
    ("film.mp4", "video/mp4"),
    ("clip.webm", "video/webm"),
    ("notes.txt", "text/plain"),
    ("paper.pdf", "application/pdf"),
    ("source.tar.gz", "application/gzip"),
    ("archive.zip", "application/zip"),
]
UNKNOWN = ["", "file", ".jpg", "file.", "file.jpg.", "file.nonsense", "jpg", "file.jpg~"]


class GuessTests(SynchronousTestCase):
    """``guess``."""

    def test_known(self) -> None:
        """The last extension tells the type, in capitals or not."""
        for leaf, expected in KNOWN:
            self.assertEqual(guess(leaf), expected, leaf)

    def test_unknown(self) -> None:
        """A name without an extension that is known tells nothing."""
        for leaf in UNKNOWN:
            self.assertEqual(guess(leaf), "application/octet-stream", leaf)

    def test_not_of_the_machine(self) -> None:
        """What this machine or program has registered makes no difference."""
        mimetypes.add_type("text/x-made-up", ".madeup")
        self.assertEqual(guess("file.madeup"), "application/octet-stream")

    @given(st.text(), st.text(string.ascii_letters))
    def test_readable(self, stem: str, extension: str) -> None:
        """Whatever is guessed is a media type."""
        self.assertIsNotNone(MediaType.parse(guess(f"{stem}.{extension}")))
