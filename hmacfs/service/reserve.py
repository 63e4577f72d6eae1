"""Room that is kept for a start on a disk that is full."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

SIZE: Final = 512 * 1024
"""Bytes: what the stores need to be opened, several times over."""


@frozen
class Reserve:
    """
    A file that is there only to be removed.  Its methods block.

    A database needs room to be opened, even to be read; on a full disk a server
    could not start, and nobody have the files that are there.
    """

    path: Path

    def keep(self) -> bool:
        """Set room aside, where there is some and none is set aside yet; tell whether it is."""
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                # It fails where there is no room, and then there is nothing to keep.
                os.posix_fallocate(descriptor, 0, SIZE)
            except OSError:
                self.path.unlink()
            else:
                return True
            finally:
                os.close(descriptor)
        return False

    def give(self) -> bool:
        """Give the room back; tell whether there was any."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
