"""The version of this release; setup.py reads it here."""

from __future__ import annotations

from typing import Final

VERSION: Final = "4.0.0"
