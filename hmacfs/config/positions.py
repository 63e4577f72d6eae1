"""
Where each key of a TOML text stands.

:mod:`tomllib` does not say, so the lines are scanned once more. The text has to be valid TOML:
only then are the shortcuts taken here right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

Path = tuple[str, ...]
"""The keys from the top of the file down to a value."""

_SPACE: Final = " \t"
_BLANK: Final = " \t\r\n"
_BARE_END: Final = " \t\r\n.=]#"
_SCALAR_END: Final = ",]}#\r\n"


@frozen
class Position:
    """A line and a column, both counted from 1; columns count characters."""

    line: int
    column: int


@frozen
class Place:
    """Where a key and its value begin; the header of a table is both."""

    key: Position
    value: Position


def scan(text: str) -> Mapping[Path, Place]:
    """
    Tell the place of every key and table of a valid TOML text.

    The entries of a list have none of their own, and of an array of tables the last one counts.
    """
    reader = _Reader(text)
    reader.read_file()
    return reader.places


@define
class _Reader:
    text: str
    at: int = 0
    places: dict[Path, Place] = field(factory=dict)
    _line: int = 1
    _line_start: int = 0
    _counted: int = 0

    def read_file(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self.text[self.at] == "[":
                table = self._read_header()
            else:
                self._read_pair(table)

    def _read_header(self) -> Path:
        start = self._position()
        self.at += 2 if self.text.startswith("[[", self.at) else 1
        table = self._read_key()
        self.at = self.text.index("]", self.at) + 1
        if self.text.startswith("]", self.at):
            self.at += 1
        self.places[table] = Place(start, start)
        return table

    def _read_pair(self, table: Path) -> None:
        start = self._position()
        path = table + self._read_key()
        self.at = self.text.index("=", self.at) + 1
        self._skip(_SPACE)
        self.places[path] = Place(start, self._position())
        self._read_value(path)

    def _read_key(self) -> Path:
        parts = []
        while True:
            self._skip(_SPACE)
            parts.append(self._read_key_part())
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _read_key_part(self) -> str:
        start = self.at
        if self.text[start] in "\"'":
            self._skip_string()
            # The escapes of a quoted key are TOML's own business.
            (part,) = tomllib.loads(f"{self.text[start : self.at]} = 0")
            return str(part)
        while self.text[self.at] not in _BARE_END:
            self.at += 1
        return self.text[start : self.at]

    def _read_value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._skip_string()
        elif first == "[":
            self._read_list(path)
        elif first == "{":
            self._read_inline_table(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in _SCALAR_END:
                self.at += 1

    def _read_list(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self._read_value(path)
        self.at += 1

    def _read_inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self._read_pair(path)
        self.at += 1

    def _skip_string(self) -> None:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            self.at += 3
            self._find(quote * 3, escapes=quote == '"')
            # Up to two quotes may stand right before the closing ones.
            while self.text.startswith(quote, self.at):
                self.at += 1
        else:
            self.at += 1
            self._find(quote, escapes=quote == '"')

    def _find(self, end: str, *, escapes: bool) -> None:
        while not self.text.startswith(end, self.at):
            self.at += 2 if escapes and self.text[self.at] == "\\" else 1
        self.at += len(end)

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1

    def _skip_blank(self) -> bool:
        """Skip white space, line ends and comments; tell whether anything is left."""
        while True:
            self._skip(_BLANK)
            if not self.text.startswith("#", self.at):
                return self.at < len(self.text)
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def _position(self) -> Position:
        lines = self.text.count("\n", self._counted, self.at)
        if lines:
            self._line += lines
            self._line_start = self.text.rindex("\n", self._counted, self.at) + 1
        self._counted = self.at
        return Position(self._line, self.at - self._line_start + 1)
