"""Slots that Prosody issues: the server takes their uploads and gives the bytes back."""

from __future__ import annotations

from tests.real import slot_suite


class V1Tests(slot_suite.SlotTests):
    """``http_upload_external_protocol`` is v1, its default: the type is not signed."""

    protocol = "v1"

    def test_another_type(self) -> None:
        """The client may declare any type."""
        slot = self.slot("name", b"hello", "text/plain")
        self.assert_status(201, self.put(slot, b"hello", "image/png"))
        self.assertEqual("image/png", self.get(slot).headers["content-type"])


class V2Tests(slot_suite.SlotTests):
    """``http_upload_external_protocol`` is v2: the type is signed too."""

    protocol = "v2"

    def test_another_type(self) -> None:
        """A file of another type than the slot is for is refused."""
        slot = self.slot("name", b"hello", "text/plain")
        for kind in ("image/png", "text/plain; charset=utf-8", None):
            self.assert_status(403, self.put(slot, b"hello", kind), kind)
        self.assert_nothing_new()

    def test_no_type(self) -> None:
        """A client that sends no type means bytes, as Prosody does."""
        slot = self.slot("name", b"hello")
        self.assert_status(201, self.put(slot, b"hello", "application/octet-stream"))
