"""
Lists as Prosody writes them to its data directory: ``item({ … });``, one after the other.

What stands between the parentheses is a table of Lua with constants in it
(``util.datamanager``, ``list_append``; Lua 5.4, 3.1 and 3.4.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Value = bytes | float | bool | None | dict[bytes, "Value"]
"""A constant, or a table: fields without a name are left out of it."""

DEEPEST: Final = 50
"""How many tables may lie in each other."""

_TOKEN: Final = re.compile(
    rb"""\s*(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<number>-?[0-9][0-9a-zA-Z.+-]*)"""
    rb"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>[][{}()=;,])|(?P<end>$))""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\([0-9]{1,3}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_LETTERS: Final = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))
_WORDS: Final = {b"true": True, b"false": False, b"nil": None}


class MalformedList(ValueError):
    """The text is no such list; the message says where."""


def items(text: bytes) -> Iterator[dict[bytes, Value]]:
    """
    Tell the items of a list, in their order.

    :raises MalformedList: if there is anything else; the items before it are told.
    """
    reader = _Reader(text)
    while not reader.is_at("end"):
        for expected in (b"item", b"("):
            reader.expect(expected)
        found = reader.value(0)
        for expected in (b")", b";"):
            reader.expect(expected)
        if not isinstance(found, dict):
            raise reader.malformed()
        yield found


class _Reader:
    """Reads one token after the other."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._place = 0
        self._advance()

    def malformed(self) -> MalformedList:
        line = self._text.count(b"\n", 0, self._place) + 1
        return MalformedList(f"line {line} is not understood")

    def is_at(self, kind: str) -> bool:
        return self._kind == kind

    def expect(self, token: bytes) -> None:
        if not self._takes(token):
            raise self.malformed()

    def value(self, depth: int) -> Value:
        kind, token = self._kind, self._token
        if kind == "sign":
            self.expect(b"{")
            return self._table(depth + 1)
        self._advance()
        if kind == "text":
            return _ESCAPE.sub(_unescaped, token)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        try:
            return float(int(token, 0) if token.isdigit() else float(token))
        except ValueError:
            raise self.malformed() from None

    def _table(self, depth: int) -> dict[bytes, Value]:
        if depth > DEEPEST:
            raise self.malformed()
        table: dict[bytes, Value] = {}
        while not self._takes(b"}"):
            if self._takes(b"["):
                key = self.value(depth)
                self.expect(b"]")
                self.expect(b"=")
                found = self.value(depth)
                if isinstance(key, bytes):
                    table[key] = found
            else:
                self.value(depth)
            if not (self._takes(b";") or self._takes(b",") or self._token == b"}"):
                raise self.malformed()
        return table

    def _takes(self, token: bytes) -> bool:
        if self._kind == "text" or self._token != token:
            return False
        self._advance()
        return True

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._place)
        if match is None or match.lastgroup is None:
            raise self.malformed()
        self._place = match.end()
        self._kind, self._token = match.lastgroup, match[match.lastgroup]


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code.isdigit():
        return bytes([int(code) & 0xFF])
    if len(code) == 3:
        return bytes.fromhex(code[1:].decode())
    return bytes([_LETTERS.get(code[0], code[0])])
