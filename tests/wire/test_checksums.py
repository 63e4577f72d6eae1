"""Tests of hmacfs.wire.checksums."""

from __future__ import annotations

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.checksums import SIZES, Checksum


class ChecksumTests(SynchronousTestCase):
    """Tests of Checksum."""

    def test_sizes(self) -> None:
        """Every algorithm is one of hashlib's, and its size is told rightly."""
        for algorithm, size in SIZES.items():
            self.assertEqual(hashlib.new(algorithm, usedforsecurity=False).digest_size, size)

    def test_impossible(self) -> None:
        """A checksum of an unknown algorithm or another length cannot be made."""
        for algorithm, digest in (("crc32", b"1234"), ("sha1", b"x" * 19), ("sha1", b"x" * 21)):
            with self.assertRaises(ValueError):
                Checksum(algorithm, digest)
