"""What V3 offers, as it is configured."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.read import read_string
from hmacfs.service.v3 import offer

SECRET = '[security]\nsecret = "a secret that nobody has seen before"\n'


class OfferTests(SynchronousTestCase):
    """``offer``."""

    def test_everything(self) -> None:
        """Without any setting files are taken in chunks, and go on after a break."""
        made = offer(read_string(SECRET, "config.toml", {}), deduplicates=True)
        self.assertEqual(made.options, {"chunked", "resumable"})
        self.assertEqual(made.chunk_size, 10 * 1024 * 1024)
        self.assertEqual(
            made.capabilities,
            ("chunked_upload", "resumable_upload", "deduplication", "real_time_progress"),
        )

    def test_what_is_off(self) -> None:
        """What is switched off is not offered, and is not among the capabilities."""
        uploads = "[uploads]\nchunked_uploads_enabled = false\nresumable_uploads_enabled = false\n"
        made = offer(read_string(SECRET + uploads, "config.toml", {}), deduplicates=False)
        self.assertEqual((made.options, made.chunked), (frozenset(), False))
        self.assertEqual(made.capabilities, ("real_time_progress",))
