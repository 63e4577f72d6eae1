"""One value for each option, where a file and its surroundings may give several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from hmacfs.config import options
from hmacfs.config.environment import read_secret
from hmacfs.config.names import dotted
from hmacfs.config.old_forms import translate
from hmacfs.config.option import Combine, Option
from hmacfs.config.problems import Problem
from hmacfs.config.resolve import Candidate
from hmacfs.config.settings import Given


@frozen
class Merged:
    """Understood values, and what there is to say about them."""

    given: Mapping[Option[Any], Given]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@frozen
class _Value:
    """A candidate that was understood."""

    candidate: Candidate
    value: Any = field(repr=False)

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int]:
        """Which value rules unless the option says otherwise; the larger does."""
        origin, match = self.candidate.origin, self.candidate.match
        return (
            self.candidate.from_variable,
            match.names_file,
            match.alias is None,
            0 if match.alias is None else match.alias.generation,
            origin.line,
        )


def merge(candidates: Iterable[Candidate], environ: Mapping[str, str]) -> Merged:
    """Understand every candidate and choose one for each option."""
    merging = _Merging(environ)
    for candidate in _without_replaced_secrets(translate(tuple(candidates))):
        merging.add(candidate)
    merging.settle()
    return Merged(merging.given, tuple(merging.problems), tuple(merging.warnings))


@define
class _Merging:
    environ: Mapping[str, str]
    values: list[_Value] = field(factory=list)
    given: dict[Option[Any], Given] = field(factory=dict)
    problems: list[Problem] = field(factory=list)
    warnings: list[Problem] = field(factory=list)

    def add(self, candidate: Candidate) -> None:
        try:
            if candidate.match.names_file:
                candidate, warnings = read_secret(candidate, self.environ)
                self.warnings.extend(warnings)
            value = _understand(candidate)
        except ValueError as reason:
            self.problems.append(candidate.problem(str(reason)))
        else:
            self.values.append(_Value(candidate, value))

    def settle(self) -> None:
        counted = [value for value in self.values if self._counts(value)]
        by_option: dict[Option[Any], list[_Value]] = {}
        for value in counted:
            by_option.setdefault(value.candidate.match.option, []).append(value)
        for option, values in by_option.items():
            chosen = self._choose(option, sorted(values, key=lambda value: value.rank))
            self.given[option] = Given(chosen.value, chosen.candidate.origin)
        self._turn_on(counted)
        self._spread_global_extensions()

    def _counts(self, value: _Value) -> bool:
        """Tell whether the switch that an old name depends on is on."""
        alias = value.candidate.match.alias
        if alias is None or not alias.only_if:
            return True
        if any(
            other.candidate.path == dotted(alias.only_if) and other.value is True
            for other in self.values
        ):
            return True
        self.warnings.append(
            value.candidate.problem("this is left out", f"{alias.only_if} is not true")
        )
        return False

    def _choose(self, option: Option[Any], values: Sequence[_Value]) -> _Value:
        # A variable is no second opinion on the file: it is there to rule, without a word.
        variables = [value for value in values if value.candidate.from_variable]
        rivals = variables or values
        chosen = rivals[-1] if variables else _CHOICE[option.combine](values)
        for value in rivals:
            # Switches that agree with each other are no choice worth a word.
            if value is chosen or (option.combine is Combine.ANY and value.value == chosen.value):
                continue
            origin = chosen.candidate.origin
            place = f" in line {origin.line}" if origin.line else ""
            self.warnings.append(
                value.candidate.problem(
                    f'this means the same as "{origin.spelling}"{place}, which rules',
                    "keep one of them",
                )
            )
        return chosen

    def _turn_on(self, values: Iterable[_Value]) -> None:
        for value in values:
            match = value.candidate.match
            key = match.option.turns_on if match.alias is None else match.alias.turns_on
            if not key:
                continue
            switch = options.BY_KEY[key]
            found = self.given.setdefault(switch, Given(True, value.candidate.origin))
            if not found.value:
                self.warnings.append(
                    value.candidate.problem("this does nothing", f"{found.origin.spelling} is off")
                )

    def _spread_global_extensions(self) -> None:
        extensions = self.given.get(options.SERVER_GLOBAL_EXTENSIONS)
        if extensions is None or not extensions.value:
            return
        for option in (options.UPLOADS_ALLOWED_EXTENSIONS, options.DOWNLOADS_ALLOWED_EXTENSIONS):
            found = self.given.get(option)
            if found is not None:
                at = found.origin
                self.warnings.append(
                    Problem(
                        at.file or f"environment variable {at.spelling}",
                        at.line,
                        at.column,
                        f'{at.spelling}: "global_extensions" replaces this list',
                        "keep one of them",
                    )
                )
            self.given[option] = extensions


def _without_replaced_secrets(candidates: Sequence[Candidate]) -> Iterable[Candidate]:
    """Leave out secrets of the file that a variable replaces: nobody signs with them."""
    replaced = {each.match.option for each in candidates if each.from_variable}
    return (
        each
        for each in candidates
        if each.from_variable or not each.match.option.secret or each.match.option not in replaced
    )


def _understand(candidate: Candidate) -> Any:
    match = candidate.match
    raw = candidate.raw
    if match.alias is not None and not match.names_file:
        raw = match.alias.convert(raw)
    if candidate.from_variable and isinstance(raw, str):
        return match.option.kind.parse_text(raw)
    return match.option.kind.parse(raw)


def _smallest(values: Sequence[_Value]) -> _Value:
    return min(reversed(values), key=lambda value: value.value)


def _largest(values: Sequence[_Value]) -> _Value:
    return max(reversed(values), key=lambda value: value.value)


def _newest_name(values: Sequence[_Value]) -> _Value:
    return values[-1]


_CHOICE: Final[Mapping[Combine, Callable[[Sequence[_Value]], _Value]]] = {
    Combine.NEWEST_NAME: _newest_name,
    Combine.SMALLEST: _smallest,
    Combine.LARGEST: _largest,
    Combine.ANY: _largest,
}
