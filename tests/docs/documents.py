"""The documents of the project and the examples in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code(?:-block)?:: (?P<language>\S+)\n"
    r"(?P<body>(?:\n|(?P=indent) +\S.*\n)+)",
    re.MULTILINE,
)
_HEADING = re.compile(r"^(\S.*)\n[=-]{3,}$", re.MULTILINE)


@frozen
class Example:
    """A block of code in a document.

    :ivar where: for messages.
    :ivar section: the nearest heading above it.
    """

    where: str
    section: str
    language: str
    text: str


def documents() -> Iterator[Path]:
    """Tell the documents that people write; the reference of options is made from the table."""
    yield ROOT / "README.rst"
    written = set((ROOT / "docs").rglob("*.rst")) - {ROOT / "docs/configuration.rst"}
    yield from sorted(written)


def examples(language: str) -> Iterator[Example]:
    """Tell the examples in a language."""
    for document in documents():
        text = document.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(text):
            if block["language"] == language:
                line = text.count("\n", 0, block.start()) + 1
                where = f"{document.relative_to(ROOT)}:{line}"
                section = _HEADING.findall(text, 0, block.start())[-1]
                body = textwrap.dedent(block["body"]).strip() + "\n"
                yield Example(where, section, language, body)
