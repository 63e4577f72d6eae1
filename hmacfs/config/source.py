"""The file itself: whether it may be trusted, and its text."""

from __future__ import annotations

import os
import pathlib
import re
import stat
import tomllib
from typing import Any, Final

from hmacfs.config.problems import ConfigError, Problem

LARGEST_FILE: Final = 1024**2

_PLACE: Final = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)")
_UNQUOTED: Final = re.compile(r"""^\s*[^=#\s]+\s*=\s*(?!true|false|inf|nan)[A-Za-z/.~:]""")


def read_text(path: pathlib.Path) -> str:
    """
    Return the text of a configuration file.

    :raises ConfigError: when it cannot be read, or others than its owner may write it.
    """
    try:
        with open(path, "rb", opener=_open) as opened:
            _expect_trusted(path, os.fstat(opened.fileno()))
            content = opened.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _refused(path, "there is no such file", "-genconfig-path makes one") from None
    except IsADirectoryError:
        raise _refused(path, "it is a directory", "name a file in it") from None
    except OSError as reason:
        raise _refused(path, f"it cannot be read: {reason.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise _refused(path, "it is larger than 1 MB", "this is no configuration")
    return _decode(path, content)


def parse(text: str, file: str) -> dict[str, Any]:
    """
    Return the tree of a TOML text.

    :raises ConfigError: with the line and the column of the mistake.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise ConfigError((_describe(text, file, str(reason)),)) from None
    except ValueError:
        # Python reads no number of more than some thousand digits.
        raise ConfigError((Problem(file, 0, 0, "it has a number that is too long"),)) from None
    except RecursionError:
        raise ConfigError((Problem(file, 0, 0, "its lists or tables are too deep"),)) from None


def _open(path: str, flags: int) -> int:
    # A pipe would hold the program up before its kind is known.
    return os.open(path, flags | os.O_NONBLOCK)


def _expect_trusted(path: pathlib.Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "it is not a regular file")
    if status.st_mode & stat.S_IWOTH:
        raise _refused(path, "everybody may write it", f"chmod o-w {path}")
    if status.st_mode & stat.S_IWGRP and status.st_gid != 0:
        raise _refused(path, "others than its owner may write it", f"chmod g-w {path}")


def _decode(path: pathlib.Path, content: bytes) -> str:
    if b"\0" in content:
        raise _refused(path, "it is not text", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        before = content[: reason.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode()) + 1
        problem = Problem(str(path), line, column, "this is not UTF-8", "save it as UTF-8")
        raise ConfigError((problem,)) from None
    if not text.strip():
        raise _refused(path, "it is empty", "-genconfig makes one")
    return text


def _refused(path: pathlib.Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError((Problem(str(path), 0, 0, message, hint),))


def _describe(text: str, file: str, reason: str) -> Problem:
    found = _PLACE.fullmatch(reason)
    sentence, at_line, at_column = found.groups() if found else (reason, None, None)
    message = sentence[0].lower() + sentence[1:]
    lines = text.split("\n")
    if at_line is None or at_column is None:
        return Problem(file, len(lines), len(lines[-1]) + 1, message, "the text ends too early")
    line, column = int(at_line), int(at_column)
    hint = ""
    if line <= len(lines) and _UNQUOTED.match(lines[line - 1]):
        hint = "text stands in quotes"
    elif "overwrite" in message:
        hint = "keep one of them"
    return Problem(file, line, column, message, hint)
