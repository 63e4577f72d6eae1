"""The file that tells the process id to whoever wants to signal the server."""

from __future__ import annotations

import os
from pathlib import Path


def write_pid_file(path: Path) -> None:
    """
    Write our process id, in place of that of a server that is gone.  Blocks.

    :raises OSError: if it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    beside.write_text(f"{os.getpid()}\n", encoding="ascii")
    beside.replace(path)
