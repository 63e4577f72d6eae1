"""Tests of hmacfs.library.journal."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.library import journal
from hmacfs.library.journal import Busy
from tests.blobs.samples import named


class JournalTests(SynchronousTestCase):
    """A journal in a directory."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.path = directory / "journal"

    def test_left(self) -> None:
        """What was begun and not ended is told to whoever comes next."""
        first = journal.held(self.path)
        self.assertEqual(first.left(), [])
        first.begin([named("long name/of a file"), named("b")])
        first.begin([named("a"), named("ü/b c")])
        first.close()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        second = journal.held(self.path)
        self.assertEqual(second.left(), [named("a"), named("ü/b c")])
        second.end()
        self.assertEqual(second.left(), [])
        second.close()

    def test_cut_short(self) -> None:
        """A line that was not written to its end, or names nothing, is passed over."""
        self.path.write_bytes(b"a\n../b\nc\nd")
        held = journal.held(self.path)
        self.assertEqual(held.left(), [named("a"), named("c")])
        held.close()

    def test_alone(self) -> None:
        """One at a time may hold it."""
        held = journal.held(self.path)
        self.assertRaises(Busy, journal.held, self.path)
        held.close()
        journal.held(self.path).close()

    def test_link(self) -> None:
        """A symbolic link that somebody planted is not followed."""
        self.path.symlink_to("elsewhere")
        self.assertRaises(StorageFailed, journal.held, self.path)
