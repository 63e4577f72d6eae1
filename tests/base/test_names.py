"""Tests of hmacfs.base.names."""

from __future__ import annotations

import posixpath
import unicodedata
from urllib.parse import quote_from_bytes

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest, NameRefused
from hmacfs.base.names import MAX_NAME_BYTES, MAX_SEGMENT_BYTES, StoredName
from hmacfs.wire import target

ROOT = "/srv/files"

DOTS = (".", "%2e", "%2E", "%c0%ae", "%e0%80%ae", "%252e", "%25%32%65", "\uff0e", "\u2024")
"""Ways in which clients have tried to write a dot."""

SLASHES = ("/", "//", "%2f", "%2F", "%5c", "\\", "%c0%af", "%252f", "/./", "%00/", "\u2215")
"""Ways in which clients have tried to write a slash."""


def hostile_paths() -> st.SearchStrategy[bytes]:
    """Make the path of a request target out of dots, slashes and a few harmless words."""
    dots = st.tuples(st.sampled_from(DOTS), st.sampled_from(DOTS)).map("".join)
    words = st.sampled_from(("", "a", "etc", "passwd", ".hmacfs", "%2ehmacfs", ".HMACFS", "%00"))
    steps = st.one_of(dots, st.sampled_from(DOTS), words, st.sampled_from(SLASHES))
    return st.lists(steps, max_size=10).map(lambda made: ("/" + "".join(made)).encode())


class StoredNameTests(SynchronousTestCase):
    """Tests of StoredName."""

    def assert_refused(self, path: bytes) -> None:
        """Check that this path is no name."""
        error = self.assertRaises(NameRefused, StoredName.parse, path)
        self.assertEqual(error.code, "name-refused")

    def assert_below_root(self, name: StoredName) -> None:
        """Check that the name leads to a place of its own below the root, but not the server's."""
        joined = f"{ROOT}/{name}"
        self.assertEqual(posixpath.normpath(joined), joined)
        self.assertEqual(posixpath.commonpath([ROOT, joined]), ROOT)
        self.assertNotEqual(joined, ROOT)
        self.assertNotIn("\0", joined)
        self.assertNotEqual(name.segments[0].lower(), ".hmacfs")

    def test_accepted(self) -> None:
        """Names of every script, with spaces and punctuation, are taken as they are."""
        for text in (
            "0439bc58-f424/hello.txt",
            "a/b/c/d.bin",
            "два слова/Привет, мир.jpg",
            "emoji/🐈‍⬛ 100% + 1?.png",
            "...",
            "..a",
            "a..",
            ".bashrc",
            "back\\slash",
            "%2e%2e",
            "a+b c",
            "x/.hmacfs/y",
            ".hmacfs2",
            "e\u0301",
        ):
            name = StoredName.parse(text.encode())
            self.assertEqual(str(name), text)
            self.assert_below_root(name)

    def test_segments(self) -> None:
        """A name is made of segments, of which a person sees the last."""
        name = StoredName.parse(b"slot/photo.jpg")
        self.assertEqual((name.segments, name.leaf), (("slot", "photo.jpg"), "photo.jpg"))

    def test_no_normalisation(self) -> None:
        """Two spellings of one letter are two names, as they are to the signature."""
        composed, apart = (
            StoredName.parse(unicodedata.normalize(form, "é").encode()) for form in ("NFC", "NFD")
        )
        self.assertNotEqual(composed, apart)

    def test_empty_segments(self) -> None:
        """No segment is empty: neither the whole name, nor at either end, nor between."""
        for path in (b"", b"/", b"/a", b"a/", b"a//b", b"//"):
            self.assert_refused(path)

    def test_dot_segments(self) -> None:
        """No segment is a dot or two."""
        for path in (b".", b"..", b"../a", b"a/..", b"a/../b", b"./a", b"a/.", b"a/./b"):
            self.assert_refused(path)

    def test_control_characters(self) -> None:
        """No segment has a control character, so none can break a header or a log line."""
        for number in (*range(0x20), *range(0x7F, 0xA0)):
            self.assert_refused(f"a{chr(number)}b".encode())

    def test_not_utf8(self) -> None:
        """A path that is not UTF-8 is refused, over-long forms and surrogates too."""
        for path in (b"\xff", b"\xc0\xae\xc0\xae/x", b"\xe0\x80\xae", b"\xed\xa0\x80", b"a\xc3"):
            self.assert_refused(path)

    def test_own_directory(self) -> None:
        """What the server keeps for itself cannot be named, in any case of letters."""
        for path in (b".hmacfs", b".hmacfs/x", b".HMACFS/x", b".HmacFs"):
            self.assert_refused(path)

    def test_longest_segment(self) -> None:
        """A segment may have 255 bytes, whichever letters they make, and not one more."""
        self.assertEqual(MAX_SEGMENT_BYTES, 255)
        for longest in ("x" * 255, "ж" * 127 + "x", "🐈" * 63 + "xyz"):
            self.assertEqual(StoredName.parse(longest.encode()).leaf, longest)
            self.assert_refused((longest + "x").encode())

    def test_longest_name(self) -> None:
        """A name may have 1024 bytes with its slashes, and not one more."""
        self.assertEqual(MAX_NAME_BYTES, 1024)
        longest = b"/".join([b"x" * 204] * 5)
        self.assertEqual(str(StoredName.parse(longest)).encode(), longest)
        self.assert_refused(longest + b"x")

    def test_refusal_tells_the_limit(self) -> None:
        """A segment that is too long is refused with the limit as a fact."""
        error = self.assertRaises(NameRefused, StoredName.parse, b"x" * 256)
        self.assertEqual(error.facts, {"limit": 255})

    def test_order(self) -> None:
        """Names sort by their segments."""
        unsorted = [StoredName.parse(path) for path in (b"b", b"a/b", b"a/a")]
        self.assertEqual([str(name) for name in sorted(unsorted)], ["a/a", "a/b", "b"])

    @given(
        st.one_of(
            st.binary(max_size=40),
            st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
        )
    )
    def test_any_accepted_name_is_below_the_root(self, path: bytes) -> None:
        """Whatever path is accepted, it is the name byte for byte, and it leads below the root."""
        try:
            name = StoredName.parse(path)
        except NameRefused:
            return
        self.assertEqual(str(name).encode(), path)
        self.assert_below_root(name)

    @given(hostile_paths())
    @example(b"/%2e%2e/%2e%2e/etc/passwd")
    @example(b"/..%2f..%2fetc/passwd")
    @example(b"/%252e%252e%252fetc")
    @example(b"/a/%c0%ae%c0%ae/b")
    def test_no_encoding_leads_outside(self, raw: bytes) -> None:
        """No way of writing dots and slashes in a request target names a place outside."""
        try:
            name = StoredName.parse(target.parse(raw).path)
        except (NameRefused, MalformedRequest):
            return
        self.assert_below_root(name)

    @given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4))
    def test_encoded_once_and_decoded_once(self, segments: list[str]) -> None:
        """A name that is percent-encoded into a target comes out of it as it was."""
        path = "/".join(segments).encode("utf-8", "replace")
        try:
            expected = StoredName.parse(path)
        except NameRefused:
            return
        for safe in ("/", "", "/!$&'()*+,;=:@"):
            raw = b"/" + quote_from_bytes(path, safe=safe).encode()
            self.assertEqual(StoredName.parse(target.parse(raw).path), expected)
