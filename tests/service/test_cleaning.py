"""Tests of the deletion of old files in a server."""

from __future__ import annotations

import json

from twisted.internet import reactor
from twisted.internet.task import deferLater

from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.library.retention import Terms
from hmacfs.service import cleaning
from tests.service.server_case import ServerCase


class TermsTests(ServerCase):
    """``terms``."""

    def test_terms(self) -> None:
        """Nothing is deleted for its age unless that is switched on."""
        self.assertEqual(cleaning.terms(Settings.of({})), Terms(None, 0))
        settings = Settings.of(
            {
                options.SERVER_FILETTLENABLED: True,
                options.SERVER_MAX_FILE_AGE: 90.0,
                options.RETENTION_MAX_SIZE: 5,
            }
        )
        self.assertEqual(cleaning.terms(settings), Terms(90.0, 5))


class CleaningTests(ServerCase):
    """A server that deletes."""

    async def test_size(self) -> None:
        """At its start it deletes what is too much: 410, a report, and no folder left."""
        server = await self.started()
        report = self.root.parent.resolve() / "deleted.jsonl"
        for name in ("folder/first", "second"):
            status, _ = await self.put(name, b"12345")
            self.assertEqual(status, 201)
        await server.stopService()
        await self.started({options.RETENTION_MAX_SIZE: 9, options.RETENTION_REPORT_PATH: report})
        status = 200
        for _ in range(500):
            status, _ = await self.ask("GET", "/upload/folder/first")
            is_told = report.exists() and report.read_bytes()
            if status == 410 and is_told:
                break
            await deferLater(reactor, 0.02)
        self.assertEqual(status, 410)
        self.assertFalse((self.root / "folder").exists())
        self.assertEqual((await self.ask("GET", "/upload/second"))[0], 200)
        (line,) = report.read_text(encoding="utf-8").splitlines()
        self.assertEqual(json.loads(line)["reason"], "size")
