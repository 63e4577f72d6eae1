"""Tests of hmacfs.stores.server_index; that with real servers is in tests/real."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.server_index import IDENTITY, storage_identity


class IdentityTests(SynchronousTestCase):
    """``storage_identity``."""

    def directory(self) -> Path:
        """Return a directory."""
        directory = Path(self.mktemp())
        directory.mkdir()
        return directory

    def test_own(self) -> None:
        """Each storage has one of its own, which stays, and goes where the storage goes."""
        one, other = self.directory(), self.directory()
        told = storage_identity(one)
        self.assertNotEqual(told, storage_identity(other))
        moved = one.rename(other / "moved")
        self.assertEqual(told, storage_identity(moved))
        self.assertEqual((moved / IDENTITY).stat().st_mode & 0o777, 0o600)

    def test_broken_off(self) -> None:
        """One that was not written to its end is made anew."""
        directory = self.directory()
        (directory / IDENTITY).write_text("12", encoding="ascii")
        told = storage_identity(directory)
        self.assertEqual(len(told), 32)
        self.assertEqual(told, storage_identity(directory))
