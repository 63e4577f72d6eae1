"""Tests of the state machine of sessions, and of its drawing."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.uploads.machine import TRANSITIONS, State, after
from tests.docs.documents import ROOT

ARROW = re.compile(r"^ +(\w+) --(\w+)--> (\w+)$", re.MULTILINE)


class MachineTests(SynchronousTestCase):
    """What may become of a session."""

    def test_transitions(self) -> None:
        """Each transition of the table leads where it says."""
        for before, what, then in TRANSITIONS:
            self.assertIs(after(before, what.__name__), then)

    def test_nothing_else(self) -> None:
        """Nothing that the table does not have can happen."""
        known = {(before, what.__name__) for before, what, _ in TRANSITIONS}
        inputs = {name for _, name in known}
        for state in State:
            for name in inputs:
                if (state, name) not in known:
                    with self.assertRaises(ValueError):
                        after(state, name)

    def test_drawing(self) -> None:
        """The drawing in the documents is the table."""
        text = (ROOT / "docs" / "operate-sessions.rst").read_text(encoding="utf-8")
        drawn = set(ARROW.findall(text))
        table = {(before.value, what.__name__, then.value) for before, what, then in TRANSITIONS}
        self.assertEqual(drawn, table)
