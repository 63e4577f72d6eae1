"""Tests of hmacfs.library.report."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.library import report
from hmacfs.library.report import Deletion
from tests.stores.samples import stored


class ReportTests(SynchronousTestCase):
    """A report in a directory."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.path = directory / "report"

    def test_append(self) -> None:
        """Lines are added to those that are there, and strangers cannot read them."""
        report.check(self.path)
        self.assertEqual(self.path.read_bytes(), b"")
        for name in ("a", "ü\u2028"):
            file = stored(name, size=7, uploaded_at=10.0)
            report.append(self.path, [Deletion(file, 12.5, "age")])
        lines = [json.loads(line) for line in self.path.read_bytes().split(b"\n")[:-1]]
        self.assertEqual([line["path"] for line in lines], ["a", "ü\u2028"])
        self.assertEqual([line["age_seconds"] for line in lines], [2.5, 2.5])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode) & 0o007, 0)

    def test_unwritable(self) -> None:
        """What cannot be written is told with its path; a link is not followed."""
        self.path.symlink_to("elsewhere")
        for path in (self.path, self.path.parent / "none" / "report"):
            with self.assertRaisesRegex(StorageFailed, f"report of deletions {path}"):
                report.check(path)
