"""What the table of options is made of."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from hmacfs.config.kinds import Kind

T = TypeVar("T")


class Generation(enum.IntEnum):
    """The generations of the file's format, oldest first."""

    FIRST = 1
    V1_0_5 = 2
    V2_0 = 3
    V2_X = 4
    V3_2 = 5
    V4 = 6

    @property
    def label(self) -> str:
        """What people call it."""
        return _LABELS[self]


_LABELS = {
    Generation.FIRST: "1.0",
    Generation.V1_0_5: "1.0.5",
    Generation.V2_0: "2.0",
    Generation.V2_X: "2.x",
    Generation.V3_2: "3.x",
    Generation.V4: "4",
}


class Combine(enum.Enum):
    """Which value rules when one option is given several times under different names."""

    NEWEST_NAME = "the newest name"
    SMALLEST = "the smallest"
    LARGEST = "the largest"
    ANY = "true if any is"


def as_given(value: object) -> object:
    """Change nothing: the alias takes the same values as the option."""
    return value


def times(factor: int) -> Callable[[object], object]:
    """Make the conversion of a number that counts in other units; a text has its own units."""

    def convert(given: object) -> object:
        if isinstance(given, str) and given.strip().isdecimal():
            return int(given) * factor
        return given * factor if isinstance(given, int) and not isinstance(given, bool) else given

    return convert


@frozen
class Alias:
    """
    Another name of an option.

    :ivar generation: the first generation of files that used it.
    :ivar spelling: ``section.key``; without a section it stands at the top of the file or
        under ``[server]``.
    :ivar convert: from this name's TOML value to the option's; raises :exc:`ValueError`.
    :ivar only_if: a name whose value must be true in the same file, else this one is left out.
    :ivar turns_on: the key of a switch that counts as on when this name is given.
    """

    generation: Generation
    spelling: str
    convert: Callable[[object], object] = as_given
    only_if: str = ""
    turns_on: str = ""


@frozen(eq=False)
class Option(Generic[T]):
    """
    One setting: the reader, the checks and all documentation come from these facts.

    :ivar key: canonical ``section.key``.
    :ivar default: the value without it.
    :ivar summary: sentences: what happens without it, and what changes.
    :ivar example: a value that is not the default.
    :ivar reloadable: whether a reload takes a new value, without a restart.
    :ivar secret: whether its value may never be shown; it may also come from ``<key>_file``.
    :ivar in_effect: whether what it switches exists yet.
    :ivar turns_on: the key of a switch that counts as on when this one is given.
    :ivar combine: what to do when it is given under several names.
    :ivar since: the first generation that had it by this name, capitals and underscores apart.
    """

    key: str
    kind: Kind[T]
    default: T
    summary: str
    example: T
    aliases: tuple[Alias, ...] = ()
    reloadable: bool = False
    secret: bool = False
    in_effect: bool = False
    turns_on: str = ""
    combine: Combine = Combine.NEWEST_NAME
    since: Generation = Generation.V3_2

    @property
    def section(self) -> str:
        """The table it stands in, such as ``server`` or ``admin.auth``."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key within its table."""
        return self.key.rpartition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "HMAC_" + self.key.replace(".", "_").upper()
