"""Tests of hmacfs.wire.content_type."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire import content_type
from hmacfs.wire.content_type import MediaType

READABLE = (
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain;charset=utf-8",
    'text/plain ; charset="utf-8" ; format=flowed',
    'video/mp4; codecs="avc1.42E01E, mp4a.40.2"',
    'x/y; a="\\"quoted\\" \\\\"',
    "x/y;",
    "x/y; ; a=b",
    "application/vnd.oasis.opendocument.text",
    "application/x-zerosize",
    "TEXT/Html",
    "image/svg+xml",
    "!#$%&'*+.^_`|~-/1",
)

UNREADABLE = (
    "",
    " ",
    "text",
    "text/",
    "/plain",
    "text/plain/x",
    "text plain",
    " text/plain",
    "text /plain",
    "text/plain, text/html",
    "text/plain; charset",
    "text/plain; charset=",
    "text/plain; charset = utf-8",
    "text/plain; charset=a b",
    'text/plain; a="b',
    'text/plain; a="b"c',
    "text/plain charset=utf-8",
    "text/pläin",
    "text/plain; name=\u0444\u043e\u0442\u043e",
    "text/plain\r\nX-Evil: 1",
    "text/plain\n",
    "text/plain\x00",
    "(text)/plain",
)


class MediaTypeTests(SynchronousTestCase):
    """Tests of MediaType."""

    def test_parse(self) -> None:
        """Type and subtype are read without regard to case or parameters."""
        for header, expected in (
            ("text/plain", ("text", "plain")),
            ("TEXT/Html; charset=utf-8", ("text", "html")),
            ("image/SVG+xml", ("image", "svg+xml")),
        ):
            self.assertEqual(MediaType.parse(header), MediaType(*expected))

    def test_readable(self) -> None:
        """Whatever the grammar of RFC 9110, 8.3.1, allows can be read."""
        for header in READABLE:
            self.assertIsNotNone(MediaType.parse(header), header)

    def test_unreadable(self) -> None:
        """Nothing else can."""
        for header in UNREADABLE:
            self.assertIsNone(MediaType.parse(header), header)

    def test_xml(self) -> None:
        """XML is known by its subtype, whatever the type."""
        for header, expected in (
            ("text/xml", True),
            ("application/xml; charset=utf-8", True),
            ("image/svg+xml", True),
            ("video/x+XML", True),
            ("application/xhtml+xml", True),
            ("text/plain", False),
            ("text/xml-dtd", False),
            ("xml/plain", False),
        ):
            read = MediaType.parse(header)
            assert read is not None
            self.assertIs(read.is_xml, expected, header)

    def test_long_and_broken(self) -> None:
        """A long value that turns out to be broken at its end is not slow to refuse."""
        for header in (
            "a/b" + ";  " * 20_000 + "\x01",
            "a/b" + "; c=d " * 10_000 + "\x01",
            'a/b; c="' + "\\x" * 20_000,
            "a/b; c=" + "d" * 40_000 + "\x01",
        ):
            self.assertIsNone(MediaType.parse(header))


class CheckedTests(SynchronousTestCase):
    """Tests of checked."""

    def test_verbatim(self) -> None:
        """A type is kept as it came, since the signature covers it, readable or not."""
        for header in (*READABLE, "", "nonsense", "text/plain; имя=фото", "x" * 255):
            self.assertEqual(content_type.checked(header), header)

    def test_too_long(self) -> None:
        """A type of over 255 characters is malformed, and the limit is told."""
        error = self.assertRaises(MalformedRequest, content_type.checked, "x" * 256)
        self.assertEqual(error.facts, {"limit": 255})

    def test_control_characters(self) -> None:
        """No control character gets into the index, and from there into a header."""
        for number in (*range(0x20), *range(0x7F, 0xA0)):
            header = f"text/plain{chr(number)}"
            self.assertRaises(MalformedRequest, content_type.checked, header)

    def test_not_text(self) -> None:
        """What was not UTF-8 on the wire cannot be stored as text."""
        self.assertRaises(MalformedRequest, content_type.checked, "text/pl\udce4in")


class ServedTests(SynchronousTestCase):
    """Tests of served."""

    def test_readable(self) -> None:
        """A type that can be read is served as it was stored, with its parameters."""
        for header in READABLE:
            self.assertEqual(content_type.served(header), header)

    def test_unreadable(self) -> None:
        """A type that cannot be read is served as bytes of any kind."""
        for header in UNREADABLE:
            self.assertEqual(content_type.served(header), "application/octet-stream")

    @given(st.text())
    def test_fit_for_a_header(self, stored: str) -> None:
        """Whatever was stored, what is served is ASCII on one line."""
        served = content_type.served(stored)
        self.assertTrue(served.isascii())
        self.assertTrue(set(served).isdisjoint("\r\n\0"))
