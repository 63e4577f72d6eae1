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

    def test_mobile(self) -> None:
        """Smaller chunks for mobile devices are told where they are smaller, and there are any."""
        adapts = "[client_network_support]\nadapt_to_client_network = true\n"
        for uploads, expected in (
            ("", 256 * 1024),
            ('[uploads]\nchunk_size = "100KB"\n', 0),
            ("[uploads]\nchunked_uploads_enabled = false\n", 0),
        ):
            settings = read_string(SECRET + adapts + uploads, "config.toml", {})
            made = offer(settings, deduplicates=False)
            self.assertEqual(bool(expected), "adaptive_chunk_size" in made.capabilities, uploads)
            if expected:
                self.assertEqual(expected, made.mobile_chunk_size)

    def test_what_is_off(self) -> None:
        """What is switched off is not offered, and is not among the capabilities."""
        uploads = "[uploads]\nchunked_uploads_enabled = false\nresumable_uploads_enabled = false\n"
        made = offer(read_string(SECRET + uploads, "config.toml", {}), deduplicates=False)
        self.assertEqual((made.options, made.chunked), (frozenset(), False))
        self.assertEqual(made.capabilities, ("real_time_progress",))
