"""Tests of hmacfs.config.table.retired."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.names import MATCHES, dotted
from hmacfs.config.table.retired import RETIRED


class RetiredTests(SynchronousTestCase):
    """Tests of RETIRED."""

    def test_reasons(self) -> None:
        """Every retired key says why, in a clause that goes on after a comma."""
        for retired in RETIRED:
            self.assertTrue(retired.reason, retired.spelling)
            self.assertFalse(retired.reason.endswith("."), retired.spelling)

    def test_sections_are_empty(self) -> None:
        """A retired section holds no option."""
        for retired in RETIRED:
            section = dotted(retired.spelling).removesuffix("*")
            if retired.spelling.endswith(".*"):
                self.assertEqual([path for path in MATCHES if path.startswith(section)], [])
