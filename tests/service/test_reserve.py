"""Tests of the room that is kept for a start on a full disk."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.service.reserve import SIZE, Reserve


class ReserveTests(SynchronousTestCase):
    """The file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.reserve = Reserve(self.path)

    def test_keep(self) -> None:
        """The room is really taken, once, and given back."""
        for _ in range(2):
            self.reserve.keep()
            self.assertGreaterEqual(self.path.stat().st_blocks * 512, SIZE)
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertTrue(self.reserve.give())
        self.assertFalse(self.path.exists())
        self.assertFalse(self.reserve.give())

    def test_no_room(self) -> None:
        """Where there is no room nothing is left, and nothing is said."""

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "posix_fallocate", full)
        self.reserve.keep()
        self.assertFalse(self.path.exists())

    def test_no_directory(self) -> None:
        """Where it cannot be, a start is not kept from happening."""
        reserve = Reserve(self.path / "nowhere" / "reserve")
        reserve.keep()
        self.assertFalse(reserve.give())
