"""Tests of the facts that survive a crash."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.ingest import intent
from tests.octets import octets
from tests.stores.samples import files, stored

FACTS = json.loads(intent.encode(stored(owner="romeo", expires_at=5.5)))


def written(facts: Any) -> bytes:
    """Write anything down as facts are."""
    return json.dumps(facts).encode()


class IntentTests(SynchronousTestCase):
    """:func:`encode` and :func:`decode`."""

    @given(files())
    def test_round_trip(self, file: Any) -> None:
        """The facts come back as they were, exactly."""
        self.assertEqual(intent.decode(intent.encode(file)), file)

    def test_written(self) -> None:
        """What one release writes another reads: the form does not change."""
        file = stored("a/ü.txt", owner="romeo", expires_at=5.5)
        self.assertEqual(
            intent.encode(file).decode(),
            '{"name":"a/ü.txt","size":3,'
            '"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
            '"type":"text/plain","uploaded_at":1700000000.25,"owner":"romeo","expires_at":5.5}',
        )

    def test_metadata(self) -> None:
        """What the uploader said of the file is a text, and may be missing."""
        file = stored("a", metadata='{"tags":["ü"]}')
        self.assertIn(b'"metadata":', intent.encode(file))
        self.assertEqual(intent.decode(intent.encode(file)), file)
        self.assertIsNone(intent.decode(written(FACTS | {"metadata": None})).metadata)
        wrong: Any
        for wrong in ({}, [], 1, False):
            with self.assertRaises(ValueError):
                intent.decode(written(FACTS | {"metadata": wrong}))

    def test_whole_seconds(self) -> None:
        """Times may be written without a fraction."""
        facts = written(FACTS | {"uploaded_at": 7, "expires_at": 8})
        read = intent.decode(facts)
        self.assertEqual((read.uploaded_at, read.expires_at), (7, 8))

    def test_more_facts(self) -> None:
        """Facts that this release does not know are no fault."""
        facts = written(FACTS | {"colour": "blue"})
        self.assertEqual(intent.decode(facts), intent.decode(written(FACTS)))

    @given(octets(max_size=100))
    @example(b"")
    @example(b"{}")
    @example(b"\xff")
    @example(b"[" * 60_000)
    @example(b'{"name":' * 10_000)
    def test_garbage(self, garbage: bytes) -> None:
        """What is not the facts of a file is refused, whatever it is."""
        with self.assertRaises(ValueError):
            intent.decode(garbage)

    @given(
        st.sampled_from(sorted(FACTS)),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text()
        | st.just([]),
    )
    @example("name", "../outside")
    @example("name", ".hmacfs/lock")
    @example("name", "\ud800")
    @example("sha256", "00")
    @example("sha256", "zz")
    @example("size", -1)
    @example("size", 1.5)
    @example("type", 5)
    @example("uploaded_at", "now")
    def test_wrong_fact(self, fact: str, value: Any) -> None:
        """A fact of another kind is refused, and one of the right kind is read."""
        try:
            read = intent.decode(written(FACTS | {fact: value}))
        except ValueError:
            return
        self.assertEqual(intent.decode(intent.encode(evolve(read))), read)
        kinds: dict[str, tuple[type, ...]] = {
            "name": (str,),
            "size": (int,),
            "sha256": (str,),
            "type": (str,),
            "owner": (str, type(None)),
            "uploaded_at": (int, float),
            "expires_at": (int, float, type(None)),
        }
        self.assertIsInstance(value, kinds[fact])

    def test_no_number(self) -> None:
        """A time is a number: no index holds another, and none is written."""
        for value in (float("nan"), float("inf"), float("-inf")):
            for fact in ("uploaded_at", "expires_at"):
                with self.assertRaises(ValueError):
                    intent.decode(written(FACTS | {fact: value}))

    def test_missing_fact(self) -> None:
        """Each fact has to be there."""
        for fact in FACTS:
            with self.assertRaises(ValueError):
                intent.decode(written({name: FACTS[name] for name in FACTS if name != fact}))
