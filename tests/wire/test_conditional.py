"""Tests of hmacfs.wire.conditional.

The order of the preconditions is tested against the text of the RFC in tests.library.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.conditional import Preconditions, Validators, Verdict
from hmacfs.wire.etags import EntityTag

NOW = 1_800_000_000.0
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
CURRENT = Validators(EntityTag("now"), 784_111_777)
UNTOLD = Validators()


class VerdictTests(SynchronousTestCase):
    """Tests of Preconditions.verdict."""

    def assert_verdict(
        self, expected: Verdict, preconditions: Preconditions, current: Validators = CURRENT
    ) -> None:
        """Check what preconditions say of a file."""
        self.assertIs(preconditions.verdict(current, NOW), expected, preconditions)

    def test_none(self) -> None:
        """Without preconditions there is nothing in the way."""
        self.assert_verdict(Verdict.PROCEED, Preconditions())

    def test_if_match(self) -> None:
        """If-Match goes on with the same content, by the strong comparison (13.1.1)."""
        for header, expected in (
            ('"now"', Verdict.PROCEED),
            ('"old", "now"', Verdict.PROCEED),
            ("*", Verdict.PROCEED),
            ('"old"', Verdict.FAILED),
            ('W/"now"', Verdict.FAILED),
            ("now", Verdict.FAILED),
            ("", Verdict.FAILED),
        ):
            self.assert_verdict(expected, Preconditions(if_match=header))

    def test_if_unmodified_since(self) -> None:
        """If-Unmodified-Since goes on with a file that is no younger (13.1.4)."""
        for header, expected in (
            (BEFORE, Verdict.FAILED),
            (MODIFIED, Verdict.PROCEED),
            (AFTER, Verdict.PROCEED),
            ("never", Verdict.PROCEED),
            (f"{BEFORE}, {BEFORE}", Verdict.PROCEED),
        ):
            self.assert_verdict(expected, Preconditions(if_unmodified_since=header))

    def test_if_none_match(self) -> None:
        """If-None-Match goes on with another content, by the weak comparison (13.1.2)."""
        for header, expected in (
            ('"now"', Verdict.NOT_MODIFIED),
            ('W/"now"', Verdict.NOT_MODIFIED),
            ('"old", "now"', Verdict.NOT_MODIFIED),
            ("*", Verdict.NOT_MODIFIED),
            ('"old"', Verdict.PROCEED),
            ("now", Verdict.PROCEED),
            ("", Verdict.PROCEED),
        ):
            self.assert_verdict(expected, Preconditions(if_none_match=header))

    def test_if_modified_since(self) -> None:
        """If-Modified-Since goes on with a file that is younger (13.1.3)."""
        for header, expected in (
            (BEFORE, Verdict.PROCEED),
            (MODIFIED, Verdict.NOT_MODIFIED),
            (AFTER, Verdict.NOT_MODIFIED),
            ("never", Verdict.PROCEED),
            (f"{AFTER}, {AFTER}", Verdict.PROCEED),
        ):
            self.assert_verdict(expected, Preconditions(if_modified_since=header))

    def test_tags_outweigh_dates(self) -> None:
        """A date is not looked at beside the tags that it stands in for (13.2.2)."""
        for preconditions in (
            Preconditions(if_match='"now"', if_unmodified_since=BEFORE),
            Preconditions(if_none_match='"old"', if_modified_since=AFTER),
        ):
            self.assert_verdict(Verdict.PROCEED, preconditions)

    def test_failed_outweighs_known(self) -> None:
        """What the client insists on comes before what it knows (13.2.2)."""
        for preconditions in (
            Preconditions(if_match='"old"', if_none_match='"now"'),
            Preconditions(if_unmodified_since=BEFORE, if_none_match='"now"'),
            Preconditions(if_match='"old"', if_modified_since=AFTER),
        ):
            self.assert_verdict(Verdict.FAILED, preconditions)

    def test_obsolete_dates(self) -> None:
        """The two old forms of dates work as well."""
        for header in ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
            self.assert_verdict(Verdict.NOT_MODIFIED, Preconditions(if_modified_since=header))

    def test_without_validators(self) -> None:
        """Where clients are told no validators no tag fits, no date counts, the file is there."""
        for preconditions, expected in (
            (Preconditions(if_match='"now"'), Verdict.FAILED),
            (Preconditions(if_match="*"), Verdict.PROCEED),
            (Preconditions(if_none_match='"now"'), Verdict.PROCEED),
            (Preconditions(if_none_match="*"), Verdict.NOT_MODIFIED),
            (Preconditions(if_unmodified_since=BEFORE), Verdict.PROCEED),
            (Preconditions(if_modified_since=AFTER), Verdict.PROCEED),
        ):
            self.assert_verdict(expected, preconditions, UNTOLD)

    def test_modified_at_the_epoch(self) -> None:
        """A file of the first second of 1970 has a date like others."""
        old = Validators(None, 0)
        self.assert_verdict(Verdict.NOT_MODIFIED, Preconditions(if_modified_since=BEFORE), old)


class AllowRangeTests(SynchronousTestCase):
    """Tests of Preconditions.allow_range."""

    def test_if_range(self) -> None:
        """Range counts with the same strong tag or the very date (13.1.5)."""
        for header, expected in (
            (None, True),
            ('"now"', True),
            ('W/"now"', False),
            ('"old"', False),
            ('"now", "now"', False),
            ("*", False),
            ("now", False),
            ("", False),
            (MODIFIED, True),
            ("Sunday, 06-Nov-94 08:49:37 GMT", True),
            (BEFORE, False),
            (AFTER, False),
        ):
            seen = Preconditions(if_range=header).allow_range(CURRENT, NOW)
            self.assertIs(seen, expected, header)

    def test_weak_current(self) -> None:
        """A weak tag never allows a range, even if it is the file's."""
        weak = Validators(EntityTag("now", weak=True), None)
        for header in ('"now"', 'W/"now"'):
            self.assertFalse(Preconditions(if_range=header).allow_range(weak, NOW))

    def test_without_validators(self) -> None:
        """Where clients are told no validators none can fit."""
        for header in ('"now"', MODIFIED, "never"):
            self.assertFalse(Preconditions(if_range=header).allow_range(UNTOLD, NOW))
