"""Tests of hmacfs.wire.metadata."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest
from hmacfs.wire.metadata import MAX_METADATA, compact

TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


class CompactTests(SynchronousTestCase):
    """:func:`compact`."""

    def test_sample(self) -> None:
        """The sample of the documents is kept without its spaces."""
        self.assertEqual(
            compact('{"title": "My Document", "tags": ["important"]}'),
            '{"title":"My Document","tags":["important"]}',
        )

    @given(st.dictionaries(TEXTS, VALUES, max_size=3))
    def test_round_trip(self, value: dict[str, Any]) -> None:
        """The value comes back as it was."""
        self.assertEqual(json.loads(compact(json.dumps(value))), value)

    def test_refused(self) -> None:
        """What is no JSON object is refused, and so is what JSON or UTF-8 does not have."""
        for text in (
            "",
            "x",
            "[]",
            '"{}"',
            "1",
            "null",
            "{",
            '{"a": NaN}',
            '{"a": Infinity}',
            '{"a": 1e999}',
            '{"a": "\\ud800"}',
            '{"a": ' + "9" * 10_000 + "}",
            "[" * 50_000,
            '{"a":' * 20_000,
        ):
            with self.assertRaises(MalformedRequest):
                compact(text)

    def test_length(self) -> None:
        """What is kept may have so many bytes of UTF-8; spaces do not count."""
        longest = "x" * (MAX_METADATA - len('{"a":""}'))
        self.assertEqual(len(compact(f'{{  "a"  :  "{longest}"  }}')), MAX_METADATA)
        for text in (longest + "x", "я" * (MAX_METADATA // 2)):
            with self.assertRaises(MalformedRequest) as caught:
                compact(f'{{"a":"{text}"}}')
            self.assertEqual(caught.exception.facts, {"limit": MAX_METADATA})
