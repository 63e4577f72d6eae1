"""How options are found by the names that people write."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from hmacfs.config.option import Alias, Option
from hmacfs.config.options import SECTIONS, TABLE
from hmacfs.config.table.retired import RETIRED, Retired


@frozen
class Match:
    """
    What a written name stands for.

    :ivar alias: the alias it is, or :obj:`None` for the canonical name.
    :ivar names_file: whether it is ``<key>_file`` of a secret.
    """

    option: Option[Any]
    alias: Alias | None = None
    names_file: bool = False

    @property
    def display(self) -> str:
        """The name as documents write it."""
        spelling = self.option.key if self.alias is None else self.alias.spelling
        return f"{spelling}_file" if self.names_file else spelling


def normal(name: str) -> str:
    """Return a dotted name as it is compared: capitals and underscores do not matter."""
    return name.replace("_", "").lower()


def dotted(spelling: str) -> str:
    """Return the normal form of an alias's spelling: a key without a section is of ``server``."""
    return normal(spelling if "." in spelling else f"server.{spelling}")


def _matches() -> Iterable[tuple[str, Match]]:
    for option in TABLE:
        yield dotted(option.key), Match(option)
        for alias in option.aliases:
            yield dotted(alias.spelling), Match(option, alias)
        if option.secret:
            yield dotted(f"{option.key}_file"), Match(option, names_file=True)
            for alias in option.aliases:
                yield dotted(f"{alias.spelling}_file"), Match(option, alias, names_file=True)


MATCHES: Final = dict(_matches())
"""Every name in its normal form."""

_RETIRED: Final = {dotted(retired.spelling): retired for retired in RETIRED}

_SECTIONS: Final = {
    path.rpartition(".")[0]: spelling.rpartition(".")[0]
    for path, spelling in (
        *((dotted(retired.spelling), retired.spelling) for retired in RETIRED),
        *((path, match.display) for path, match in MATCHES.items() if "." in match.display),
        *((normal(f"{section}.x"), f"{section}.x") for section in SECTIONS),
    )
}
"""Sections that some option, alias or retired key stands in, by their normal form."""


def find(path: str) -> Match | None:
    """Return what a dotted name in normal form stands for."""
    return MATCHES.get(path)


def find_retired(path: str) -> Retired | None:
    """Return why a dotted name in normal form does nothing."""
    while path:
        found = _RETIRED.get(path)
        if found is not None:
            return found
        path = path.removesuffix(".*").rpartition(".")[0]
        path = f"{path}.*" if path else ""
    return None


def is_section(path: str) -> bool:
    """Tell whether a name in normal form is a section that may hold keys."""
    return path in _SECTIONS or any(section.startswith(f"{path}.") for section in _SECTIONS)


def suggest_section(path: str) -> str:
    """Return a hint which section a wrong name may mean, or nothing."""
    near = difflib.get_close_matches(path, _SECTIONS, n=1, cutoff=0.6)
    return f"did you mean [{_SECTIONS[near[0]]}]?" if near else ""


def suggest_key(section: str, key: str) -> str:
    """Return a hint which key of which section (both normal) a wrong name may mean."""
    keys = {
        path.rpartition(".")[2]: match
        for path, match in MATCHES.items()
        if path.rpartition(".")[0] == section
    }
    near = difflib.get_close_matches(key, keys, n=3, cutoff=0.6)
    names = [*_same_key_elsewhere(section, key), *(_short(keys[name]) for name in near)]
    if names:
        return f"did you mean {_either(names)}?"
    whole = difflib.get_close_matches(f"{section}.{key}", MATCHES, n=1, cutoff=0.75)
    return f'did you mean "{MATCHES[whole[0]].display}"?' if whole else ""


def _same_key_elsewhere(section: str, key: str) -> list[str]:
    found = dict.fromkeys(
        f'"{match.option.key}"'
        for path, match in MATCHES.items()
        if path.rpartition(".")[2] == key and path.rpartition(".")[0] != section
    )
    return list(found)[:3]


def _short(match: Match) -> str:
    name = f'"{match.display.rpartition(".")[2]}"'
    return name if match.alias is None else f'{name} (now "{match.option.key}")'


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
