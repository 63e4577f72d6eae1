"""Tests of hmacfs.config.checks.findings."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config import options
from hmacfs.config.checks.findings import Check, Finding, Group, Sighting, Subject, Weight
from tests.config.checks.subjects import FILE, MadeUp
from tests.config.files import load


def about_level(subject: Subject) -> Iterator[Sighting]:
    """Find something about the level of the log, and something about nothing."""
    yield Weight.PROBLEM, "what", "hint", options.LOGGING_LEVEL
    yield Weight.ADVICE, "else", "", None


CHECK = Check("a-check", Group.SECURITY, "title", about_level)


class FindingTests(SynchronousTestCase):
    """Tests of Finding and Check."""

    def test_form(self) -> None:
        """A finding is one line with place, weight, sentence, hint and check."""
        self.assertEqual(
            str(Finding("name", Weight.ADVICE, "what", "hint", "f:1:2")),
            "f:1:2: advice: what, hint (name)",
        )
        self.assertEqual(str(Finding("name", Weight.PROBLEM, "what")), "problem: what (name)")

    def test_places(self) -> None:
        """A finding stands where the value was said, in the file or a variable."""
        for text, environ, place in (
            ("LogLevel = 'info'", {}, "config.toml:1:1"),
            ("", {"HMAC_LOGGING_LEVEL": "info"}, "HMAC_LOGGING_LEVEL"),
            ("", {}, ""),
        ):
            settings = load(text, {"HMAC_SECRET": "x" * 40, **environ})
            found = list(CHECK.findings(Subject(settings, FILE, text, MadeUp())))
            self.assertEqual([each.place for each in found], [place, ""])

    def test_no_secret_in_repr(self) -> None:
        """A subject does not show the text of the file by accident."""
        subject = Subject(load("Secret = 's3kr1t'", {}), FILE, "Secret = 's3kr1t'", MadeUp())
        self.assertNotIn("s3kr1t", repr(subject))
