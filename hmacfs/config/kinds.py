"""What an option's value may be: how it is read from TOML and written back."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

from attrs import frozen

from hmacfs.base.units import parse_duration, parse_size, render_duration, render_size

Plain = bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"]
"""A value as TOML knows it."""

T = TypeVar("T")

LONGEST_SOCKET_PATH: Final = 107
"""Bytes that the path of a Unix socket may have (unix(7), sun_path, which a NUL ends)."""


class Kind(Protocol[T]):
    """
    The type of an option.

    ``parse(plain(value)) == value`` holds for every value that ``parse`` can return.
    """

    @property
    def noun(self) -> str:
        """What documentation calls such a value, with its unit."""

    def parse(self, given: object) -> T:
        """Take a TOML value; raises :exc:`ValueError` with one sentence."""

    def parse_text(self, text: str) -> T:
        """Take the text of an environment variable; raises :exc:`ValueError`."""

    def plain(self, value: T) -> Plain:
        """Return the value as TOML writes it."""


_NAMES: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def describe(given: object) -> str:
    """Say what kind of TOML value ``given`` is, without showing it."""
    if isinstance(given, Mapping):
        return "a table"
    if isinstance(given, list):
        return "a list"
    return _NAMES.get(type(given), "a date or a time")


def expect_text(given: object) -> str:
    """Return ``given`` when it is text a single line can hold; raises :exc:`ValueError`."""
    if not isinstance(given, str):
        raise ValueError(f"this is {describe(given)}, where a text in quotes belongs")
    # U+007F to U+009F too: no name or path of the configuration has a use for controls.
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", given):
        raise ValueError("this text has line breaks or control characters")
    return given


@frozen
class Switch:
    """On or off."""

    noun: str = "true or false"

    def parse(self, given: object) -> bool:
        """Take a TOML boolean."""
        if not isinstance(given, bool):
            raise ValueError(
                f"this is {describe(given)}, where true or false (without quotes) belongs"
            )
        return given

    def parse_text(self, text: str) -> bool:
        """Take what shells and composers of containers write for yes and no."""
        word = text.strip().lower()
        if word in {"true", "1", "yes", "on"}:
            return True
        if word in {"false", "0", "no", "off"}:
            return False
        raise ValueError(f"{text!r} is neither true nor false")

    def plain(self, value: bool) -> Plain:
        """Return the value itself."""
        return value


@frozen
class Whole:
    """A whole number between two bounds."""

    minimum: int = 0
    maximum: int = 2**31 - 1
    noun: str = "whole number"

    def parse(self, given: object) -> int:
        """Take a TOML integer."""
        if isinstance(given, bool) or not isinstance(given, int):
            raise ValueError(
                f"this is {describe(given)}, where a whole number (without quotes) belongs"
            )
        if not self.minimum <= given <= self.maximum:
            raise ValueError(f"{given} is not between {self.minimum} and {self.maximum}")
        return given

    def parse_text(self, text: str) -> int:
        """Take decimal digits."""
        if re.fullmatch(r"-?[0-9]{1,18}", text.strip()) is None:
            raise ValueError(f"{text!r} is not a whole number")
        return self.parse(int(text))

    def plain(self, value: int) -> Plain:
        """Return the value itself."""
        return value


@frozen
class AutoCount:
    """A whole number, or ``"auto"``, which is :obj:`None` here."""

    maximum: int = 1024
    noun: str = 'whole number or "auto"'

    def parse(self, given: object) -> int | None:
        """Take a TOML integer or the word ``auto``."""
        if isinstance(given, str):
            return self.parse_text(given)
        return Whole(1, self.maximum).parse(given)

    def parse_text(self, text: str) -> int | None:
        """Take decimal digits or the word ``auto``."""
        if text.strip().lower() == "auto":
            return None
        return Whole(1, self.maximum).parse_text(text)

    def plain(self, value: int | None) -> Plain:
        """Return the number, or ``auto``."""
        return "auto" if value is None else value


@frozen
class Number:
    """A number between two bounds, with or without a fraction."""

    minimum: float
    maximum: float
    noun: str = "number"

    def parse(self, given: object) -> float:
        """Take a TOML integer or float."""
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise ValueError(f"this is {describe(given)}, where a number belongs")
        # Written so that "not a number" fails too.
        if not self.minimum <= given <= self.maximum:
            raise ValueError(f"{given} is not between {self.minimum:g} and {self.maximum:g}")
        return float(given)

    def parse_text(self, text: str) -> float:
        """Take a decimal number."""
        if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text.strip()) is None:
            raise ValueError(f"{text!r} is not a number")
        return self.parse(float(text))

    def plain(self, value: float) -> Plain:
        """Return the value itself."""
        return value


@frozen
class Size:
    """A number of bytes."""

    minimum: int = 0
    maximum: int | None = None
    noun: str = "size (bytes, KB, MB, GB, TB)"

    def parse(self, given: object) -> int:
        """Take a number of bytes or a text such as ``10GB``."""
        if isinstance(given, bool) or not isinstance(given, (int, str)):
            raise ValueError(f'this is {describe(given)}, where a size such as "10GB" belongs')
        size = parse_size(given)
        if size < self.minimum:
            raise ValueError(f"{given!r} is less than {render_size(self.minimum)}")
        if self.maximum is not None and size > self.maximum:
            raise ValueError(f"{given!r} is more than {render_size(self.maximum)}")
        return size

    def parse_text(self, text: str) -> int:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: int) -> Plain:
        """Return bytes as a number, or the largest unit that is exact."""
        return value if value < 1024 else render_size(value)


@frozen
class Duration:
    """A number of seconds."""

    minimum: float = 0.0
    noun: str = 'duration (seconds, "30s", "1h30m", "30d")'

    def parse(self, given: object) -> float:
        """Take a number of seconds or a text such as ``1h30m``."""
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise ValueError(f'this is {describe(given)}, where a duration such as "30s" belongs')
        seconds = parse_duration(given)
        if seconds < self.minimum:
            raise ValueError(f"{given!r} is shorter than {render_duration(self.minimum)}")
        return seconds

    def parse_text(self, text: str) -> float:
        """Take the same forms."""
        return self.parse(text)

    def plain(self, value: float) -> Plain:
        """Return the shortest exact text."""
        return render_duration(value)


@frozen
class Text:
    """One line of text."""

    noun: str = "text"
    pattern: str = ""
    expected: str = ""

    def parse(self, given: object) -> str:
        """Take a TOML string that matches the pattern."""
        text = expect_text(given)
        if self.pattern and re.fullmatch(self.pattern, text) is None:
            raise ValueError(f"{text!r} is not {self.expected}")
        return text

    def parse_text(self, text: str) -> str:
        """Take the text itself."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value


@frozen
class Choice:
    """One word of several; capitals do not matter."""

    choices: tuple[str, ...]
    synonyms: tuple[tuple[str, str], ...] = ()

    @property
    def noun(self) -> str:
        """The words that may be chosen."""
        return "one of " + ", ".join(f'"{word}"' for word in self.choices)

    def parse(self, given: object) -> str:
        """Take one of the words, or a synonym of one."""
        word = expect_text(given).strip().lower()
        word = dict(self.synonyms).get(word, word)
        for choice in self.choices:
            if word == choice.lower():
                return choice
        raise ValueError(f"{given!r} is not {self.noun}")

    def parse_text(self, text: str) -> str:
        """Take the same words."""
        return self.parse(text)

    def plain(self, value: str) -> Plain:
        """Return the value itself."""
        return value


def socket_path(given: str) -> pathlib.Path:
    """
    Take the path of a Unix socket.

    :raises ValueError: if it is longer than the system can bind or connect to.
    """
    size = len(os.fsencode(given))
    if size > LONGEST_SOCKET_PATH:
        raise ValueError(
            f"{given!r} has {size} bytes, and the path of a Unix socket can have no more than "
            f"{LONGEST_SOCKET_PATH}"
        )
    return pathlib.Path(given)


@frozen
class FilePath:
    """
    A path that must be given.

    :ivar directory: whether it is the path of a directory.
    :ivar socket: whether it is that of a Unix socket.
    """

    directory: bool = False
    socket: bool = False

    @property
    def noun(self) -> str:
        """What it is the path of."""
        if self.socket:
            return "path of a Unix socket"
        return "path of a directory" if self.directory else "path of a file"

    def parse(self, given: object) -> pathlib.Path:
        """Take a path; ``~`` is an ordinary character."""
        text = expect_text(given)
        if not text:
            raise ValueError("this path is empty")
        return socket_path(text) if self.socket else pathlib.Path(text)

    def parse_text(self, text: str) -> pathlib.Path:
        """Take the path itself."""
        return self.parse(text)

    def plain(self, value: pathlib.Path) -> Plain:
        """Return the path as text."""
        return str(value)


@frozen
class OptionalPath:
    """
    A path, or the empty text, which is :obj:`None` here.

    :ivar directory: whether it is the path of a directory; ``None`` if it may be either.
    :ivar socket: whether it is that of a Unix socket.
    """

    directory: bool | None = False
    socket: bool = False

    @property
    def noun(self) -> str:
        """What it is the path of."""
        if self.socket:
            return "path of a Unix socket, or empty"
        if self.directory is None:
            return "path, or empty"
        return f"path of a {'directory' if self.directory else 'file'}, or empty"

    def parse(self, given: object) -> pathlib.Path | None:
        """Take a path or the empty text."""
        text = expect_text(given)
        if not text:
            return None
        return socket_path(text) if self.socket else pathlib.Path(text)

    def parse_text(self, text: str) -> pathlib.Path | None:
        """Take the path itself."""
        return self.parse(text)

    def plain(self, value: pathlib.Path | None) -> Plain:
        """Return the path as text."""
        return "" if value is None else str(value)
