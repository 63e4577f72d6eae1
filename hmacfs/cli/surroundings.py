"""What the commands and flags of ``hmac-file-server`` speak with, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TextIO

from attrs import frozen

FINE: Final = 0
FAILED: Final = 1
WRONG: Final = 2


@frozen
class Surroundings:
    """What a command speaks with."""

    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
