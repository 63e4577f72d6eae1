"""Configuration files for tests."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.problems import ConfigError, Problem
from hmacfs.config.read import read_string
from hmacfs.config.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
WITH_SECRET = {"HMAC_SECURITY_SECRET": SECRET}
NAME = "config.toml"
"""What the file is called whose text ``load`` reads."""


def load(text: str, environ: Mapping[str, str] = WITH_SECRET) -> Settings:
    """Read the text of a file; a secret comes from the environment unless told otherwise."""
    return read_string(text, NAME, environ)


def problems(
    case: SynchronousTestCase, text: str, environ: Mapping[str, str] = WITH_SECRET
) -> tuple[Problem, ...]:
    """Tell what is wrong with a text."""
    error = case.assertRaises(ConfigError, load, text, environ)
    assert isinstance(error, ConfigError)
    return error.problems


def messages(
    case: SynchronousTestCase, text: str, environ: Mapping[str, str] = WITH_SECRET
) -> list[str]:
    """Tell what is wrong with a text, as people see it."""
    return [str(problem) for problem in problems(case, text, environ)]


def warnings(text: str, environ: Mapping[str, str] = WITH_SECRET) -> list[str]:
    """Tell what a text that can be used is warned about, as people see it."""
    return [str(warning) for warning in load(text, environ).warnings]


def write(case: SynchronousTestCase, content: str | bytes, mode: int = 0o600) -> pathlib.Path:
    """Make a file in a directory of its own."""
    directory = pathlib.Path(case.mktemp())
    directory.mkdir()
    path = directory / NAME
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path
