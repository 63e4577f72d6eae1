"""Tests of hmacfs.web.documents."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.web import documents
from tests.stores.samples import stored

URL = "https://files.example.org/download/file.txt"


class DocumentsTests(SynchronousTestCase):
    """What a file is described by."""

    def test_v1(self) -> None:
        """V1 tells four facts."""
        self.assertEqual(
            documents.v1(stored(), URL),
            {"success": True, "url": URL, "filename": "file.txt", "size": 3},
        )

    def test_v2(self) -> None:
        """V2 tells what the server knows, and leaves out what it does not."""
        bare = documents.v2(stored(), URL, "id")
        self.assertEqual(
            set(bare) - set(documents.v1(stored(), URL)),
            {"version", "upload_id", "content_type", "checksum"},
        )
        self.assertEqual(bare["checksum"], "sha256:" + bytes(range(32)).hex())
        whole = documents.v2(stored(expires_at=1_705_838_400.9, metadata='{"a":[]}'), URL, "id")
        self.assertEqual(whole["expires_at"], "2024-01-21T12:00:00Z")
        self.assertEqual(whole["metadata"], {"a": []})
