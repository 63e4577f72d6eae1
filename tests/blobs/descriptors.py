"""The descriptors that this process has open."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def open_below(directory: Path) -> list[int]:
    """Return the descriptors of a directory and of all that is, or was, below it."""
    below = directory.resolve()
    found = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        # That of the listing itself is gone by now.
        with suppress(FileNotFoundError):
            if entry.readlink().is_relative_to(below):
                found.append(int(entry.name))
    return sorted(found)


def close_below(directory: Path) -> None:
    """Close those descriptors, as the kernel does when a process is gone."""
    for descriptor in open_below(directory):
        os.close(descriptor)
