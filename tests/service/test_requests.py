"""Tests of hmacfs.service.requests."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service.requests import KEPT, Request, is_running, requests_of


class RequestsTests(SynchronousTestCase):
    """``Requests``."""

    def setUp(self) -> None:
        root = Path(self.mktemp())
        self.internal = root / ".hmacfs"
        self.internal.mkdir(parents=True)
        self.settings = Settings.of({options.SERVER_STORAGE_PATH: root})
        self.requests = requests_of(self.settings)

    def test_life(self) -> None:
        """A request is there until it is answered, and its answer until it is taken."""
        self.assertEqual(self.requests.pending(), [])
        request = Request("Jürgen/../x", "root")
        for _ in range(2):
            self.requests.ask(request)
        self.assertEqual(self.requests.pending(), [request])
        self.assertEqual(self.requests.directory.stat().st_mode & 0o777, 0o700)
        self.assertIsNone(self.requests.take_answer(request.owner))
        self.requests.answer(request.owner, {"uploads": 1})
        self.assertEqual(self.requests.pending(), [])
        self.assertEqual(self.requests.take_answer(request.owner), {"uploads": 1})
        self.assertIsNone(self.requests.take_answer(request.owner))

    def test_old_answers(self) -> None:
        """An answer to an earlier request is none to this; one that nobody takes goes."""
        self.requests.ask(Request("alice", "root"))
        self.requests.answer("alice", {})
        self.requests.ask(Request("alice", "root"))
        self.assertIsNone(self.requests.take_answer("alice"))
        self.requests.answer("alice", {})
        (path,) = self.requests.directory.iterdir()
        self.requests.pending()
        self.assertTrue(path.exists())
        os.utime(path, (0, path.stat().st_mtime - KEPT - 1))
        self.requests.pending()
        self.assertFalse(path.exists())

    def test_strange_files(self) -> None:
        """What is no request is none."""
        self.requests.directory.mkdir()
        for number, text in enumerate(("", "[]", "{}", "\\xff", '{"owner": "a"}')):
            (self.requests.directory / f"{number}.request").write_text(text, "utf-8")
        self.assertEqual(self.requests.pending(), [])

    def test_running(self) -> None:
        """Without a lock nobody has the storage, nor with one that nobody holds."""
        self.assertFalse(is_running(self.settings))
        (self.internal / "lock").touch()
        self.assertFalse(is_running(self.settings))
