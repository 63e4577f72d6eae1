"""Tests of how facts of files are written."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli import shown
from tests.stores.samples import files, stored


class SafeTests(SynchronousTestCase):
    """``safe``."""

    def test_kept(self) -> None:
        """What can be seen stays: letters of all languages, spaces, signs."""
        for text in ("a b/c.jpg", "ü 漢字 😀", "'\"$`"):
            self.assertEqual(shown.safe(text), text)

    def test_escaped(self) -> None:
        """What a terminal would obey, or hide, is written out; so is the backslash."""
        cases = {
            "\x1b[2J": "\\x1b[2J",
            "a\nb\t\x7f\x9b": "a\\nb\\t\\x7f\\x9b",
            "gpj.\u202eexe": "gpj.\\u202eexe",
            "\u200b\u2028\ufeff": "\\u200b\\u2028\\ufeff",
            "\U000e0041": "\\U000e0041",
            "\udcff": "\\udcff",
            "a\\x1b": "a\\\\x1b",
        }
        for text, expected in cases.items():
            self.assertEqual(shown.safe(text), expected)

    @given(st.text())
    def test_any(self, text: str) -> None:
        """What is written can be shown as it is, and tells which text it was."""
        written = shown.safe(text)
        self.assertTrue(written.isprintable())
        back = written.encode("raw_unicode_escape").decode("unicode_escape")
        self.assertEqual(back, text)


class FactsTests(SynchronousTestCase):
    """``facts``."""

    def test_facts(self) -> None:
        """Each fact has a name, and those that are not known are null."""
        facts = shown.facts(stored("a/b", owner="romeo"))
        self.assertEqual(
            facts,
            {
                "name": "a/b",
                "size": 3,
                "sha256": bytes(range(32)).hex(),
                "content_type": "text/plain",
                "uploaded_at": 1_700_000_000.25,
                "owner": "romeo",
                "expires_at": None,
                "metadata": None,
            },
        )

    @given(st.builds(shown.facts, files()))
    def test_json(self, facts: dict[str, object]) -> None:
        """As JSON they are one line of ASCII that tells the same."""
        written = json.dumps(facts)
        self.assertTrue(written.isascii() and written.isprintable())
        self.assertEqual(json.loads(written), facts)
