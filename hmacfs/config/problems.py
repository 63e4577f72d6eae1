"""What is wrong with a configuration, and where."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen


@frozen
class Problem:
    """
    One sentence about one place.

    :ivar file: the file, or the environment variable, that has it.
    :ivar line: counted from 1; 0 where the problem is the file itself.
    :ivar column: counted from 1 in characters; 0 where there is no line.
    :ivar message: what is the matter.
    :ivar hint: what to do about it, or empty.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return ``file:line:column: what, hint``."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f", {self.hint}" if self.hint else "")


class ConfigError(Exception):
    """
    A configuration that cannot be used.

    :ivar problems: everything that is wrong, at once.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
