"""The values in force, typed by their options, and where each came from."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

from attrs import evolve, field, frozen

from hmacfs.config.option import Generation, Option
from hmacfs.config.problems import Problem

T = TypeVar("T")

Values = Mapping[Option[Any], Any]
"""Options and values of their types, which a mapping cannot say better."""


class Source(enum.Enum):
    """The kinds of places a value may come from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    SECRET_FILE = "secret file"  # noqa: S105 - the name of a kind of place
    PROGRAM = "program"


@frozen
class Origin:
    """
    Where a value came from.

    :ivar file: the configuration file that has it, where one does.
    :ivar spelling: the name it was given there, or the environment variable.
    :ivar secret_file: the file that the secret was taken from.
    """

    source: Source
    file: str = ""
    line: int = 0
    column: int = 0
    spelling: str = ""
    secret_file: str = ""

    def __str__(self) -> str:
        """Return it as ``-validate-verbose`` shows it."""
        if self.source is Source.FILE:
            return f'{self.file}:{self.line}:{self.column} as "{self.spelling}"'
        if self.source is Source.ENVIRONMENT:
            return f"environment variable {self.spelling}"
        if self.source is Source.SECRET_FILE:
            return f"file {self.secret_file}, named by {self.spelling}"
        return str(self.source.value)


@frozen
class Given:
    """A value that somebody gave."""

    value: Any = field(repr=False)
    origin: Origin


@frozen
class Settings:
    """
    A whole configuration: ``settings[options.SERVER_STORAGE_PATH]`` is a path.

    Its ``repr`` shows no value, for some are secrets.

    :ivar warnings: what deserves a look though it can be used.
    :ivar generation: the generation of the file it was read from.
    """

    _given: Mapping[Option[Any], Given] = field(factory=dict, repr=False)
    warnings: tuple[Problem, ...] = ()
    generation: Generation = Generation.V4

    @classmethod
    def of(cls, values: Values) -> Self:
        """
        Make settings with these values, and defaults otherwise.

        :raises ValueError: when a value is none its option could have in a file.
        """
        origin = Origin(Source.PROGRAM)
        for option, value in values.items():
            if option.kind.parse(option.kind.plain(value)) != value:
                raise ValueError(f"{option.key} cannot have this value")
        return cls({option: Given(value, origin) for option, value in values.items()})

    def __getitem__(self, option: Option[T]) -> T:
        """Return the value in force."""
        found = self._given.get(option)
        if found is None:
            return option.default
        value: T = found.value
        return value

    def reloaded(self, new: Settings) -> tuple[Settings, tuple[Option[Any], ...]]:
        """
        Make the settings in force after a reload.

        Only options that are marked reloadable change.

        :param new: as they were just read.
        :return: them, and the options that keep the old value until a restart.
        """
        both = {*self._given, *new._given}
        kept = sorted(
            (option for option in both if not option.reloadable and self[option] != new[option]),
            key=lambda option: option.key,
        )
        given = {
            option: source[option]
            for option in both
            if option in (source := new._given if option.reloadable else self._given)
        }
        return evolve(new, given=given), tuple(kept)

    def with_secrets_of(self, new: Settings) -> Settings:
        """
        Make these settings with what was read anew of secrets that stand outside the file.

        :param new: as they were just read.
        """
        outside = {Source.SECRET_FILE, Source.ENVIRONMENT}
        secrets = {
            option: given
            for option, given in new._given.items()
            if option.secret and given.origin.source in outside
        }
        return evolve(self, given={**self._given, **secrets})

    def origin(self, option: Option[Any]) -> Origin:
        """Return where the value in force came from."""
        found = self._given.get(option)
        return Origin(Source.DEFAULT) if found is None else found.origin

    def given(self) -> Iterator[Option[Any]]:
        """Tell the options whose value is not left to the default."""
        return iter(self._given)
