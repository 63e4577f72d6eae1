"""What a scanner reads, and a quarantine keeps."""

from __future__ import annotations

from typing import Protocol

from hmacfs.flow.pools import Lane


class Scannable(Protocol):
    """Bytes that can be read.  Blocks; on its lane."""

    @property
    def lane(self) -> Lane:
        """Orders all work on these bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``offset``; no bytes mean the end."""
