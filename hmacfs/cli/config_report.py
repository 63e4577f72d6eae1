"""What is said about a configuration, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from hmacfs.cli.probes import Answer
from hmacfs.config import shown
from hmacfs.config.checks.findings import Finding
from hmacfs.config.option import Option
from hmacfs.config.options import TABLE
from hmacfs.config.problems import Problem
from hmacfs.config.render import literal
from hmacfs.config.settings import Settings, Source


@frozen
class Report:
    """
    Everything that was found out.

    :ivar settings: what is in force; :obj:`None` when the file cannot be used.
    """

    file: str
    settings: Settings | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    answers: tuple[Answer, ...] = ()


def as_json(report: Report) -> str:
    """Write a report for programs; secrets are left out."""
    settings = report.settings
    content: dict[str, Any] = {
        "file": report.file,
        "valid": not report.problems,
        "problems": [_problem(problem) for problem in report.problems],
        "warnings": [_problem(each) for each in settings.warnings] if settings else [],
        "findings": [_finding(finding) for finding in report.findings],
        "connections": [
            {"target": str(each.target), "fine": each.fine, "detail": each.detail}
            for each in report.answers
        ],
    }
    if settings is not None:
        content["generation"] = settings.generation.label
        content["settings"] = shown.document(settings)
    return json.dumps(content, indent=2, ensure_ascii=False)


def effective(settings: Settings) -> Iterator[str]:
    """Tell generation, old names, and every value in force with its origin, line by line."""
    yield f"generation: {settings.generation.label}"
    old = list(_old_names(settings))
    yield f"old names: {', '.join(old) or 'none'}"
    for option in TABLE:
        mark = "" if option.in_effect else " (not yet in effect)"
        yield f"{_shown(settings, option)}  # {settings.origin(option)}{mark}"
    given = set(settings.given())
    idle = [option.key for option in TABLE if option in given and not option.in_effect]
    yield f"given, but not yet in effect: {', '.join(idle) or 'nothing'}"


def _old_names(settings: Settings) -> Iterator[str]:
    for option in TABLE:
        origin = settings.origin(option)
        known = {option.key, f"{option.key}_file"}
        if origin.source in {Source.FILE, Source.SECRET_FILE} and origin.spelling not in known:
            yield f'"{origin.spelling}" = {option.key}'


def _shown(settings: Settings, option: Option[Any]) -> str:
    if not option.secret:
        return f"{option.key} = {literal(option.kind.plain(settings[option]))}"
    return f"{option.key} is {'set' if settings[option] else 'not set'}"


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "hint": problem.hint,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "weight": finding.weight.value,
        "message": finding.message,
        "hint": finding.hint,
        "place": finding.place,
    }
