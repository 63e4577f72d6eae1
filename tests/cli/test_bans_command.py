"""Tests of ``hmac-file-server bans``, where no server runs."""

from __future__ import annotations

import time

from tests.cli.storage_case import Outcome, StorageCase


class BansTests(StorageCase):
    """``bans``."""

    def bans(self, *words: str) -> Outcome:
        """Give the command, with success."""
        outcome = self.run_command("bans", *words)
        self.assertEqual(outcome.code, 0, outcome.err)
        return outcome

    def test_a_life(self) -> None:
        """What is added is listed until it is removed; added anew it gets longer, not shorter."""
        self.assertEqual(self.bans("list").lines, [])
        told = self.bans("add", "203.0.113.7", "-for", "12h", "-reason", "fills\nthe disk").err
        self.assertTrue(told.startswith("203.0.113.7 is banned for 12h;"), told)
        self.bans("add", "203.0.113.7")
        self.bans("add", "2001:db8::5")
        self.bans("add", "2001:db8:1::/48", "-for", "1d")
        first, *others = self.bans("list", "-json").values
        self.assertEqual((first["address"], first["reason"]), ("203.0.113.7", "by hand"))
        self.assertTrue(43_000 < first["until"] - time.time() <= 43_200)
        self.assertEqual({each["address"] for each in others}, {"2001:db8::/64", "2001:db8:1::/48"})
        self.bans("add", "203.0.113.8", "-reason", "fills\x1b[2J\nthe disk")
        self.assertIn(r"fills\x1b[2J\nthe disk", self.bans("list").out)
        for address in ("203.0.113.7", "203.0.113.8", "2001:db8::5", "2001:db8:1::/48"):
            self.bans("remove", address)
        self.assertEqual(self.bans("list").lines, [])

    def test_off(self) -> None:
        """Where bans are off that is said."""
        self.assertNotIn("off", self.bans("add", "203.0.113.7").err)
        text = self.config.read_text(encoding="utf-8") + "[bans]\nenabled = false\n"
        self.config.write_text(text, encoding="utf-8")
        self.assertIn("but bans are off", self.bans("add", "203.0.113.7").err)

    def test_mistakes(self) -> None:
        """What cannot be done is said in a sentence."""
        for words, code, sentence in (
            (("add", "127.0.0.1"), 2, "127.0.0.1 is never banned"),
            (("add", "203.0.113.300"), 2, "'203.0.113.300' does not appear to be an IPv4"),
            (("add", "203.0.113.1/24"), 2, "has host bits set"),
            (("add", "203.0.113.1", "-for", "soon"), 2, "soon"),
            (("add", "203.0.113.1", "-for", "0s"), 2, "a ban lasts longer than that"),
            (("add", "203.0.113.1", "-reason", "x" * 201), 2, "at most 200 characters"),
            (("add",), 2, "add needs an address"),
            (("remove",), 2, "remove needs an address"),
            (("list", "203.0.113.1"), 2, "list takes no address"),
            (("remove", "203.0.113.1"), 1, "203.0.113.1 is not banned"),
        ):
            outcome = self.run_command("bans", *words)
            self.assertEqual((outcome.code, outcome.out), (code, ""), words)
            self.assertIn(sentence, outcome.err)
        self.assertEqual(self.bans("list").lines, [])
