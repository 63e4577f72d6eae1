"""Security checks of secrets, and of files that others should not see or change."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Any, Final

from hmacfs.config import options
from hmacfs.config.checks.findings import Sighting, Subject, Weight
from hmacfs.config.option import Option
from hmacfs.config.options import TABLE
from hmacfs.config.secrets import Secret
from hmacfs.config.settings import Source

ENOUGH: Final = 32
"""Characters of a secret, in hex as many as 128 bits."""

_TOO_FEW: Final = 16
_KEY_FILES: Final[tuple[Option[Any], ...]] = (
    options.TLS_KEY_FILE,
    options.SECURITY_KEYS_FILE,
    options.SECURITY_ENCRYPTION_KEY_FILE,
)


def _signing(subject: Subject) -> Iterator[tuple[Option[Any], str]]:
    for option in TABLE:
        if isinstance(option.kind, Secret) and subject.settings[option]:
            yield option, subject.settings[option]


def short_secrets(subject: Subject) -> Iterator[Sighting]:
    """Find secrets that can be guessed for their length."""
    for option, secret in _signing(subject):
        if len(secret) < ENOUGH:
            weight = Weight.PROBLEM if len(secret) < _TOO_FEW else Weight.ADVICE
            message = f"{option.key} has {len(secret)} characters, and {ENOUGH} are enough"
            yield weight, message, 'make one with "openssl rand -hex 32"', option


def plain_secrets(subject: Subject) -> Iterator[Sighting]:
    """Find secrets that repeat a few characters."""
    for option, secret in _signing(subject):
        if len(set(secret)) < 8:
            message = f"{option.key} has only {len(set(secret))} different characters"
            yield Weight.PROBLEM, message, 'make one with "openssl rand -hex 32"', option


def shared_secrets(subject: Subject) -> Iterator[Sighting]:
    """Find secrets that are used for two purposes."""
    first: dict[str, Option[Any]] = {}
    for option, secret in _signing(subject):
        other = first.setdefault(secret, option)
        if other is not option:
            message = f"{option.key} is the same as {other.key}"
            yield Weight.ADVICE, message, "who knows one should not know both", option


def readable_secrets(subject: Subject) -> Iterator[Sighting]:
    """Find a file with secrets in it that everybody may read."""
    seen = subject.machine.look(subject.file)
    if seen is None or not seen.mode & stat.S_IROTH:
        return
    for option in TABLE:
        origin = subject.settings.origin(option)
        if option.secret and origin.source is Source.FILE and subject.settings[option]:
            message = f"everybody may read {subject.file}, and {option.key} is in it"
            yield Weight.PROBLEM, message, f"chmod o-r {subject.file}", option


def open_directory(subject: Subject) -> Iterator[Sighting]:
    """Find a directory where others could put another configuration."""
    directory = subject.file.absolute().parent
    seen = subject.machine.look(directory)
    if seen is None or seen.mode & stat.S_ISVTX:
        return
    by_group = bool(seen.mode & stat.S_IWGRP) and seen.group != 0
    if seen.mode & stat.S_IWOTH or by_group:
        message = f"others may write the directory {directory}, and so replace the configuration"
        yield Weight.PROBLEM, message, f"chmod go-w {directory}", None


def open_storage(subject: Subject) -> Iterator[Sighting]:
    """Find a storage directory that everybody may write."""
    option = options.SERVER_STORAGE_PATH
    path = subject.settings[option]
    seen = subject.machine.look(path)
    if seen is not None and seen.mode & stat.S_IWOTH:
        yield Weight.PROBLEM, f"everybody may write {path}", f"chmod o-w {path}", option


def readable_keys(subject: Subject) -> Iterator[Sighting]:
    """Find files of keys that everybody may read."""
    for option in _KEY_FILES:
        path = subject.settings[option]
        if path is None:
            continue
        seen = subject.machine.look(path)
        if seen is not None and seen.mode & stat.S_IROTH:
            yield Weight.PROBLEM, f"everybody may read {path}", f"chmod o-r {path}", option
