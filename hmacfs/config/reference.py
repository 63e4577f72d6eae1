"""The reference of all options for the documentation, as reStructuredText."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hmacfs.config.option import Generation, Option
from hmacfs.config.options import TABLE
from hmacfs.config.render import assignment, by_section
from hmacfs.config.table.retired import RETIRED

_INTRODUCTION: Final = """\
Configuration
=============

.. This page is made from the table of options by ``python -m hmacfs.cli.gendocs``.

The server reads one TOML file: the one that ``-config`` names, else that of ``$HMAC_CONFIG_PATH``,
else ``./config.toml``, else ``/etc/hmac-file-server/config.toml``. A file that others than its
owner may write is refused.

``hmac-file-server -genconfig`` writes the few settings that most servers need,
``-genconfig-advanced`` all of them; ``-validate-verbose`` shows every value in force and where it
came from; ``-fix-config`` brings an old file up to date and leaves a backup.

Sizes
    A number of bytes, or a text with B, KB, MB, GB or TB, which count in 1024s: ``"1.5GB"``.
Durations
    A number of seconds, or a text such as ``"500ms"``, ``"30s"``, ``"1h30m"``, ``"30d"``, ``"2w"``
    or ``"2y"`` (of 365 days). ``m`` is minutes; months are refused.
Names
    Capitals and underscores do not matter: ``storagepath`` is ``storage_path``. An unknown name is
    an error. Keys above all sections are those of ``[server]``.
Environment
    ``HMAC_<SECTION>_<KEY>`` rules over the file. Lists have commas between their items.
Secrets
    Each may be in a file of its own, which ``<key>_file`` names; a path may begin with
    ``${CREDENTIALS_DIRECTORY}/``. Secrets that documents print are refused.
Reload
    ``SIGHUP`` takes new values of the settings marked so; others need a restart.
"""

_OLD: Final = tuple(each for each in Generation if each < Generation.V4)


def reference() -> str:
    """Write the whole page."""
    lines = [_INTRODUCTION]
    for section, members in by_section(TABLE):
        lines.extend(_title(f"[{section}]", "-"))
        for option in members:
            lines.extend(_described(option))
    lines.extend(_title("Names by generation", "-"))
    lines.append(
        _wrapped(
            "An old name stands in the column of the first generation of the server whose files "
            "had it. All of them are read; those without a section stand at the top of the file or "
            "under ``[server]``."
        )
    )
    lines.append("")
    lines.extend(_names())
    lines.extend(_title("Names without effect", "-"))
    lines.append(
        _wrapped("These names of older files are read, and a warning says why they do nothing.")
    )
    lines.append("")
    lines.extend(_table(("Name", "Why"), ((_code(each.spelling), each.reason) for each in RETIRED)))
    return "\n".join(lines).rstrip() + "\n"


def names_of(option: Option[Any], generation: Generation) -> tuple[str, ...]:
    """Tell under which names a generation first had an option."""
    names = [alias.spelling for alias in option.aliases if alias.generation is generation]
    if option.since is generation:
        names.insert(0, _as_written(option, generation))
    return tuple(names)


def _as_written(option: Option[Any], generation: Generation) -> str:
    if generation <= Generation.V2_0:
        return "".join(word.capitalize() for word in option.name.split("_"))
    if generation is Generation.V2_X:
        return f"{option.section}.{option.name.replace('_', '')}"
    return option.key


def _described(option: Option[Any]) -> Iterator[str]:
    yield f"``{option.name}``"
    facts = [option.kind.noun]
    if not option.secret:
        facts.append(f"default ``{assignment(option, option.default).partition(' = ')[2]}``")
    facts.append(f"``{option.variable}``")
    if option.secret:
        facts.append(f"secret, also ``{option.name}_file``")
    if option.reloadable:
        facts.append("reloadable")
    if not option.in_effect:
        facts.append("**not yet in effect**")
    yield _wrapped("; ".join(facts) + ".", "    ")
    yield ""
    yield _wrapped(option.summary, "    ")
    if option.example != option.default:
        yield ""
        yield "    .. code-block:: toml"
        yield ""
        yield f"        {assignment(option, option.example)}"
    yield ""


def _names() -> Iterator[str]:
    rows = (
        (
            _code(option.key),
            *(", ".join(map(_code, names_of(option, generation))) for generation in _OLD),
        )
        for option in TABLE
    )
    yield from _table(("Today", *(generation.label for generation in _OLD)), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ".. csv-table::"
    yield f"    :header: {_csv(header)}"
    yield ""
    yield from (f"    {_csv(row)}" for row in rows)
    yield ""


def _csv(cells: Sequence[str]) -> str:
    return ", ".join(f'"{cell}"' for cell in cells)


def _title(text: str, underline: str) -> tuple[str, str, str]:
    return text, underline * len(text), ""


def _code(name: str) -> str:
    return f"``{name}``"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        100,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
