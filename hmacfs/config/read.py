"""From a file, and what surrounds it, to settings."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

from attrs import evolve

from hmacfs.config.coherence import contradictions, doubts
from hmacfs.config.environment import read_environment
from hmacfs.config.merge import merge
from hmacfs.config.option import Generation
from hmacfs.config.positions import scan
from hmacfs.config.problems import ConfigError
from hmacfs.config.resolve import Candidate, resolve
from hmacfs.config.settings import Settings
from hmacfs.config.source import parse, read_text


def read_file(path: pathlib.Path, environ: Mapping[str, str]) -> Settings:
    """
    Read a configuration file of any generation.

    :param environ: the environment; ``HMAC_<SECTION>_<KEY>`` overrides the file.
    :raises ConfigError: with everything that is wrong.
    """
    return read_string(read_text(path), str(path), environ)


def read_string(text: str, file: str, environ: Mapping[str, str]) -> Settings:
    """Do the same for the text of a file called ``file``."""
    resolved = resolve(parse(text, file), scan(text), file)
    variables, unknown = read_environment(environ)
    merged = merge((*resolved.candidates, *variables), environ)
    settings = Settings(merged.given, generation=generation_of(resolved.candidates))
    problems = [*resolved.problems, *merged.problems]
    # A value that was not understood would make others look wrong that are not.
    if not problems:
        problems.extend(contradictions(settings, file))
    if problems:
        raise ConfigError(tuple(sorted(problems, key=lambda each: (each.line, each.column))))
    warnings = (*resolved.warnings, *merged.warnings, *unknown, *doubts(settings, file))
    ordered = sorted(warnings, key=lambda each: (each.line, each.column))
    return evolve(settings, warnings=tuple(ordered))


def generation_of(candidates: Iterable[Candidate]) -> Generation:
    """
    Tell for which generation of the server a file was written.

    It is the first that knew all names in it; sections tell a file of 3.x from older ones, of
    which only 2.x had any.
    """
    newest = Generation.FIRST
    for candidate in candidates:
        match = candidate.match
        known_since = match.option.since if match.alias is None else match.alias.generation
        if "." in candidate.origin.spelling:
            known_since = max(known_since, Generation.V2_X)
            if "_" in candidate.origin.spelling.rpartition(".")[2]:
                known_since = max(known_since, Generation.V3_2)
        newest = max(newest, known_since)
    return newest
