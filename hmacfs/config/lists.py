"""Kinds of options that hold several values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from hmacfs.base.units import parse_size, render_size
from hmacfs.config.kinds import Plain, describe, expect_text

_BOX: Final = re.compile(r"([1-9][0-9]{0,4})\s*[xX×]\s*([1-9][0-9]{0,4})")


def _items(text: str) -> list[object]:
    """Split an environment variable: a TOML list, or words between commas."""
    if text.strip().startswith("["):
        try:
            items: list[object] = tomllib.loads(f"x = {text.strip()}")["x"]
        except tomllib.TOMLDecodeError:
            raise ValueError(f"{text!r} is not a list of TOML") from None
        return items
    return [word.strip() for word in text.split(",") if word.strip()]


def _texts(given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise ValueError(f'this is {describe(given)}, where a list such as ["a", "b"] belongs')
    try:
        return tuple(expect_text(item) for item in given)
    except ValueError as reason:
        raise ValueError(f"in this list: {reason}") from None


def _unique(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


@frozen
class TextList:
    """A list of texts; ``check`` raises :exc:`ValueError` or returns an item in its own form."""

    noun: str = "list of texts"
    check: Callable[[str], str] = str

    def parse(self, given: object) -> tuple[str, ...]:
        """Take a TOML list of strings."""
        return _unique(tuple(self.check(item) for item in _texts(given)))

    def parse_text(self, text: str) -> tuple[str, ...]:
        """Take a TOML list, or words between commas."""
        return self.parse(_items(text))

    def plain(self, value: tuple[str, ...]) -> Plain:
        """Return a list."""
        return list(value)


def _extension(text: str) -> str:
    word = text.strip().lower()
    if word == "*":
        return word
    word = word if word.startswith(".") else f".{word}"
    if len(word) < 2 or "/" in word or " " in word:
        raise ValueError(f'{text!r} is not a file extension such as ".pdf"')
    return word


EXTENSIONS: Final = TextList("list of file extensions", _extension)
"""Extensions in lower case with their dot; ``*`` stands for all."""


@frozen
class Boxes:
    """One or more rectangles in pixels, each ``WIDTHxHEIGHT``."""

    noun: str = 'size in pixels such as "200x200", or a list of them'

    def parse(self, given: object) -> tuple[tuple[int, int], ...]:
        """Take one text or a list of texts."""
        boxes = []
        for text in (given,) if isinstance(given, str) else _texts(given):
            found = _BOX.fullmatch(text.strip())
            if found is None:
                raise ValueError(f'{text!r} is not a size in pixels such as "200x200"')
            boxes.append((int(found[1]), int(found[2])))
        if not boxes:
            raise ValueError("this list is empty")
        return tuple(dict.fromkeys(boxes))

    def parse_text(self, text: str) -> tuple[tuple[int, int], ...]:
        """Take a TOML list, or sizes between commas."""
        return self.parse(_items(text))

    def plain(self, value: tuple[tuple[int, int], ...]) -> Plain:
        """Return one text, or a list where there are several."""
        texts = [f"{width}x{height}" for width, height in value]
        return texts[0] if len(texts) == 1 else texts


@frozen
class SizeTable:
    """A table of names and sizes in bytes, in the order of the file."""

    noun: str = "table of sizes"

    def parse(self, given: object) -> tuple[tuple[str, int], ...]:
        """Take a TOML table."""
        if not isinstance(given, Mapping):
            raise ValueError(
                f'this is {describe(given)}, where a table such as {{ "name" = "1GB" }} belongs'
            )
        rows = []
        for name, size in given.items():
            if isinstance(size, bool) or not isinstance(size, (int, str)):
                raise ValueError(f"the size of {name!r} is {describe(size)}")
            try:
                rows.append((expect_text(name), parse_size(size)))
            except ValueError as reason:
                raise ValueError(f"the size of {name!r}: {reason}") from None
        return tuple(rows)

    def parse_text(self, text: str) -> tuple[tuple[str, int], ...]:
        """Take ``name=size`` pairs between commas."""
        pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
        return self.parse({name.strip(): size.strip() for name, _, size in pairs})

    def plain(self, value: tuple[tuple[str, int], ...]) -> Plain:
        """Return a table."""
        return {name: render_size(size) for name, size in value}
