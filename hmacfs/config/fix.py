"""Bringing an old file up to date: today's names, one for each setting, comments kept."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from attrs import evolve, field, frozen

from hmacfs.config.layout import Layout
from hmacfs.config.merge import Merged, merge
from hmacfs.config.names import find, find_retired, normal
from hmacfs.config.old_forms import translate
from hmacfs.config.option import Option
from hmacfs.config.options import BY_KEY, SECTIONS, TABLE
from hmacfs.config.outline import Entry, Header, outline
from hmacfs.config.positions import Path, Place, scan
from hmacfs.config.render import assignment, literal
from hmacfs.config.resolve import Candidate, resolve
from hmacfs.config.settings import Source
from hmacfs.config.source import parse

_SECTIONS = {normal(name): name for name in (*SECTIONS, *BY_KEY)}
"""Sections, and options that are tables of their own, as they are written today."""


class Sort(enum.Enum):
    """The sorts of changes, by the names of their checks."""

    NAME = "old-names"
    FORM = "value-forms"
    DOUBLE = "doubled-names"
    RETIRED = "retired-names"


@frozen
class Change:
    """
    One thing that was mended.

    :ivar line: where it stood.
    :ivar sentence: what was done.
    """

    sort: Sort
    line: int
    sentence: str


@frozen
class Fixed:
    """
    A file brought up to date.

    :ivar text: the new text; the old one where there was nothing to mend.
    """

    text: str = field(repr=False)
    changes: tuple[Change, ...]


@frozen
class _Verdict:
    """
    What becomes of an entry.

    :ivar key: its canonical name; empty where it goes.
    :ivar value: its new text, where that is not the old one.
    """

    key: str = ""
    value: str | None = field(default=None, repr=False)


@frozen
class _Reading:
    """What a text gives, without its environment."""

    candidates: tuple[Candidate, ...]
    merged: Merged

    def value(self, option: Option[Any]) -> Any:
        given = self.merged.given.get(option)
        return option.default if given is None else given.value


def fix(text: str, file: str) -> Fixed:
    """
    Bring a text up to date. It means the same afterwards.

    Unknown names and wrong values are left as they are; a value that is right but for its
    quotes is no wrong one.

    :raises ConfigError: when it is no TOML.
    """
    tree = parse(text, file)
    places = scan(text)
    reading = _read(tree, places, file)
    verdicts: dict[Path, _Verdict] = {}
    changes = [
        *_retire(tree, (), places, verdicts),
        *_judge_all(reading, verdicts),
    ]
    if not changes:
        return Fixed(text, ())
    layout = _rewrite(text, reading, verdicts)
    # Old names could switch on what today's names do not.
    draft = layout.text()
    after = _read(parse(draft, file), scan(draft), file)
    for option in TABLE:
        if after.value(option) != reading.value(option):
            layout.put(option.section, (), assignment(option, reading.value(option)))
    return Fixed(layout.text(), tuple(sorted(changes, key=lambda change: change.line)))


def _read(tree: Mapping[str, Any], places: Mapping[Path, Place], file: str) -> _Reading:
    candidates = resolve(tree, places, file).candidates
    return _Reading(candidates, merge(map(_in_form, candidates), {}))


def _in_form(candidate: Candidate) -> Candidate:
    """Take a value that is right but for its quotes, or the lack of them, as what it means."""
    kind, raw = candidate.match.option.kind, candidate.raw
    if candidate.match.option.secret or isinstance(raw, bool):
        return candidate
    if not isinstance(raw, (str, int, float)):
        return candidate
    try:
        kind.parse(_converted(candidate))
    except ValueError:
        try:
            return evolve(candidate, raw=kind.plain(kind.parse_text(str(raw))))
        except ValueError:
            return candidate
    return candidate


def _converted(candidate: Candidate) -> Any:
    alias = candidate.match.alias
    return candidate.raw if alias is None else alias.convert(candidate.raw)


def _retire(
    table: Mapping[str, Any],
    above: Path,
    places: Mapping[Path, Place],
    verdicts: dict[Path, _Verdict],
) -> Iterator[Change]:
    for key, value in table.items():
        path = (*above, key)
        is_table = isinstance(value, Mapping)
        name = normal(".".join(path if above or is_table else ("server", key)))
        if find(name) is not None:
            continue
        retired = find_retired(name)
        if retired is not None:
            verdicts[path] = _Verdict()
            line = places[path].key.line if path in places else 0
            yield Change(Sort.RETIRED, line, f'"{".".join(path)}" goes: {retired.reason}')
        elif is_table:
            yield from _retire(value, path, places, verdicts)


def _judge_all(reading: _Reading, verdicts: dict[Path, _Verdict]) -> Iterator[Change]:
    wrong = {(problem.line, problem.column) for problem in reading.merged.problems}
    said = {each.keys: each for each in translate(tuple(map(_in_form, reading.candidates)))}
    for candidate in reading.candidates:
        today = said.get(candidate.keys)
        spelling, line = candidate.origin.spelling, candidate.origin.line
        at = candidate.value_at
        if today is None:
            verdicts[candidate.keys] = _Verdict()
            yield Change(Sort.NAME, line, f'"{spelling}" goes: another setting takes it in')
        elif not (_is_chosen(today, reading.merged) or (at.line, at.column) in wrong):
            verdicts[candidate.keys] = _Verdict()
            yield Change(Sort.DOUBLE, line, f'"{spelling}" goes: it has no effect')
        else:
            yield from _judge(candidate, today, verdicts)


def _is_chosen(candidate: Candidate, merged: Merged) -> bool:
    given = merged.given.get(candidate.match.option)
    if given is None:
        return False
    # A secret that was read from its file has an origin that says so.
    return evolve(given.origin, source=Source.FILE, secret_file="") == candidate.origin


def _judge(
    candidate: Candidate, today: Candidate, verdicts: dict[Path, _Verdict]
) -> Iterator[Change]:
    option, spelling, line = today.match.option, candidate.origin.spelling, candidate.origin.line
    key = f"{option.key}_file" if today.match.names_file else option.key
    value = None
    converted = candidate.raw if today.match.names_file else _converted(today)
    if converted is not candidate.raw:
        value = _written(option, converted)
    verdicts[candidate.keys] = _Verdict(key, value)
    if spelling != key:
        yield Change(Sort.NAME, line, f'"{spelling}" becomes "{key}"')
    if today.raw is not candidate.raw and today.match == candidate.match:
        yield Change(Sort.FORM, line, f'the value of "{spelling}" becomes {value}')


def _written(option: Option[Any], value: Any) -> str | None:
    """Write a value as the option has it; a wrong one stays as it stands."""
    try:
        return literal(option.kind.plain(option.kind.parse(value)))
    except ValueError:
        return None


def _rewrite(text: str, reading: _Reading, verdicts: Mapping[Path, _Verdict]) -> Layout:
    tables = frozenset(each.keys for each in reading.candidates if isinstance(each.raw, Mapping))
    parsed = outline(text, tables)
    layout = Layout()
    for part in parsed.parts:
        verdict = _verdict(part.path, verdicts)
        if verdict is not None and not verdict.key:
            layout.leave_out(part.above)
        elif isinstance(part, Header):
            layout.open(_section(part.path), part.above, part.behind)
        else:
            section, name, value = _placed(part, verdict)
            layout.put(section, part.above, f"{name} = {value}{part.behind}")
    layout.below = parsed.below
    return layout


def _verdict(path: Path, verdicts: Mapping[Path, _Verdict]) -> _Verdict | None:
    """Find what was decided about a path, or about a table that it is in."""
    for length in range(len(path), 0, -1):
        found = verdicts.get(path[:length])
        if found is not None:
            return found
    return None


def _placed(entry: Entry, verdict: _Verdict | None) -> tuple[str, str, str]:
    """Tell section, name and value of an entry that stays."""
    if (
        verdict is not None
        and normal(".".join(entry.path)) != normal(verdict.key)
        and (find(normal(".".join(entry.path[:-1]))) is not None)
    ):
        # One row of an option that is a table.
        return verdict.key, _quoted(entry.path[-1:]), entry.value
    if verdict is not None:
        section, _, name = verdict.key.rpartition(".")
        return section, name, entry.value if verdict.value is None else verdict.value
    return _section(entry.path[:-1]) or "server", _quoted(entry.path[-1:]), entry.value


def _section(path: Path) -> str:
    return _SECTIONS.get(normal(".".join(path)), _quoted(path))


def _quoted(path: Sequence[str]) -> str:
    return ".".join(str(tomlkit.key(part).as_string()) for part in path)
