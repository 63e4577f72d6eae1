"""Tests of hmacfs.config.manual."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.manual import escape, manual
from hmacfs.config.options import SECTIONS, TABLE


class ManualTests(SynchronousTestCase):
    """Tests of manual."""

    def test_escape(self) -> None:
        """What roff would take as commands or signs is shown as it is."""
        self.assertEqual(escape(".x\n'y"), "\\&.x\n\\&'y")
        self.assertEqual(escape("a-b\\c×d"), "a\\-b\\ec\\(mud")

    def test_every_option(self) -> None:
        """Every section and option has a heading of its own."""
        lines = manual().splitlines()
        headings = [line.removeprefix(".SS ") for line in lines if line.startswith(".SS ")]
        self.assertEqual(headings, [f"[{section}]" for section in SECTIONS])
        options = lines[lines.index(".SH OPTIONS") :]
        names = [line.removeprefix(".B ") for line in options if line.startswith(".B ")]
        self.assertEqual(names, [option.name for option in TABLE])

    def test_requests(self) -> None:
        """No line of text begins like a request by accident."""
        for line in manual().splitlines():
            if line.startswith((".", "'")):
                self.assertRegex(line, r"^(\.(TH|SH|SS|TP|PP|br|B|I|BR|IR)\b|\.\\\" )")
