"""Tests of hmacfs.ingest.unverified."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import TooLarge
from hmacfs.ingest.unverified import RETRY_AFTER, Unverified


class UnverifiedTests(SynchronousTestCase):
    """:meth:`Unverified.room`, with ten bytes a request and 25 in all."""

    def setUp(self) -> None:
        self.unverified = Unverified(10, 25)

    def test_each(self) -> None:
        """A request gets what it wants, up to the most that one may have."""
        for wanted, got in ((None, 10), (0, 0), (9, 9), (10, 10), (10**18, 10)):
            with self.unverified.room(wanted) as size:
                self.assertEqual(size, got)

    def test_total(self) -> None:
        """All together get no more than the total; the next is told when to come again."""
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(self.unverified.room(None))
            stack.enter_context(self.unverified.room(5))
            with self.assertRaises(TooLarge) as caught:
                stack.enter_context(self.unverified.room(1))
            self.assertEqual(caught.exception.facts, {"limit": 10, "retry_after": RETRY_AFTER})
        self.assertEqual(self.unverified.kept, 0)
        with self.unverified.room(None) as size:
            self.assertEqual(size, 10)

    def test_refused(self) -> None:
        """What fails gives its room back."""
        with self.assertRaises(ZeroDivisionError), self.unverified.room(None):
            raise ZeroDivisionError
        self.assertEqual(self.unverified.kept, 0)

    @given(st.lists(st.none() | st.integers(0, 100)))
    def test_never_more(self, wishes: list[int | None]) -> None:
        """Whatever is asked for, what is kept is the sum of what was given, and never too much."""
        unverified = Unverified(10, 25)
        with contextlib.ExitStack() as stack:
            given_out = 0
            for wish in wishes:
                with contextlib.suppress(TooLarge):
                    given_out += stack.enter_context(unverified.room(wish))
                self.assertEqual(unverified.kept, given_out)
                self.assertLessEqual(given_out, 25)
        self.assertEqual(unverified.kept, 0)
