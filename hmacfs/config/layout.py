"""Putting entries into sections and writing them down."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field


@define
class _Section:
    above: list[str]
    behind: str
    lines: list[str] = field(factory=list)


@define
class Layout:
    """
    A file that is being written: sections in the order of their first mention.

    :ivar below: the comments under everything.
    """

    below: Sequence[str] = ()
    _sections: dict[str, _Section] = field(factory=dict)
    _waiting: list[str] = field(factory=list)

    def open(self, name: str, above: Sequence[str], behind: str = "") -> None:
        """Begin a section, or go on with it; comments of its header come along."""
        if name in self._sections:
            self._waiting.extend(above)
        else:
            self._sections[name] = _Section([*self._waiting, *above], behind)
            self._waiting.clear()

    def put(self, section: str, above: Sequence[str], line: str) -> None:
        """Add an entry at the end of a section."""
        lines = [*self._waiting, *above]
        self._waiting.clear()
        if section not in self._sections:
            # What a blank line sets apart from the first entry is about the whole file.
            apart = _last_blank(lines) if not self._sections else 0
            self._sections[section] = _Section(lines[:apart], "")
            lines = lines[apart:]
        self._sections[section].lines.extend((*lines, line))

    def leave_out(self, above: Sequence[str]) -> None:
        """Keep the comments over an entry that goes, but for those right above it."""
        self._waiting.extend(above[: _last_blank(above)])

    def text(self) -> str:
        """Write everything; sections without entries are left out."""
        lines: list[str] = []
        for name, section in self._sections.items():
            if section.lines:
                lines.extend((*_apart(section.above, lines), f"[{name}]{section.behind}"))
                lines.extend(_without_leading_blanks(section.lines))
        lines.extend((*self._waiting, *self.below))
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(lines) + "\n"


def _last_blank(lines: Sequence[str]) -> int:
    return max((at + 1 for at, line in enumerate(lines) if not line), default=0)


def _apart(above: Sequence[str], before: Sequence[str]) -> Sequence[str]:
    """Have a blank line between sections."""
    if before and before[-1] and (not above or above[0]):
        return ("", *above)
    return above


def _without_leading_blanks(lines: Sequence[str]) -> Sequence[str]:
    first = next((at for at, line in enumerate(lines) if line), 0)
    return lines[first:]
