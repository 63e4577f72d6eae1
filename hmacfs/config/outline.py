"""A TOML text as sections of entries, each with the comments that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tomlkit
from attrs import define, field, frozen
from tomlkit.items import AoT, Comment, InlineTable, Item, Table

from hmacfs.config.positions import Path


@frozen
class Entry:
    """
    One key and its value, as they are written.

    :ivar path: the keys from the top of the file.
    :ivar above: the blank lines and comments over it.
    :ivar value: the text of the value.
    :ivar behind: the comment behind it, with the space before.
    """

    path: Path
    above: tuple[str, ...]
    value: str = field(repr=False)
    behind: str


@frozen
class Header:
    """The header of a section, as it is written."""

    path: Path
    above: tuple[str, ...]
    behind: str


@frozen
class Outline:
    """
    A whole file in its order.

    :ivar below: the comments under everything.
    """

    parts: tuple[Header | Entry, ...]
    below: tuple[str, ...]


def outline(text: str, whole: frozenset[Path]) -> Outline:
    """
    Take a valid TOML text apart.

    :param whole: inline tables that are values, so that they are not taken apart.
    """
    reader = _Reader(whole)
    parts = tuple(reader.read(tomlkit.parse(text).body, ()))
    return Outline(parts, tuple(reader.above))


@define
class _Reader:
    whole: frozenset[Path]
    above: list[str] = field(factory=list)

    def read(self, body: Any, path: Path) -> Iterator[Header | Entry]:
        for key, item in body:
            if key is None:
                self._note(item)
            elif isinstance(item, AoT):
                yield self._entry((*path, key.key), _inline(item), item)
                self._note_end(item[-1].value.body)
            elif isinstance(item, Table):
                yield from self._read_table(item, (*path, key.key))
            elif isinstance(item, InlineTable) and (*path, key.key) not in self.whole:
                yield Header((*path, key.key), self._take(), _behind(item))
                yield from self.read(item.value.body, (*path, key.key))
            else:
                yield self._entry((*path, key.key), item.as_string(), item)

    def _read_table(self, table: Table, path: Path) -> Iterator[Header | Entry]:
        if not table.is_super_table():
            yield Header(path, self._take(), _behind(table))
        yield from self.read(table.value.body, path)

    def _note(self, item: Item) -> None:
        if isinstance(item, Comment):
            self.above.append(item.trivia.comment)
        else:
            self.above.extend([""] * item.as_string().count("\n"))

    def _note_end(self, body: Any) -> None:
        last = max(at for at, (key, _) in enumerate(body) if key is not None)
        for _, item in body[last + 1 :]:
            self._note(item)

    def _entry(self, path: Path, value: str, item: Item) -> Entry:
        return Entry(path, self._take(), value, _behind(item))

    def _take(self) -> tuple[str, ...]:
        taken = tuple(self.above)
        self.above.clear()
        return taken


def _behind(item: Item) -> str:
    return f"{item.trivia.comment_ws or '  '}{item.trivia.comment}" if item.trivia.comment else ""


def _inline(tables: AoT) -> str:
    """Write an array of tables in one line; the comments inside are lost."""
    inline = []
    for each in tables.unwrap():
        table = tomlkit.inline_table()
        table.update(each)
        inline.append(table.as_string())
    return f"[{', '.join(inline)}]"
