"""Tests of hmacfs.config.kinds."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.kinds import (
    AutoCount,
    Choice,
    Duration,
    FilePath,
    Kind,
    Number,
    OptionalPath,
    Size,
    Switch,
    Text,
    Whole,
    describe,
)
from hmacfs.config.options import TABLE
from tests.config.strategies import values

WRONG: tuple[tuple[Kind[Any], object, str], ...] = (
    (Switch(), "true", "this is a text, where true or false (without quotes) belongs"),
    (Switch(), 1, "this is a whole number, where true or false (without quotes) belongs"),
    (Whole(), "4", "this is a text, where a whole number (without quotes) belongs"),
    (Whole(), True, "this is true or false, where a whole number (without quotes) belongs"),
    (Whole(), 4.0, "this is a number, where a whole number (without quotes) belongs"),
    (Whole(1, 9), 0, "0 is not between 1 and 9"),
    (Whole(1, 9), 10, "10 is not between 1 and 9"),
    (Whole(), [4], "this is a list, where a whole number (without quotes) belongs"),
    (AutoCount(), "automatic", "'automatic' is not a whole number"),
    (AutoCount(), 0, "0 is not between 1 and 1024"),
    (Number(0, 1), "x", "this is a text, where a number belongs"),
    (Number(0, 1), 1.5, "1.5 is not between 0 and 1"),
    (Number(0, 1), float("nan"), "nan is not between 0 and 1"),
    (Size(), 1.5, 'this is a number, where a size such as "10GB" belongs'),
    (Size(), True, 'this is true or false, where a size such as "10GB" belongs'),
    (Size(), -1, "-1 is not a size: it cannot be negative"),
    (Size(1024), "1B", "'1B' is less than 1KB"),
    (Size(1, 2048), "3KB", "'3KB' is more than 2KB"),
    (Duration(), [], 'this is a list, where a duration such as "30s" belongs'),
    (Duration(60), "1s", "'1s' is shorter than 1m"),
    (Text(), 8080, "this is a whole number, where a text in quotes belongs"),
    (Text(), "a\nb", "this text has line breaks or control characters"),
    (Text(pattern="a+", expected="all a"), "b", "'b' is not all a"),
    (Choice(("x", "y")), "z", '\'z\' is not one of "x", "y"'),
    (FilePath(), "", "this path is empty"),
    (FilePath(), ["/a"], "this is a list, where a text in quotes belongs"),
    (OptionalPath(), {"a": 1}, "this is a table, where a text in quotes belongs"),
)


class WrongValueTests(SynchronousTestCase):
    """Values that an option cannot have."""

    def test_sentences(self) -> None:
        """A wrong value is answered with one sentence that says what belongs there."""
        for kind, value, sentence in WRONG:
            error = self.assertRaises(ValueError, kind.parse, value)
            self.assertEqual(str(error), sentence)

    def test_description(self) -> None:
        """Every type of TOML has a name that does not need Python to be understood."""
        for value, name in (
            ({}, "a table"),
            ([], "a list"),
            (True, "true or false"),
            (1, "a whole number"),
            (1.0, "a number"),
            ("", "a text"),
            (datetime.date(2024, 1, 1), "a date or a time"),
            (datetime.time(), "a date or a time"),
        ):
            self.assertEqual(describe(value), name)


class ValueTests(SynchronousTestCase):
    """Values that an option can have."""

    def test_choices_ignore_capitals(self) -> None:
        """A word of a choice may be written with any capitals, and a synonym for it."""
        kind = Choice(("original", "HMAC"), synonyms=(("none", "original"),))
        self.assertEqual(kind.parse("hmac"), "HMAC")
        self.assertEqual(kind.parse("None"), "original")

    def test_optional_path(self) -> None:
        """The empty text is no path."""
        self.assertIs(OptionalPath().parse(""), None)
        self.assertEqual(OptionalPath().parse("/x"), pathlib.Path("/x"))
        self.assertEqual(OptionalPath().plain(None), "")

    def test_auto(self) -> None:
        """The word auto is a count that is found out later."""
        self.assertIs(AutoCount().parse("Auto"), None)
        self.assertEqual(AutoCount().plain(None), "auto")

    def test_nouns(self) -> None:
        """Documentation tells directories from files."""
        self.assertEqual(FilePath(directory=True).noun, "path of a directory")
        self.assertEqual(FilePath().noun, "path of a file")
        self.assertEqual(OptionalPath().noun, "path of a file, or empty")
        self.assertEqual(FilePath(socket=True).noun, "path of a Unix socket")
        self.assertEqual(OptionalPath(socket=True).noun, "path of a Unix socket, or empty")

    def test_small_sizes_are_numbers(self) -> None:
        """Sizes below one unit are written as plain bytes."""
        self.assertEqual(Size().plain(100), 100)
        self.assertEqual(Size().plain(2048), "2KB")

    @given(st.sampled_from(TABLE).flatmap(lambda o: st.tuples(st.just(o), values(o))))
    def test_round_trip(self, drawn: Any) -> None:
        """What an option writes it reads back as the same value."""
        option, value = drawn
        self.assertEqual(option.kind.parse(option.kind.plain(value)), value)


class VariableTests(SynchronousTestCase):
    """The text of environment variables."""

    def test_switches(self) -> None:
        """Switches take the words that shells and containers use."""
        for text in ("true", "TRUE", "1", "yes", "on", " on "):
            self.assertIs(Switch().parse_text(text), True)
        for text in ("false", "0", "No", "off"):
            self.assertIs(Switch().parse_text(text), False)
        self.assertRaises(ValueError, Switch().parse_text, "maybe")

    def test_numbers(self) -> None:
        """Numbers are decimal, and bounds hold."""
        self.assertEqual(Whole().parse_text(" 42 "), 42)
        self.assertEqual(Number(0, 9).parse_text("1.5"), 1.5)
        self.assertEqual(AutoCount().parse_text("8"), 8)
        for text in ("", "0x10", "1e3", "four", "1" * 5000):
            self.assertRaises(ValueError, Whole().parse_text, text)
            self.assertRaises(ValueError, Number(0, 9).parse_text, text)
        self.assertRaises(ValueError, Whole(5).parse_text, "4")

    def test_texts(self) -> None:
        """Texts, paths, sizes and durations stand as they do in a file, without quotes."""
        self.assertEqual(Text().parse_text("x y"), "x y")
        self.assertEqual(FilePath().parse_text("/a"), pathlib.Path("/a"))
        self.assertEqual(OptionalPath().parse_text(""), None)
        self.assertEqual(Size().parse_text("1KB"), 1024)
        self.assertEqual(Duration().parse_text("1h"), 3600.0)
        self.assertEqual(Choice(("a", "b")).parse_text("B"), "b")
