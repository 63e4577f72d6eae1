"""Tests of sessions as bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Once
from hmacfs.base.spans import Span, SpanSet
from hmacfs.base.values import StoredFile
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads import record
from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Draft, Session
from tests.blobs.samples import named

FILE = StoredFile(named("a/b"), 3, bytes(32), "text/plain", 1.5, "ann", 2.5, '{"a":"ü"}')


def spans(pairs: list[tuple[int, int]]) -> SpanSet:
    """Make a set of pairs of start and length."""
    made = SpanSet()
    for start, length in pairs:
        made = made.add(Span(start, start + length))
    return made


DRAFTS = st.builds(
    Draft,
    kind=st.text(),
    name=st.none() | st.just(named("a/ü")),
    length=st.none() | st.integers(0, 2**62),
    content_type=st.text(),
    scheme=st.text(),
    owner=st.none() | st.text(),
    file_expires_at=st.none() | st.floats(0, 2**40),
    metadata=st.none() | st.text(),
    conditions=st.builds(
        Conditions,
        st.none() | st.binary(min_size=32, max_size=32),
        st.none() | st.integers(0),
        st.none() | st.builds(Once, st.text(), st.floats(0, 2**40)),
        st.none() | st.lists(st.text()).map(tuple),
    ),
    parts=st.lists(st.text()).map(tuple),
    facts=st.dictionaries(st.text(), st.text()),
)
SESSIONS = st.builds(
    Session,
    draft=DRAFTS,
    created_at=st.floats(0, 2**40),
    touched_at=st.floats(0, 2**40),
    expires_at=st.floats(0, 2**40),
    state=st.sampled_from(State),
    stored=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9))).map(spans),
    file=st.none() | st.just(FILE),
    created=st.booleans(),
    breaks=st.integers(0, 2**62),
    places=st.lists(st.text()).map(tuple),
    code=st.text(),
    detail=st.text(),
)


class RecordTests(SynchronousTestCase):
    """Sessions on the disk."""

    @given(SESSIONS)
    def test_round_trip(self, session: Session) -> None:
        """What was written is read again, from one line."""
        written = record.encode(session)
        self.assertNotIn(b"\n", written)
        self.assertEqual(record.decode(written), session)

    def test_anything_else(self) -> None:
        """Anything else is told to be something else."""
        for written in (b"", b"{}", b"[]", b"1", b'{"version":2}', b'{"version":1}', b"\xff"):
            with self.assertRaises(ValueError):
                record.decode(written)
