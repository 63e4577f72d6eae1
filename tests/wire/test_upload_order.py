"""What V3 clients ask for."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest, OptionUnsupported, Refusal
from hmacfs.wire.json_object import MAX_DEPTH
from hmacfs.wire.upload_order import UploadOrder, parse

FEWEST = {"filename": "a.pdf", "size": 3}


def order(**members: Any) -> UploadOrder:
    """Parse a document with the members that have to be there, and these."""
    return parse(json.dumps(FEWEST | members).encode())


class UploadOrderTests(SynchronousTestCase):
    """``parse``."""

    def test_whole(self) -> None:
        """All that the 3.2 documents have is read."""
        self.assertEqual(
            order(
                content_type="application/pdf",
                checksum="sha256:" + "Ab" * 32,
                options={"chunked": True, "resumable": True},
            ),
            UploadOrder(
                "a.pdf",
                3,
                "application/pdf",
                b"\xab" * 32,
                frozenset({"chunked", "resumable"}),
            ),
        )

    def test_fewest(self) -> None:
        """Name and size are enough; what is null or not known is as if it were not there."""
        self.assertEqual(order(), UploadOrder("a.pdf", 3))
        said = {"content_type": None, "checksum": None, "options": None, "colour": "red"}
        self.assertEqual(order(**said), UploadOrder("a.pdf", 3))
        self.assertEqual(order(content_type=""), UploadOrder("a.pdf", 3))

    def test_declined(self) -> None:
        """An option that is declined is not asked for, whatever it is."""
        said = {"chunked": False, "encryption": None, "compression": False}
        self.assertEqual(order(options=said).wanted, frozenset())

    def test_unsupported(self) -> None:
        """An option that there is not is named."""
        for name, value in (("encryption", "aes256"), ("compression", "gzip"), ("x", 0)):
            failure = self.assertRaises(OptionUnsupported, order, options={name: value})
            self.assertEqual(failure.facts, {"option": name})

    def test_unsupported_with_a_strange_name(self) -> None:
        """The name of an option is told so that it can be written down."""
        failure = self.assertRaises(OptionUnsupported, order, options={"\ud800" + "x" * 99: True})
        self.assertEqual(failure.facts, {"option": "\\ud800" + "x" * 63})

    def test_wrong_members(self) -> None:
        """What has another type or form is refused, and named."""
        for member, value in (
            ("filename", None),
            ("filename", ""),
            ("filename", 1),
            ("size", None),
            ("size", "3"),
            ("size", 3.0),
            ("size", True),
            ("size", -1),
            ("size", 1 << 63),
            ("checksum", "sha256:d2d2"),
            ("checksum", "md5:" + "0" * 64),
            ("checksum", 1),
            ("content_type", []),
            ("options", []),
        ):
            failure = self.assertRaises(MalformedRequest, order, **{member: value})
            self.assertEqual(failure.facts, {"member": member})
        failure = self.assertRaises(MalformedRequest, order, options={"chunked": "yes"})
        self.assertEqual(failure.facts, {"member": "options.chunked"})

    def test_no_document(self) -> None:
        """What is no JSON object is refused."""
        for text in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff",
            b'{"filename": "a", "size": NaN}',
            b'{"filename": "a", "size": 1, "size": 2}',
            b'{"filename": "a", "size": 1' + b"0" * 5000 + b"}",
        ):
            self.assertRaises(MalformedRequest, parse, text)

    def test_depth(self) -> None:
        """Depth has a limit, which is told."""
        inside = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
        text = '{"filename": "a", "size": 1, "x": %s}'
        self.assertEqual(parse((text % inside).encode()).size, 1)
        failure = self.assertRaises(MalformedRequest, parse, (text % f"[{inside}]").encode())
        self.assertEqual(failure.facts, {"limit": MAX_DEPTH})
        self.assertRaises(MalformedRequest, parse, b"[" * 16_000)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_anything(self, value: Any) -> None:
        """Any JSON is read or refused."""
        for document in (value, FEWEST | {"options": value}, FEWEST | {"checksum": value}):
            with contextlib.suppress(Refusal):
                parse(json.dumps(document).encode())
