"""What checks are made of, and what they find."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import field, frozen

from hmacfs.config.option import Option
from hmacfs.config.settings import Settings


class Group(enum.Enum):
    """The groups of checks, by the names of their flags."""

    SECURITY = "security"
    PERFORMANCE = "performance"
    CONNECTIVITY = "connectivity"
    FIXABLE = "fixable"


class Weight(enum.Enum):
    """How bad a finding is."""

    PROBLEM = "problem"
    ADVICE = "advice"


@frozen
class Finding:
    """
    One sentence about one thing.

    :ivar place: ``file:line:column``, or where else it was said; empty for a default.
    """

    check: str
    weight: Weight
    message: str
    hint: str = ""
    place: str = ""

    def __str__(self) -> str:
        """Return it as one line."""
        start = f"{self.place}: " if self.place else ""
        end = f", {self.hint}" if self.hint else ""
        return f"{start}{self.weight.value}: {self.message}{end} ({self.check})"


@frozen
class Seen:
    """
    What the file system says about a path.

    :ivar mode: permission bits.
    :ivar device: which file system it is on.
    :ivar free: bytes that may still be written there.
    """

    mode: int
    group: int = 0
    device: int = 0
    free: int = 2**63


class Machine(Protocol):
    """
    What checks ask of the machine.

    :ivar cores: processors that may be used.
    :ivar memory: bytes.
    :ivar open_files: how many files a process may have open.
    """

    @property
    def cores(self) -> int:
        """Tell how many processors may be used."""

    @property
    def memory(self) -> int:
        """Tell the memory in bytes."""

    @property
    def open_files(self) -> int:
        """Tell how many files a process may have open."""

    def look(self, path: pathlib.Path) -> Seen | None:
        """Tell about a path, or :obj:`None` when it is not there or closed to us."""


@frozen
class Subject:
    """
    What is checked.

    :ivar file: the configuration file.
    :ivar text: its content.
    """

    settings: Settings
    file: pathlib.Path
    text: str = field(repr=False)
    machine: Machine

    def place(self, option: Option[Any]) -> str:
        """Tell where an option's value was said, or nothing for a default."""
        origin = self.settings.origin(option)
        return f"{origin.file}:{origin.line}:{origin.column}" if origin.line else origin.spelling


Sighting = tuple[Weight, str, str, Option[Any] | None]
"""Weight, message, hint, and the option that it is about."""


@frozen
class Check:
    """
    One check.

    :ivar name: stable, for reports and lists.
    :ivar title: what it looks for.
    """

    name: str
    group: Group
    title: str
    look: Callable[[Subject], Iterator[Sighting]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Look, and say where each finding stands."""
        for weight, message, hint, option in self.look(subject):
            place = "" if option is None else subject.place(option)
            yield Finding(self.name, weight, message, hint, place)
