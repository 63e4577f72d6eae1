"""Tests of ``hmac-file-server forget``; what it removes is shown against a real server."""

from __future__ import annotations

import time

from hmacfs.cli import forget_command
from hmacfs.config.read import read_file
from hmacfs.service.requests import requests_of
from tests.cli.storage_case import Outcome, StorageCase
from tests.stores.samples import stored


class ForgetTests(StorageCase):
    """Who asks a server, and who only looks."""

    def answer(self, answer: dict[str, object] | None) -> Outcome:
        """Ask a server that answers this, or ends without an answer."""
        requests = requests_of(read_file(self.config, {}))
        runs = [True, answer is not None]

        def is_running(_: object) -> bool:
            return runs.pop(0) if runs else False

        def sleep(_: float) -> None:
            if answer is not None:
                requests.answer("alice", answer)

        self.patch(forget_command, "is_running", is_running)
        self.patch(time, "sleep", sleep)
        self.patch(forget_command, "PATIENCE", 0.0)
        return self.run_command("forget", "alice")

    def test_answered(self) -> None:
        """What the server has removed is told; names are shown so that a terminal is safe."""
        removed = {"name": "a\x1b/b", "size": 5, "version": False}
        outcome = self.answer({"removed": [removed], "uploads": 2, "quarantined": 3})
        self.assertEqual((outcome.code, outcome.lines), (0, ["a\\x1b/b removed"]))
        self.assertIn("not done yet", outcome.err)
        self.assertIn("1 files of 5 bytes, 2 uploads", outcome.err)
        self.assertIn("3 infected files removed", outcome.err)

    def test_failed(self) -> None:
        """A failure of the server, and its end, are told in a sentence."""
        outcome = self.answer({"error": "the disk is gone"})
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertIn("the disk is gone; see to it", outcome.err)
        outcome = self.answer(None)
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertIn("goes on with this when it starts again", outcome.err)

    def test_dry_run(self) -> None:
        """Only rows of this uploader are told."""
        self.record(stored("a", owner="alice"), stored("b", owner="bob"))
        outcome = self.run_command("forget", "alice", "-dry-run", "-json")
        self.assertEqual((outcome.code, outcome.values), (0, [{"would_be_removed": "a"}]))

    def test_mistakes(self) -> None:
        """Nobody is nobody; and without an index there is nothing to look at."""
        self.assertEqual(self.run_command("forget", "").code, 2)
        self.path.unlink()
        outcome = self.run_command("forget", "alice")
        self.assertEqual(outcome.code, 1)
        self.assertIn("no index", outcome.err)
