"""Values that come from environment variables and from files of secrets."""

from __future__ import annotations

import difflib
import pathlib
import stat
from collections.abc import Mapping
from typing import Final

from attrs import evolve

from hmacfs.config.names import MATCHES
from hmacfs.config.positions import Position
from hmacfs.config.problems import Problem
from hmacfs.config.resolve import Candidate
from hmacfs.config.settings import Origin, Source

PREFIX: Final = "HMAC_"

_OTHERS: Final = ("HMAC_CONFIG_PATH",)
"""Variables that are no options."""

_FOREIGN: Final = "HMAC_FILE_SERVER_"
"""Container systems make such variables up for a service called ``hmac-file-server``."""

_LARGEST_SECRET: Final = 64 * 1024

# Joined like the variables' names, in which nothing tells the section from the key.
_JOINED: Final = {
    **{
        path.replace("server.", "", 1).replace(".", ""): path
        for path in MATCHES
        if path.startswith("server.")
    },
    **{path.replace(".", ""): path for path in MATCHES},
}
_VARIABLES: Final = tuple(sorted({match.option.variable for match in MATCHES.values()}))


def read_environment(
    environ: Mapping[str, str],
) -> tuple[tuple[Candidate, ...], tuple[Problem, ...]]:
    """Return what variables give, and a warning for each that means nothing."""
    candidates, warnings = [], []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _OTHERS or name.startswith(_FOREIGN):
            continue
        path = _JOINED.get(name.removeprefix(PREFIX).replace("_", "").lower())
        if path is None:
            near = difflib.get_close_matches(name, _VARIABLES, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else ""
            warnings.append(Problem(f"environment variable {name}", 0, 0, "no such option", hint))
            continue
        origin = Origin(Source.ENVIRONMENT, spelling=name)
        match = MATCHES[path]
        candidates.append(
            Candidate(match, path, environ[name], origin, Position(0, 0), from_variable=True)
        )
    return tuple(candidates), tuple(warnings)


def read_secret(
    candidate: Candidate, environ: Mapping[str, str]
) -> tuple[Candidate, tuple[Problem, ...]]:
    """
    Replace the name of a secret's file by what the file holds.

    :returns: the candidate, and warnings.
    :raises ValueError: when the file cannot be used; a sentence.
    """
    # One that cannot be printed would break the lines of whoever is told of it.
    if not isinstance(candidate.raw, str) or not candidate.raw or not candidate.raw.isprintable():
        raise ValueError("this is not the path of a file")
    path = pathlib.Path(_expand(candidate.raw, environ))
    try:
        with path.open("rb") as opened:
            mode = path.stat().st_mode
            content = opened.read(_LARGEST_SECRET + 1)
    except OSError as reason:
        raise ValueError(f"the file {path} cannot be read: {reason.strerror}") from None
    if mode & stat.S_IWOTH:
        raise ValueError(f"everybody may write the file {path}")
    if len(content) > _LARGEST_SECRET:
        raise ValueError(f"the file {path} is too large for a secret")
    try:
        secret = content.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    if not secret:
        raise ValueError(f"the file {path} is empty")
    warnings = []
    if mode & stat.S_IROTH:
        warnings.append(
            candidate.problem(f"everybody may read the file {path}", f"chmod o-r {path}")
        )
    origin = evolve(candidate.origin, source=Source.SECRET_FILE, secret_file=str(path))
    return evolve(candidate, raw=secret, origin=origin), tuple(warnings)


def _expand(path: str, environ: Mapping[str, str]) -> str:
    """Put in the directory where systemd lays credentials down."""
    for spelling in ("${CREDENTIALS_DIRECTORY}/", "$CREDENTIALS_DIRECTORY/"):
        if path.startswith(spelling):
            directory = environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                raise ValueError("the variable CREDENTIALS_DIRECTORY is not set")
            return str(pathlib.Path(directory, path.removeprefix(spelling)))
    return path
