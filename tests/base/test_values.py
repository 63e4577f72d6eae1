"""Tests of hmacfs.base.values."""

from __future__ import annotations

from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import DEFAULT_CONTENT_TYPE, Grant, StoredFile, Tombstone

NAME = StoredName.parse(b"slot/photo.jpg")
GRANT = Grant(NAME, 10, "image/jpeg", "v2")
FILE = StoredFile(NAME, 10, bytes(32), "image/jpeg", 1_000_000.5)


class GrantTests(SynchronousTestCase):
    """Tests of Grant."""

    def test_default_type(self) -> None:
        """An upload without a type is bytes of any kind (XEP-0363, 8)."""
        self.assertEqual(DEFAULT_CONTENT_TYPE, "application/octet-stream")

    def test_anonymous_and_lasting(self) -> None:
        """Unless the signature says more, nobody owns the file and it does not expire."""
        self.assertEqual((GRANT.owner, GRANT.expires_at), (None, None))

    def test_size(self) -> None:
        """A file may be empty, but have no negative size."""
        self.assertEqual(evolve(GRANT, size=0).size, 0)
        self.assertRaises(ValueError, evolve, GRANT, size=-1)

    def test_settled(self) -> None:
        """A grant cannot be changed below the door."""
        self.assertRaises(FrozenInstanceError, setattr, GRANT, "size", 11)


class StoredFileTests(SynchronousTestCase):
    """Tests of StoredFile."""

    def test_size(self) -> None:
        """A file may be empty, but have no negative size."""
        self.assertEqual(evolve(FILE, size=0).size, 0)
        self.assertRaises(ValueError, evolve, FILE, size=-1)

    def test_digest(self) -> None:
        """The digest has the 32 bytes of a SHA-256."""
        for length in (0, 31, 33, 64):
            self.assertRaises(ValueError, evolve, FILE, sha256=bytes(length))

    def test_expired(self) -> None:
        """A file does not exist from the very moment in which it expires."""
        file = evolve(FILE, expires_at=2000.0)
        seen = [file.expired(now) for now in (0.0, 1999.9, 2000.0, 2000.1)]
        self.assertEqual(seen, [False, False, True, True])

    def test_expired_in_1970(self) -> None:
        """The epoch itself is a moment like others."""
        self.assertTrue(evolve(FILE, expires_at=0.0).expired(0.0))

    def test_lasting(self) -> None:
        """A file without an end never expires."""
        self.assertFalse(FILE.expired(1e18))

    def test_settled(self) -> None:
        """A file that is visible does not change."""
        self.assertRaises(FrozenInstanceError, setattr, FILE, "size", 11)


class TombstoneTests(SynchronousTestCase):
    """Tests of Tombstone."""

    def test_settled(self) -> None:
        """A tombstone does not change."""
        tombstone = Tombstone(NAME, 5.0, "deleted")
        self.assertRaises(FrozenInstanceError, setattr, tombstone, "reason", "expired")
