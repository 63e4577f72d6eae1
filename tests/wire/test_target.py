"""Tests of hmacfs.wire.target."""

from __future__ import annotations

import operator
from urllib.parse import quote_from_bytes, quote_plus

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire import target
from hmacfs.wire.target import MAX_PARAMETERS, Target, origin_form


class ParseTests(SynchronousTestCase):
    """Tests of parse."""

    def assert_malformed(self, raw: bytes) -> None:
        """Check that this target is refused."""
        error = self.assertRaises(MalformedRequest, target.parse, raw)
        self.assertEqual(error.code, "malformed-request")

    def test_paths(self) -> None:
        """The path comes without its leading slash, percent-decoded once."""
        for raw, path in (
            (b"/", b""),
            (b"/upload/a/b.txt", b"upload/a/b.txt"),
            (b"/a%20b%2Bc%2bd", b"a b+c+d"),
            (b"/a+b", b"a+b"),
            (b"/%252e", b"%2e"),
            (b"/%d0%9f%D1%80", "Пр".encode()),
            ("/Привет".encode(), "Привет".encode()),
            (b"/%ff%00", b"\xff\0"),
            (b"//a//b/", b"/a//b/"),
            (b"/a;b=c,d", b"a;b=c,d"),
            (b"/a%2fb%3fc%23d", b"a/b?c#d"),
        ):
            self.assertEqual(target.parse(raw), Target(path), raw)

    def test_queries(self) -> None:
        """Parameters are decoded as forms are: a plus is a space."""
        for query, parameters in (
            (b"", {}),
            (b"v=abc", {"v": "abc"}),
            (b"v2=a&v=b", {"v2": "a", "v": "b"}),
            (b"a=1+2%2B3", {"a": "1 2+3"}),
            (b"a=b=c", {"a": "b=c"}),
            (b"a", {"a": ""}),
            (b"a=", {"a": ""}),
            (b"&&a=1&", {"a": "1"}),
            (b"%61=%d0%b6", {"a": "ж"}),
            (b"a=?", {"a": "?"}),
            (b"a=1%262", {"a": "1&2"}),
        ):
            read = target.parse(b"/p?" + query)
            self.assertEqual((read.path, dict(read.parameters)), (b"p", parameters), query)

    def test_plus_and_space_differ_in_a_path(self) -> None:
        """The signature is over the plus that a path has, not over a space."""
        self.assertNotEqual(target.parse(b"/a+b").path, target.parse(b"/a%20b").path)

    def test_asterisk(self) -> None:
        """OPTIONS may ask for no path at all."""
        self.assertEqual(target.parse(b"*"), Target(b""))

    def test_not_a_path(self) -> None:
        """What is not in origin-form is refused."""
        for raw in (b"", b"a", b"?a", b"**", b"*/", b"http://h/a", b"example.org:443", b"\\a"):
            self.assert_malformed(raw)

    def test_bad_escapes(self) -> None:
        """A percent sign without two hexadecimal digits is refused, wherever it is."""
        for part in (b"%", b"%1", b"%zz", b"%%", b"a%2", b"%2%30", b"%u0041", b"%-1"):
            self.assert_malformed(b"/" + part)
            self.assert_malformed(b"/?a=" + part)
            self.assert_malformed(b"/?" + part + b"=a")

    def test_fragment(self) -> None:
        """A fragment is refused: clients keep it to themselves."""
        for raw in (b"/a#b", b"/#", b"/?a=1#", b"#"):
            self.assert_malformed(raw)

    def test_query_not_utf8(self) -> None:
        """A query that is no text is refused, though a path that is none is not its business."""
        for query in (b"a=%ff", b"%ff=a", b"a=\xff", b"a=%c0%ae"):
            self.assert_malformed(b"/?" + query)

    def test_twice(self) -> None:
        """A parameter that comes twice is refused, so that nobody has to choose."""
        for query in (b"v=1&v=2", b"v=1&v=1", b"v&v", b"a=1&%61=2"):
            self.assert_malformed(b"/?" + query)

    def test_refusal_keeps_values_to_itself(self) -> None:
        """The refusal of a double parameter names it without its value."""
        error = self.assertRaises(MalformedRequest, target.parse, b"/?v=secret1&v=secret2")
        self.assertIn("'v'", error.detail)
        self.assertNotIn("secret", str(error))

    def test_too_many_parameters(self) -> None:
        """A query may have 64 parameters and not one more."""
        self.assertEqual(MAX_PARAMETERS, 64)
        most = [b"p%d=1" % number for number in range(64)]
        self.assertEqual(len(target.parse(b"/?" + b"&".join(most)).parameters), 64)
        self.assert_malformed(b"/?" + b"&".join([*most, b"q=1"]))

    def test_empty_pairs_do_not_count(self) -> None:
        """Ampersands without a parameter are none."""
        self.assertEqual(target.parse(b"/?" + b"&" * 1000 + b"a=1").parameters, {"a": "1"})

    def test_parameters_stay(self) -> None:
        """The parameters of a target cannot be changed."""
        parameters = target.parse(b"/?a=1").parameters
        self.assertRaises(TypeError, operator.setitem, parameters, "a", "2")

    @given(st.binary(max_size=60))
    def test_path_round_trip(self, path: bytes) -> None:
        """Any bytes that are percent-encoded as a path come back."""
        for safe in ("", "/", "/+&=;:@!$'()*,~"):
            raw = b"/" + quote_from_bytes(path, safe=safe).encode()
            self.assertEqual(target.parse(raw), Target(path))

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=6))
    def test_query_round_trip(self, parameters: dict[str, str]) -> None:
        """Any text that is encoded as a form comes back."""
        clean = {
            key.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode()
            for key, value in parameters.items()
        }
        query = "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in clean.items())
        read = target.parse(f"/x?{query}".encode())
        self.assertEqual((read.path, dict(read.parameters)), (b"x", clean))

    @given(st.binary(max_size=60))
    def test_anything(self, raw: bytes) -> None:
        """Whatever comes is a target or is refused as malformed."""
        try:
            target.parse(raw)
        except MalformedRequest:
            return
        self.assertTrue(raw == b"*" or raw.startswith(b"/"))


class OriginFormTests(SynchronousTestCase):
    """Tests of origin_form."""

    def test_reduced(self) -> None:
        """Scheme and authority go, the rest stays byte for byte."""
        for raw, expected in (
            (b"http://example.org/a%2fb?v=1", b"/a%2fb?v=1"),
            (b"HTTPS://example.org:8443/a", b"/a"),
            (b"http://[::1]:80/a", b"/a"),
            (b"http://example.org", b"/"),
            (b"http://example.org?v=1", b"/?v=1"),
            (b"http://example.org//a", b"//a"),
        ):
            self.assertEqual(origin_form(raw), expected, raw)

    def test_left_alone(self) -> None:
        """What is no absolute-form of ours is left for parse to judge."""
        for raw in (b"/a", b"*", b"", b"/http://x/y", b"ftp://x/y", b"http:/x", b"//x/y"):
            self.assertEqual(origin_form(raw), raw)
