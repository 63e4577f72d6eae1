"""Tests of the command that deletes what has had its time."""

from __future__ import annotations

import fcntl
import time

from hmacfs.base.values import Tombstone
from hmacfs.library import journal
from tests.cli.storage_case import StorageCase


class RetentionTests(StorageCase):
    """Files of several ages, and a configuration that says how old they may get."""

    def setUp(self) -> None:
        super().setUp()
        now = time.time()
        self.store("old/a", b"12345", uploaded_at=now - 9000)
        self.store("old/b", b"123", uploaded_at=now - 8000)
        self.store("new", b"1", uploaded_at=now)
        self.store("ended", b"12", uploaded_at=now - 10, expires_at=now - 5)

    def configure(self, server: str = "", more: str = "") -> None:
        """Add lines to the configuration."""
        text = self.config.read_text(encoding="utf-8")
        text = text.replace("[security]", f"{server}\n[security]") + more
        self.config.write_text(text, encoding="utf-8")

    def test_age(self) -> None:
        """What is too old is deleted and told; its folder goes too, its name stays taken."""
        self.configure('max_file_age = "1h"')
        outcome = self.run_command("retention")
        self.assertEqual(outcome.code, 0)
        self.assertEqual(
            outcome.lines, ["ended: it has expired", "old/a: it is too old", "old/b: it is too old"]
        )
        self.assertEqual(outcome.err, "3 files of 10 bytes deleted\n")
        self.assertEqual(self.names(), ["new"])
        self.assertFalse((self.root / "old").exists())
        self.assertIsInstance(self.known("old/a"), Tombstone)

    def test_dry_run(self) -> None:
        """With -dry-run all is told and nothing changes."""
        self.configure('max_file_age = "1h"')
        outcome = self.run_command("retention", "-dry-run", "-json")
        self.assertEqual(
            [(line["path"], line["reason"]) for line in outcome.values],
            [("ended", "expired"), ("old/a", "age"), ("old/b", "age")],
        )
        self.assertEqual(outcome.err, "3 files of 10 bytes would be deleted\n")
        self.assertEqual(len(self.names()), 4)
        self.assertTrue((self.root / "old/a").exists())

    def test_not_asked(self) -> None:
        """Without an age or a size that is said, and only files with an end of their own go."""
        outcome = self.run_command("retention")
        self.assertIn("no age and no size is configured", outcome.err)
        self.assertEqual(self.names(), ["new", "old/a", "old/b"])

    def test_size(self) -> None:
        """The oldest go where all are too much, and the report tells it."""
        report = self.directory / "deleted.jsonl"
        self.configure(
            more=f"[retention]\nmax_size = '4B'\nreport_path = '{report}'\n",
        )
        self.assertEqual(
            self.run_command("retention").lines,
            ["ended: it has expired", "old/a: all files together are too large"],
        )
        self.assertEqual(self.names(), ["new", "old/b"])
        self.assertEqual(len(report.read_text(encoding="utf-8").splitlines()), 2)

    def test_beside_a_server(self) -> None:
        """Where files are replaced only the server knows when one is not: it cleans, or nobody."""
        self.configure('max_file_age = "1h"')
        with (self.internal / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.run_command("retention", "-dry-run").code, 0)
            self.configure(more="[versioning]\nenableversioning = true\n")
            self.assertEqual(self.run_command("retention", "-dry-run").code, 0)
            outcome = self.run_command("retention")
            self.assertEqual(outcome.code, 1)
            self.assertIn("another hmac-file-server is running", outcome.err)
            self.assertEqual(len(self.names()), 4)
        self.assertEqual(self.run_command("retention").code, 0)
        self.assertEqual(self.names(), ["new"])

    def test_at_work(self) -> None:
        """While the server deletes, the command fails with a sentence."""
        held = journal.held(self.internal / "deleting")
        self.addCleanup(held.close)
        outcome = self.run_command("retention")
        self.assertEqual(outcome.code, 1)
        self.assertIn("files are being deleted already", outcome.err)
