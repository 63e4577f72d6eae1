"""Tests of hmacfs.base.units."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.units import (
    LARGEST_SIZE,
    DurationError,
    SizeError,
    human,
    parse_duration,
    parse_size,
    render_duration,
    render_size,
)

SIZES: tuple[tuple[str | int, int], ...] = (
    (0, 0),
    (1048576, 1048576),
    ("0", 0),
    ("512", 512),
    ("512B", 512),
    ("1KB", 1024),
    ("1kb", 1024),
    ("1K", 1024),
    ("64KiB", 64 * 1024),
    ("10MB", 10 * 1024**2),
    ("10 MB", 10 * 1024**2),
    ("1.5GB", 3 * 1024**3 // 2),
    ("0.1KB", 102),
    ("1TB", 1024**4),
    ("2TiB", 2 * 1024**4),
    ("1PB", 1024**5),
)
NO_SIZES: tuple[str | int, ...] = (
    "",
    " ",
    "GB",
    "-1",
    -1,
    "-5GB",
    "1,5GB",
    "1e3",
    "10XB",
    "10GBs",
    "1.5",
    "1.5B",
    "½GB",
    "٣GB",
    "adaptive",
    "9000000TB",
    "1" * 4000,
    True,
)
DURATIONS: tuple[tuple[str | float, float], ...] = (
    (0, 0.0),
    (30, 30.0),
    (1.5, 1.5),
    (1e-7, 1e-7),
    ("30", 30.0),
    ("1.5", 1.5),
    ("30s", 30.0),
    ("4800s", 4800.0),
    ("500ms", 0.5),
    ("250us", 0.00025),
    ("250µs", 0.00025),
    ("10ns", 1e-8),
    ("5m", 300.0),
    ("1h30m", 5400.0),
    ("1h 30m 10s", 5410.0),
    ("1.5h", 5400.0),
    ("720h", 30 * 86400.0),
    ("30d", 30 * 86400.0),
    ("30D", 30 * 86400.0),
    ("2w", 14 * 86400.0),
    ("2Y", 730 * 86400.0),
    ("2y", 730 * 86400.0),
    ("1d12h", 129600.0),
)
NO_DURATIONS: tuple[str | float, ...] = (
    "",
    "s",
    "1x",
    "-1s",
    -1,
    -0.5,
    "1h30",
    "h1",
    "1.2.3s",
    "1,5h",
    "1e3s",
    "1001y",
    "٣s",
    float("inf"),
    float("nan"),
    "9" * 101,
    True,
)


class HumanTests(SynchronousTestCase):
    """``human``."""

    def test_units(self) -> None:
        """A size is written in the unit in which it has at most three digits."""
        for size, text in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_576, "1.0 MiB"),
            (5 * 1024**3, "5.0 GiB"),
            (2000 * 1024**4, "2000.0 TiB"),
        ):
            self.assertEqual(human(size), text)


class SizeTests(SynchronousTestCase):
    """Tests of parse_size and render_size."""

    def test_spellings(self) -> None:
        """Plain numbers are bytes, and every unit counts in 1024s."""
        for given_, expected in SIZES:
            self.assertEqual(parse_size(given_), expected, given_)

    def test_refusals(self) -> None:
        """What is no size is refused with one sentence that quotes it."""
        for given_ in NO_SIZES:
            error = self.assertRaises(SizeError, parse_size, given_)
            self.assertIn(repr(given_), str(error))
            self.assertNotIn("\n", str(error))

    def test_units_named(self) -> None:
        """An unknown unit is answered with the known ones."""
        error = self.assertRaises(SizeError, parse_size, "10XB")
        self.assertEqual(str(error), "'10XB' is not a size: the units are B, KB, MB, GB and TB")

    def test_largest(self) -> None:
        """A size that databases cannot hold is refused, the largest one is not."""
        self.assertEqual(parse_size(LARGEST_SIZE), LARGEST_SIZE)
        self.assertRaises(SizeError, parse_size, LARGEST_SIZE + 1)

    def test_rendering(self) -> None:
        """The largest unit that is exact is written."""
        for size, expected in ((0, "0"), (1023, "1023"), (1024, "1KB"), (1536, "1536")):
            self.assertEqual(render_size(size), expected)
        self.assertEqual(render_size(10 * 1024**3), "10GB")
        self.assertEqual(render_size(1536 * 1024**2), "1536MB")

    @given(st.integers(0, LARGEST_SIZE) | st.integers(0, 2**20).map(lambda n: n * 1024**3))
    def test_round_trip(self, size: int) -> None:
        """Every size is read back as it was written."""
        self.assertEqual(parse_size(render_size(size)), size)


class DurationTests(SynchronousTestCase):
    """Tests of parse_duration and render_duration."""

    def test_spellings(self) -> None:
        """Plain numbers are seconds, Go's forms hold, and m is minutes."""
        for given_, expected in DURATIONS:
            self.assertEqual(parse_duration(given_), expected, given_)

    def test_refusals(self) -> None:
        """What is no duration is refused with one sentence that quotes it."""
        for given_ in NO_DURATIONS:
            error = self.assertRaises(DurationError, parse_duration, given_)
            self.assertIn(repr(given_), str(error))
            self.assertNotIn("\n", str(error))

    def test_months(self) -> None:
        """Months are refused in words, for old documents wrote m for them."""
        for given_ in ("6M", "1mo", "2 months", "1y6M"):
            error = self.assertRaises(DurationError, parse_duration, given_)
            self.assertIn('a month has no fixed length, say days ("30d")', str(error))

    def test_rendering(self) -> None:
        """The shortest exact spelling is written."""
        for seconds, expected in (
            (0.0, "0s"),
            (0.5, "500ms"),
            (90.0, "1m30s"),
            (5400.0, "1h30m"),
            (86400.0, "1d"),
            (730 * 86400.0, "730d"),
            (129600.0, "36h"),
            (0.0000001, "0.0000001s"),
        ):
            self.assertEqual(render_duration(seconds), expected)

    @given(
        st.integers(0, 1000 * 365 * 86400).map(float)
        | st.floats(1e-9, 1e6, allow_nan=False)
        | st.integers(0, 10**9).map(lambda n: n / 1000)
    )
    def test_round_trip(self, seconds: float) -> None:
        """Every duration is read back as it was written."""
        self.assertEqual(parse_duration(render_duration(seconds)), seconds)
