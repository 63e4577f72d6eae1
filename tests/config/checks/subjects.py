"""Subjects for checks: settings on a made-up machine."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Mapping

from attrs import field, frozen

from hmacfs.config.checks.findings import Machine, Seen, Sighting, Subject
from hmacfs.config.settings import Settings, Values

FILE = pathlib.Path("/etc/hmac-file-server/config.toml")


@frozen
class MadeUp:
    """A machine that has what it is told to have."""

    cores: int = 4
    memory: int = 8 * 1024**3
    open_files: int = 65536
    paths: Mapping[str, Seen] = field(factory=dict)

    def look(self, path: pathlib.Path) -> Seen | None:
        """Tell what was told."""
        return self.paths.get(str(path))


Look = Callable[[Subject], Iterator[Sighting]]


def looked(look: Look, values: Values, machine: Machine | None = None) -> list[tuple[str, str]]:
    """Run a check and return weight and message of what it found."""
    subject = Subject(Settings.of(values), FILE, "", machine or MadeUp())
    return [(weight.value, message) for weight, message, _, _ in look(subject)]
