"""The storage of a server that has stopped: made once, and copied for each test that needs one."""

from __future__ import annotations

import functools
import pathlib
import shutil
from typing import Final

from tests.real.case import lasting_directory, noise
from tests.real.client import put
from tests.real.daemon import Daemon

NAME: Final = "a"
DATA: Final = noise(20_000)
"""The one file that is there, and its bytes."""


def leave(storage: pathlib.Path) -> None:
    """Put a copy there, where nothing is."""
    shutil.copytree(_storage(), storage)


@functools.cache
def _storage() -> pathlib.Path:
    daemon = Daemon(lasting_directory())
    daemon.start()
    try:
        answer = put(daemon.port, daemon.target(NAME, len(DATA)), DATA)
    finally:
        daemon.stop()
    assert (answer.status, daemon.faults()) == (201, []), daemon.log
    return daemon.storage
