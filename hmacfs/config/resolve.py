"""From the tree of a TOML file to the options that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from hmacfs.config.names import (
    Match,
    find,
    find_retired,
    is_section,
    normal,
    suggest_key,
    suggest_section,
)
from hmacfs.config.positions import Path, Place, Position
from hmacfs.config.problems import Problem
from hmacfs.config.settings import Origin, Source

_TOP = Place(Position(1, 1), Position(1, 1))


@frozen
class Candidate:
    """
    A value somebody gave for an option, not yet understood.

    :ivar path: the name in its normal form.
    :ivar keys: the name as it stands in the tree of the file.
    :ivar value_at: where the value stands, which matters when it is wrong.
    :ivar from_variable: whether an environment variable gave it, as text.
    """

    match: Match
    path: str
    raw: Any = field(repr=False)
    origin: Origin
    value_at: Position
    keys: Path = ()
    from_variable: bool = False

    def problem(self, message: str, hint: str = "") -> Problem:
        """Make a problem at the value's place."""
        if self.from_variable:
            return Problem(f"environment variable {self.origin.spelling}", 0, 0, message, hint)
        at = self.value_at
        return Problem(
            self.origin.file, at.line, at.column, f"{self.origin.spelling}: {message}", hint
        )


@frozen
class _Idle:
    warning: Problem


@frozen
class Resolved:
    """What a file gives, and what is wrong with its names."""

    candidates: tuple[Candidate, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def resolve(tree: Mapping[str, Any], places: Mapping[Path, Place], file: str) -> Resolved:
    """Find the option of every key of a file."""
    candidates: list[Candidate] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for found in _walk(tree, (), places, file):
        if isinstance(found, Candidate):
            candidates.append(found)
        elif isinstance(found, _Idle):
            warnings.append(found.warning)
        else:
            problems.append(found)
    return Resolved(tuple(candidates), tuple(problems), tuple(warnings))


def _walk(
    table: Mapping[str, Any], above: Path, places: Mapping[Path, Place], file: str
) -> Iterator[Candidate | Problem | _Idle]:
    for key, value in table.items():
        path = (*above, key)
        place = places.get(path, _TOP)
        at = place.key
        name = ".".join(path)
        # A key at the top of the file is of [server], unless it is a section.
        compared = normal(name if above or isinstance(value, Mapping) else f"server.{key}")
        match = find(compared)
        retired = find_retired(compared)
        if match is not None:
            origin = Origin(Source.FILE, file, at.line, at.column, name)
            yield Candidate(match, compared, value, origin, place.value, path)
        elif isinstance(value, Mapping) and retired is None and is_section(compared):
            yield from _walk(value, path, places, file)
        elif retired is not None:
            yield _Idle(Problem(file, at.line, at.column, f'"{name}" does nothing', retired.reason))
        elif isinstance(value, Mapping):
            hint = suggest_section(compared)
            yield Problem(file, at.line, at.column, f"there is no section [{name}]", hint)
        elif not above and is_section(normal(key)):
            yield Problem(
                file, at.line, at.column, f'"{key}" is a section', f"write [{key}] above its keys"
            )
        else:
            section, _, last = compared.rpartition(".")
            hint = suggest_key(section, last)
            yield Problem(file, at.line, at.column, f'there is no key "{name}"', hint)
