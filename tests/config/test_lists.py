"""Tests of hmacfs.config.lists."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.lists import EXTENSIONS, Boxes, SizeTable, TextList


class TextListTests(SynchronousTestCase):
    """Tests of TextList."""

    def test_scalar(self) -> None:
        """A text where a list belongs is refused, not taken as a list of one."""
        error = self.assertRaises(ValueError, TextList().parse, "a")
        self.assertEqual(str(error), 'this is a text, where a list such as ["a", "b"] belongs')

    def test_items(self) -> None:
        """An item of another type is refused, and said to be in the list."""
        error = self.assertRaises(ValueError, TextList().parse, ["a", 1])
        self.assertEqual(
            str(error), "in this list: this is a whole number, where a text in quotes belongs"
        )

    def test_duplicates(self) -> None:
        """An item counts once, at its first place."""
        self.assertEqual(TextList().parse(["b", "a", "b"]), ("b", "a"))

    def test_variable(self) -> None:
        """A variable has words between commas, or a list as TOML writes it."""
        self.assertEqual(TextList().parse_text("a, b,,c"), ("a", "b", "c"))
        self.assertEqual(TextList().parse_text('["a, b", "c"]'), ("a, b", "c"))
        self.assertEqual(TextList().parse_text(""), ())
        self.assertRaises(ValueError, TextList().parse_text, '["a"')


class ExtensionTests(SynchronousTestCase):
    """Tests of EXTENSIONS."""

    def test_forms(self) -> None:
        """Extensions are in lower case and have their dot, however they are written."""
        self.assertEqual(
            EXTENSIONS.parse([".PDF", "jpg", " .tar.gz ", "*"]), (".pdf", ".jpg", ".tar.gz", "*")
        )

    def test_refusals(self) -> None:
        """What cannot end a name is no extension."""
        for word in (".", "", "a/b", "a b"):
            self.assertRaises(ValueError, EXTENSIONS.parse, [word])


class BoxesTests(SynchronousTestCase):
    """Tests of Boxes."""

    def test_forms(self) -> None:
        """One size or a list of sizes may be given."""
        self.assertEqual(Boxes().parse("200x100"), ((200, 100),))
        self.assertEqual(Boxes().parse(["200X100", "64 × 64"]), ((200, 100), (64, 64)))
        self.assertEqual(Boxes().parse_text("200x100,64x64"), ((200, 100), (64, 64)))

    def test_plain(self) -> None:
        """One size is written without a list around it."""
        self.assertEqual(Boxes().plain(((200, 100),)), "200x100")
        self.assertEqual(Boxes().plain(((1, 2), (3, 4))), ["1x2", "3x4"])

    def test_refusals(self) -> None:
        """Sides without pixels, and no size at all, are refused."""
        for value in ("200", "0x5", "x", "-1x1", [], 200, ["200"], "100000x1"):
            self.assertRaises(ValueError, Boxes().parse, value)


class SizeTableTests(SynchronousTestCase):
    """Tests of SizeTable."""

    def test_forms(self) -> None:
        """Names keep the order of the file, and sizes any unit."""
        self.assertEqual(
            SizeTable().parse({"b@example.org": "1KB", "a": 5}), (("b@example.org", 1024), ("a", 5))
        )
        self.assertEqual(SizeTable().parse_text("a=1KB, b=2"), (("a", 1024), ("b", 2)))

    def test_refusals(self) -> None:
        """What is wrong with one row names the row."""
        self.assertRaises(ValueError, SizeTable().parse, [1])
        wrong: tuple[object, ...] = ("1XB", True, [], -1)
        for size in wrong:
            error = self.assertRaises(ValueError, SizeTable().parse, {"who": size})
            self.assertIn("'who'", str(error))
