"""Tests of hmacfs.ingest.deduplication: of files that change meanwhile; else see tests.real."""

from __future__ import annotations

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from unittest import mock

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.blobs.contents import ContentStore
from hmacfs.blobs.local import LocalBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.ingest.deduplication import Deduplication
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import store
from tests.flow.awaiting import now
from tests.stores.samples import stored

DATA = b"the newer bytes"


class ReplacedTests(SynchronousTestCase):
    """A file that was replaced after its row was read."""

    def test_replaced(self) -> None:
        """Its bytes are not kept as those that it had before, but as what they are."""
        path = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        contents = ContentStore(path / "contents")
        blobs, index = LocalBlobs(path / "files", InlinePool(), contents), MemoryIndex()
        now(blobs.start())
        self.addCleanup(lambda: now(blobs.close()))
        now(store(blobs, "a", DATA))
        file = stored("a", size=len(DATA), sha256=sha256(DATA).digest())
        now(index.add(file))
        before = evolve(file, sha256=sha256(b"older").digest(), uploaded_at=file.uploaded_at - 1)
        with mock.patch.object(MemoryIndex, "page", mock.AsyncMock(side_effect=([before], []))):
            self.assertEqual(now(Deduplication(index, blobs).run()), (0, 0))
        self.assertFalse(contents.directory.exists())
        self.assertEqual(now(Deduplication(index, blobs).run()), (0, 0))
        (kept,) = contents.directory.glob("*/*")
        self.assertEqual(kept.name, file.sha256.hex())
