"""Tests of hmacfs.wire.disposition."""

from __future__ import annotations

import re
from email import message_from_string
from email.utils import collapse_rfc2231_value

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.wire import disposition

HEADER = re.compile(
    r"(inline|attachment); "
    r'filename="[\x20\x21\x23\x24\x26-\x2e\x30-\x5b\x5d-\x7e]*"'
    r"(; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+)?"
)
"""What the header may be: RFC 6266, 4.1, and RFC 8187, 3.2.1, without what browsers disagree on."""


class MayBeInlineTests(SynchronousTestCase):
    """Tests of may_be_inline."""

    def test_shown(self) -> None:
        """Pictures, films, sound and plain text may be shown."""
        for content_type in (
            "image/jpeg",
            "image/png",
            "IMAGE/WebP",
            "video/mp4; codecs=avc1",
            "audio/ogg",
            "text/plain",
            "Text/Plain; charset=utf-8",
        ):
            self.assertTrue(disposition.may_be_inline(content_type), content_type)

    def test_saved(self) -> None:
        """Markup, scripts, documents and anything unreadable is saved."""
        for content_type in (
            "text/html",
            "text/html; charset=utf-8",
            "TEXT/HTML",
            "text/css",
            "text/javascript",
            "text/xml",
            "text/plain+html",
            "application/xhtml+xml",
            "application/pdf",
            "application/octet-stream",
            "image/svg+xml",
            "Image/SVG+XML; charset=utf-8",
            "image/svg",
            "image/svg-xml",
            "image/xml",
            "image/x+xml",
            "audio/x+xml",
            "video/x+xml",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "image",
            "image/",
            "image/png, text/html",
            "image/png\r\n",
            "",
        ):
            self.assertFalse(disposition.may_be_inline(content_type), content_type)


class RenderTests(SynchronousTestCase):
    """Tests of render."""

    def test_plain_names(self) -> None:
        """A name of plain ASCII comes once, in quotes."""
        for name in ("photo.jpg", "with space.txt", ".bashrc", "a;b,c='d'.txt", "x" * 255):
            self.assertEqual(disposition.render(name, "image/png"), f'inline; filename="{name}"')

    def test_other_names(self) -> None:
        """Any other name comes with a stand-in, and in full for clients that know RFC 8187."""
        for name, plain, full in (
            ("€ rates", "_ rates", "%E2%82%AC%20rates"),
            ("Ж.txt", "_.txt", "%D0%96.txt"),
            ("🐈.png", "_.png", "%F0%9F%90%88.png"),
            ('say "hi".txt', "say _hi_.txt", "say%20%22hi%22.txt"),
            ("back\\slash", "back_slash", "back%5Cslash"),
            ("100%41.txt", "100_41.txt", "100%2541.txt"),
            ("a/b", "a_b", "a%2Fb"),
            ("é'(*)!#$&+-.^_`|~", "_'(*)!#$&+-.^_`|~", "%C3%A9%27%28%2A%29!#$&+-.^_`|~"),
        ):
            expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
            self.assertEqual(disposition.render(name, "text/html"), expected)

    def test_no_new_line(self) -> None:
        """Even a name that no stored file can have breaks no header."""
        header = disposition.render("a\r\nSet-Cookie: x=1\x00\x7f", "text/plain")
        self.assertIsNotNone(HEADER.fullmatch(header))

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    @example("ж" * 127)
    @example('"\\%22\r\n;')
    def test_grammar(self, name: str) -> None:
        """Whatever the name, the header is in the grammar."""
        self.assertIsNotNone(HEADER.fullmatch(disposition.render(name, "image/png")))

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120))
    @example("ж" * 127)
    @example("'')*=%")
    def test_clients_get_the_name(self, name: str) -> None:
        """A parser that is not ours reads back the name of any stored file."""
        try:
            leaf = StoredName.parse(name.encode()).leaf
        except NameRefused:
            return
        header = disposition.render(leaf, "image/png")
        # That parser takes the later of two forms only if the earlier is not there.
        header = re.sub(r'filename="[^"]*"; (?=filename\*)', "", header)
        message = message_from_string(f"Content-Disposition: {header}\n\n")
        value = message.get_param("filename", header="content-disposition")
        assert value is not None
        self.assertEqual(collapse_rfc2231_value(value), leaf)


class FilenameTests(SynchronousTestCase):
    """Tests of filename."""

    def test_forms(self) -> None:
        """The name in full goes before its stand-in; no name is none."""
        for header, name in (
            ('inline; filename="file name.jpg"', "file name.jpg"),
            ("inline; filename=photo.jpg", "photo.jpg"),
            ("inline; filename=\"_.txt\"; filename*=UTF-8''%D0%96.txt", "Ж.txt"),
            ("inline; filename*=utf-8'ru'%D0%96.txt; filename=\"_.txt\"", "Ж.txt"),
            ("inline; filename*=iso-8859-1''%A3; filename=pound", "pound"),
            ("inline", ""),
            ("", ""),
            (";;filename", ""),
        ):
            self.assertEqual(disposition.filename(header), name, header)

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120))
    def test_what_is_rendered(self, name: str) -> None:
        """What is written here is read again."""
        self.assertEqual(disposition.filename(disposition.render(name, "image/png")), name)

    @given(st.text(alphabet="inline;filename*=UTF-8'%\"\\ \té\x00a", max_size=60))
    def test_anything(self, header: str) -> None:
        """Whatever stands there is read or ignored."""
        self.assertIsInstance(disposition.filename(header), str)
