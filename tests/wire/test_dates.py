"""Tests of hmacfs.wire.dates."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire import dates

NOW = 1_800_000_000.0
"""A moment in January 2027."""

EXAMPLE = 784_111_777
"""The date that the RFC gives as an example."""


class ParseTests(SynchronousTestCase):
    """Tests of parse."""

    def test_three_forms(self) -> None:
        """A recipient accepts all three forms (RFC 9110, 5.6.7)."""
        for text in (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ):
            self.assertEqual(dates.parse(text, NOW), EXAMPLE, text)

    def test_months(self) -> None:
        """The twelve months have their English names, shortened to three letters."""
        names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        for number, name in enumerate(names, start=1):
            expected = int(datetime(2021, number, 9, 1, 2, 3, tzinfo=UTC).timestamp())
            for text in (
                f"Mon, 09 {name} 2021 01:02:03 GMT",
                f"Monday, 09-{name}-21 01:02:03 GMT",
                f"Mon {name}  9 01:02:03 2021",
            ):
                self.assertEqual(dates.parse(text, NOW), expected, text)

    def test_wrong_day_of_the_week(self) -> None:
        """The name of the day adds nothing, so it is not compared."""
        self.assertEqual(dates.parse("Tue, 06 Nov 1994 08:49:37 GMT", NOW), EXAMPLE)

    def test_leap_second(self) -> None:
        """A second 60 is in the grammar, and is the one after 59."""
        text = "Sat, 31 Dec 2016 23:59:60 GMT"
        self.assertEqual(dates.parse(text, NOW), dates.parse("Sun, 01 Jan 2017 00:00:00 GMT", NOW))

    def test_leap_day(self) -> None:
        """The 29th of February is a date in the years that have it."""
        self.assertIsNotNone(dates.parse("Thu, 29 Feb 2024 00:00:00 GMT", NOW))
        self.assertIsNone(dates.parse("Wed, 29 Feb 2023 00:00:00 GMT", NOW))

    def test_before_the_epoch(self) -> None:
        """A date before 1970 is one."""
        self.assertEqual(dates.parse("Wed, 31 Dec 1969 23:59:59 GMT", NOW), -1)

    def test_short_years(self) -> None:
        """A year of two digits is the latest that is not over 50 years ahead."""
        now = datetime(2027, 6, 15, 12, 0, 0, tzinfo=UTC).timestamp()
        for text, year in (
            ("Sunday, 06-Nov-27 08:49:37 GMT", 2027),
            ("Sunday, 06-Nov-76 08:49:37 GMT", 2076),
            ("Sunday, 15-Jun-77 12:00:00 GMT", 2077),
            ("Sunday, 15-Jun-77 12:00:01 GMT", 1977),
            ("Sunday, 06-Nov-77 08:49:37 GMT", 1977),
            ("Sunday, 06-Nov-78 08:49:37 GMT", 1978),
            ("Sunday, 06-Nov-99 08:49:37 GMT", 1999),
            ("Sunday, 06-Nov-00 08:49:37 GMT", 2000),
        ):
            parsed = dates.parse(text, now)
            assert parsed is not None
            self.assertEqual(datetime.fromtimestamp(parsed, UTC).year, year, text)

    def test_short_year_at_the_end_of_a_century(self) -> None:
        """The years that come next belong to the next century."""
        now = datetime(2099, 1, 1, tzinfo=UTC).timestamp()
        parsed = dates.parse("Sunday, 06-Nov-01 08:49:37 GMT", now)
        assert parsed is not None
        self.assertEqual(datetime.fromtimestamp(parsed, UTC).year, 2101)

    def test_not_a_date(self) -> None:
        """Anything else is no date, lists of dates and other zones too."""
        for text in (
            "",
            "0",
            "784111777",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            " Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT\n",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov ١٩٩٤ 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
        ):
            self.assertIsNone(dates.parse(text, NOW), text)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """No text makes reading fail."""
        self.assertIsNone(dates.parse(text, NOW))

    @given(st.integers(0, 4_102_444_799))
    def test_all_forms_agree(self, seconds: int) -> None:
        """A moment in this or the last century reads the same in all forms."""
        moment = time.gmtime(seconds)
        self.assertEqual(dates.parse(dates.render(seconds), NOW), seconds)
        self.assertEqual(dates.parse(time.asctime(moment), NOW), seconds)
        if abs(seconds - NOW) < timedelta(days=49 * 365).total_seconds():
            obsolete = time.strftime("%A, %d-%b-%y %H:%M:%S GMT", moment)
            self.assertEqual(dates.parse(obsolete, NOW), seconds)


class RenderTests(SynchronousTestCase):
    """Tests of render."""

    def test_example(self) -> None:
        """Dates are written as IMF-fixdate."""
        self.assertEqual(dates.render(EXAMPLE), "Sun, 06 Nov 1994 08:49:37 GMT")

    def test_fraction(self) -> None:
        """A time is told by the second that it falls in, never by the next."""
        self.assertEqual(dates.render(EXAMPLE + 0.9999999), "Sun, 06 Nov 1994 08:49:37 GMT")
        self.assertEqual(dates.render(-0.5), "Wed, 31 Dec 1969 23:59:59 GMT")

    def test_early_year(self) -> None:
        """A year has four digits."""
        self.assertIn(" 0009 ", dates.render(datetime(9, 5, 4, tzinfo=UTC).timestamp()))
