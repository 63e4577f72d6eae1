"""``audit verify``, and what commands leave in the audit log."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.cli.storage_case import StorageCase


class AuditCommandTests(StorageCase):
    """A storage whose commands are recorded."""

    def setUp(self) -> None:
        super().setUp()
        self.audit = self.directory / "audit.log"
        self.configure("")

    def configure(self, more: str) -> None:
        """Write the configuration."""
        self.config.write_text(
            f"[server]\nstorage_path = '{self.root}'\nfilettlenabled = true\nmax_file_age = '1d'\n"
            "[security]\nsecret = 'correct horse battery staple'\n"
            f"[audit]\nenabled = true\npath = '{self.audit}'\n{more}",
            encoding="utf-8",
        )

    def records(self) -> list[dict[str, Any]]:
        """Read the log."""
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def test_commands(self) -> None:
        """What commands remove, who gave them and how they ended is recorded, in one chain."""
        file = self.store("a/b", uploaded_at=1e9)
        self.store("old", b"other", uploaded_at=1e9)
        self.assertEqual(0, self.run_command("rm", "a/b").code)
        self.assertEqual(1, self.run_command("rm", "a/b").code)
        self.assertEqual(0, self.run_command("retention", "-dry-run").code)
        self.assertEqual(0, self.run_command("retention").code)
        self.run_command("reindex")
        told = [
            (record["event"], record.get("outcome"), record.get("action") or record["reason"])
            for record in self.records()
        ]
        self.assertEqual(
            [
                ("audit", None, "begin"),
                ("delete", "deleted", "taken-down"),
                ("admin_action", "done", "rm"),
                ("admin_action", "failed", "rm"),
                ("delete", "deleted", "age"),
                ("admin_action", "done", "retention"),
                ("admin_action", "done", "reindex"),
            ],
            told,
        )
        removed, done = self.records()[1:3]
        self.assertEqual(("a/b", file.size), (removed["file"], removed["size"]))
        self.assertEqual(("a/b", file.sha256.hex()), (done["subject"], removed["sha256"]))
        self.assertEqual({"root"} if os.getuid() == 0 else {done["user"]}, {removed["user"]})
        verified = self.run_command("audit", "verify", "-json")
        self.assertEqual((0, ""), (verified.code, verified.err))
        [facts] = verified.values
        self.assertEqual((7, 1), (facts["records"], facts["files"]))
        self.assertEqual(self.records()[-1]["time"], facts["last"])

    def test_verify(self) -> None:
        """It tells the last record, for the next time, and the first line that is wrong."""
        self.run_command("rm", "x")
        self.run_command("rm", "y")
        first = self.run_command("audit", "verify")
        self.assertEqual(0, first.code)
        sentence, head = first.lines
        self.assertIn("3 records in 1 files are whole, from 20", sentence)
        self.run_command("rm", "z")
        known = ("audit", "verify", "-head", head)
        self.assertEqual(0, self.run_command(*known).code)
        lines = self.audit.read_bytes().splitlines(keepends=True)
        self.audit.write_bytes(b"".join(lines[:2]))
        self.assertEqual(0, self.run_command("audit", "verify").code)
        cut = self.run_command(*known)
        self.assertEqual((1, ""), (cut.code, cut.out))
        self.assertIn("record 3 was written and is missing: the last is 2", cut.err)
        self.audit.write_bytes(b"".join(lines).replace(b'"subject":"x"', b'"subject":"w"'))
        changed = self.run_command("audit", "verify", "--file", str(self.audit))
        self.assertEqual(1, changed.code)
        self.assertIn(f"{self.audit}:2: record 2 is not as it was written", changed.err)

    def test_nothing_to_verify(self) -> None:
        """Where there is no log, or none in a file, it says so."""
        for name in ("here", "gone/away"):
            path = str(self.directory / name)
            outcome = self.run_command("audit", "verify", "-file", path)
            self.assertEqual((1, ""), (outcome.code, outcome.out))
            self.assertIn(str(self.directory), outcome.err)
        self.configure("output = 'stdout'\n")
        self.assertEqual(2, self.run_command("audit", "verify").code)
        self.assertEqual(2, self.run_command("audit", "verify", "-head", "seven").code)
        self.assertEqual(2, self.run_command("audit").code)
        # What commands print is not for records.
        self.assertEqual("", self.run_command("rm", "x").out)
        self.assertFalse(self.audit.exists())

    def test_unwritable(self) -> None:
        """A log that cannot be written keeps no command from its work."""
        self.store("a/b")
        # Whoever may write beside it must not choose what a command of root writes to.
        self.audit.symlink_to(self.directory / "elsewhere")
        outcome = self.run_command("rm", "a/b")
        self.assertEqual((0, "removed a/b\n"), (outcome.code, outcome.out))
        self.assertIn(f"warning: cannot write the audit log {self.audit}", outcome.err)
        self.assertFalse((self.directory / "elsewhere").exists())
