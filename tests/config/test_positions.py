"""Tests of hmacfs.config.positions."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.positions import Path, Place, Position, scan

TRICKY = '''\
# [no.section]
top = 1 # = [x]
"quoted key" = 'its'
[ server ] # comment
a.b = """
[fake]
c = 1 \\"""
""""
literal = \'\'\'
[fake2]
x = "\'\'\'
list = [ "[a]", # in = a list
  [1, 2], { k = 1, "k.2" = {deep = "}"} },
]
inline = { x = 1, y.z = [ "]" ] }
[[ array ]]
n = 1
[[array]]
n = 2.5
  indented = 2024-01-01T00:00:00Z
'''


def paths(tree: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Tell the path of every key that is not inside a list."""
    for key, value in tree.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


def at(line: int, column: int, value_column: int) -> Place:
    """Make the place of a key and its value in one line."""
    return Place(Position(line, column), Position(line, value_column))


class ScanTests(SynchronousTestCase):
    """Tests of scan."""

    def test_tricky(self) -> None:
        """Comments, texts of several lines, lists and quoted keys do not lead astray."""
        tomllib.loads(TRICKY)
        places = scan(TRICKY)
        self.assertEqual(places["top",], at(2, 1, 7))
        self.assertEqual(places["quoted key",], at(3, 1, 16))
        self.assertEqual(places["server",], at(4, 1, 1))
        self.assertEqual(places["server", "a", "b"], at(5, 1, 7))
        self.assertEqual(places["server", "literal"], at(9, 1, 11))
        self.assertEqual(places["server", "list"], at(12, 1, 8))
        self.assertEqual(places["server", "inline", "x"], at(15, 12, 16))
        self.assertEqual(places["server", "inline", "y", "z"], at(15, 19, 25))
        self.assertEqual(places["array", "indented"], at(20, 3, 14))
        for path in places:
            self.assertNotIn("fake", path)
            self.assertNotIn("fake2", path)

    def test_columns_count_characters(self) -> None:
        """A column is a number of characters, not of bytes."""
        self.assertEqual(scan('"ключ" = 1')["ключ",], at(1, 1, 10))

    def test_line_ends(self) -> None:
        """Lines may end as on Windows."""
        self.assertEqual(scan("a = 1\r\nb = 2\r\n")["b",], at(2, 1, 5))

    def test_escaped_quotes(self) -> None:
        """An escaped quote does not end a text, nor does a backslash in a literal one hide one."""
        self.assertEqual(scan('a = "\\"b = 1"\nc = 2')["c",], at(2, 1, 5))
        self.assertEqual(scan("a = '\\'\nc = 2")["c",], at(2, 1, 5))

    def test_escaped_key(self) -> None:
        """A key is known by what its escapes mean."""
        self.assertEqual(list(scan('"\\u0061" = 1')), [("a",)])

    def test_empty(self) -> None:
        """A text without keys has no places."""
        self.assertEqual(scan("# only a comment"), {})

    @given(
        st.recursive(
            st.booleans() | st.integers(-9, 9) | st.text(max_size=8) | st.just(["x", "]"]),
            lambda inner: st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=4),
            max_leaves=12,
        ).filter(lambda value: isinstance(value, dict))
    )
    def test_every_key(self, tree: Any) -> None:
        """Every key of any file has a place, and the key stands there."""
        text = tomlkit.dumps(tree)
        places = scan(text)
        lines = text.split("\n")
        for path in paths(tomllib.loads(text)):
            # A dotted header is the place of its last part only.
            if path in places:
                place = places[path].key
                self.assertGreater(len(lines[place.line - 1]), place.column - 1)
            else:
                self.assertTrue(any(longer[: len(path)] == path for longer in places))
