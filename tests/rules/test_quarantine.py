"""Tests of hmacfs.rules.quarantine; what is kept there is tested with the scans."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.rules.quarantine import clear


class ClearTests(SynchronousTestCase):
    """``clear``."""

    def test_owner(self) -> None:
        """What is an uploader's goes, or is only counted; what is not a fact is passed over."""
        directory = Path(self.mktemp())
        self.assertEqual(clear(None, "alice"), 0)
        self.assertEqual(clear(directory, "alice"), 0)
        directory.mkdir()
        for owner in ("alice", "bob", None):
            path = directory / sha256(f"{owner}".encode()).hexdigest()
            path.write_bytes(b"infected")
            path.with_suffix(".json").write_text(json.dumps({"owner": owner}), "utf-8")
        for name, text in (("a note", '{"owner": "alice"}'), ("00", "[1]"), ("01", "{")):
            (directory / f"{name}.json").write_text(text, "utf-8")
        self.assertEqual(clear(directory, "alice", dry_run=True), 1)
        self.assertEqual(len(list(directory.iterdir())), 9)
        self.assertEqual([clear(directory, "alice") for _ in range(2)], [1, 0])
        self.assertFalse((directory / sha256(b"alice").hexdigest()).exists())
        self.assertEqual(len(list(directory.iterdir())), 7)
