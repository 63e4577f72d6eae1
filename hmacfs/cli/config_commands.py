"""What the flags do that make, check and mend configuration files."""

from __future__ import annotations

import argparse
import json
import pathlib
import secrets
from typing import Final

from attrs import frozen

from hmacfs.cli import locate, probes
from hmacfs.cli.config_report import Report, as_json, effective
from hmacfs.cli.machine import ThisMachine
from hmacfs.cli.probes import Connect
from hmacfs.cli.surroundings import FAILED, FINE, WRONG, Surroundings
from hmacfs.config.checks.catalogue import findings, titles
from hmacfs.config.checks.connectivity import targets
from hmacfs.config.checks.findings import Finding, Group, Machine, Subject, Weight
from hmacfs.config.fix import fix
from hmacfs.config.problems import ConfigError, Problem
from hmacfs.config.read import read_string
from hmacfs.config.render import advanced, minimal
from hmacfs.config.settings import Settings
from hmacfs.config.source import read_text
from hmacfs.service import replace

SECRET_BYTES: Final = 32


@frozen
class _Loaded:
    """A configuration that was looked at, whether it can be used or not."""

    path: pathlib.Path
    text: str = ""
    settings: Settings | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def code(self) -> int:
        return WRONG if self.problems else FINE


def perform(
    arguments: argparse.Namespace,
    around: Surroundings,
    connect: Connect = probes.connect,
    machine: Machine | None = None,
) -> int:
    """
    Do what the flags say, of which there is one at least, and return the exit code.

    :param connect: reaches the servers that are tried.
    :param machine: what checks look at, if not the one on which this runs.
    """
    if arguments.genconfig or arguments.genconfig_advanced or arguments.genconfig_path:
        return generate(arguments, around)
    if arguments.list_checks:
        return list_checks(arguments, around)
    if arguments.fix_config:
        return mend(arguments, around)
    return examine(arguments, around, connect, machine or ThisMachine())


def generate(arguments: argparse.Namespace, around: Surroundings) -> int:
    """Write a configuration with a new secret to standard output, or to a new file."""
    make = advanced if arguments.genconfig_advanced else minimal
    text = make(secrets.token_hex(SECRET_BYTES))
    if arguments.genconfig_path is None:
        around.stdout.write(text)
        return FINE
    path = pathlib.Path(arguments.genconfig_path)
    try:
        replace.write_new(path, text)
    except FileExistsError:
        print(f"{path}: there is a file already, which is never replaced", file=around.stderr)
        return WRONG
    except OSError as reason:
        print(f"{path}: it cannot be written: {reason.strerror}", file=around.stderr)
        return FAILED
    print(f"wrote {path} with a new secret", file=around.stderr)
    return FINE


def list_checks(arguments: argparse.Namespace, around: Surroundings) -> int:
    """List every check with its group."""
    rows = [
        {"check": name, "group": group.value, "title": title} for name, group, title in titles()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2), file=around.stdout)
    else:
        for row in rows:
            print(f"{row['group']:<13} {row['check']:<20} {row['title']}", file=around.stdout)
    return FINE


def mend(arguments: argparse.Namespace, around: Surroundings) -> int:
    """Bring a configuration up to date; what cannot be mended is said, and exits 2."""
    loaded = _load(arguments, around)
    if not loaded.text:
        return _complain(loaded, around)
    try:
        fixed = fix(loaded.text, str(loaded.path))
    except ConfigError:
        return _complain(loaded, around)
    for change in fixed.changes:
        print(f"{loaded.path}:{change.line}: {change.sentence}", file=around.stdout)
    if not fixed.changes:
        print(f"{loaded.path}: there is nothing to mend", file=around.stdout)
    else:
        try:
            backup = replace.replace(loaded.path, fixed.text)
        except OSError as reason:
            print(f"{loaded.path}: it cannot be replaced: {reason.strerror}", file=around.stderr)
            return FAILED
        print(f"{loaded.path}: mended; the old file is {backup}", file=around.stdout)
    return _complain(_load(arguments, around), around)


def examine(
    arguments: argparse.Namespace, around: Surroundings, connect: Connect, machine: Machine
) -> int:
    """Validate a configuration and run the checks that are asked for."""
    loaded = _load(arguments, around)
    report = _report(arguments, loaded, connect, machine)
    if arguments.json:
        print(as_json(report), file=around.stdout)
    else:
        _print(arguments, report, around)
    # Who only validates is told what checks find, but asked whether the file can be used.
    is_wrong = _is_checking(arguments) and any(
        each.weight is Weight.PROBLEM for each in report.findings
    )
    is_failing = any(not answer.fine for answer in report.answers)
    return max(loaded.code, WRONG if is_wrong else FINE, FAILED if is_failing else FINE)


def _is_checking(arguments: argparse.Namespace) -> bool:
    return any(getattr(arguments, f"check_{group.value}") for group in Group)


def _load(arguments: argparse.Namespace, around: Surroundings) -> _Loaded:
    path = locate.config(arguments.config, around.environ)
    if path is None:
        problem = Problem("config.toml", 0, 0, "there is no configuration", "-genconfig makes one")
        return _Loaded(locate.LOCAL_CONFIG, problems=(problem,))
    text = ""
    try:
        text = read_text(path)
        return _Loaded(path, text, read_string(text, str(path), around.environ))
    except ConfigError as error:
        return _Loaded(path, text, problems=error.problems)


def _report(
    arguments: argparse.Namespace, loaded: _Loaded, connect: Connect, machine: Machine
) -> Report:
    found: list[Finding] = []
    answers: list[probes.Answer] = []
    # What can be mended shows in the text, whether it can be used or not.
    subject = Subject(loaded.settings or Settings(), loaded.path, loaded.text, machine)
    for group in Group:
        is_asked = arguments.validate_verbose or getattr(arguments, f"check_{group.value}")
        if is_asked and (loaded.settings is not None or group is Group.FIXABLE):
            found.extend(findings(group, subject))
    if arguments.check_connectivity and loaded.settings is not None:
        answers.extend(probes.probe(each, connect) for each in targets(loaded.settings))
    return Report(str(loaded.path), loaded.settings, loaded.problems, tuple(found), tuple(answers))


def _print(arguments: argparse.Namespace, report: Report, around: Surroundings) -> None:
    for problem in report.problems:
        print(problem, file=around.stderr)
    settings = report.settings
    if settings is not None and (arguments.validate_config or arguments.validate_verbose):
        for warning in settings.warnings:
            print(f"warning: {warning}", file=around.stderr)
        print(f"{report.file}: it can be used", file=around.stdout)
    if settings is not None and arguments.validate_verbose:
        for line in effective(settings):
            print(line, file=around.stdout)
    for sentence in (*report.findings, *report.answers):
        print(sentence, file=around.stdout)
    if settings is not None and _is_checking(arguments) and not (report.findings or report.answers):
        print(f"{report.file}: the checks found nothing", file=around.stdout)


def _complain(loaded: _Loaded, around: Surroundings) -> int:
    for problem in loaded.problems:
        print(problem, file=around.stderr)
    return loaded.code
