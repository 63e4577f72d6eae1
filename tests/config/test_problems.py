"""Tests of hmacfs.config.problems."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.problems import ConfigError, Problem


class ProblemTests(SynchronousTestCase):
    """Tests of Problem and ConfigError."""

    def test_form(self) -> None:
        """A problem reads file:line:column: what, hint."""
        self.assertEqual(str(Problem("f", 3, 7, "what", "hint")), "f:3:7: what, hint")

    def test_without_hint(self) -> None:
        """Without a hint there is no comma."""
        self.assertEqual(str(Problem("f", 3, 7, "what")), "f:3:7: what")

    def test_whole_file(self) -> None:
        """A problem of the whole file has no line."""
        self.assertEqual(str(Problem("f", 0, 0, "what", "hint")), "f: what, hint")

    def test_all_at_once(self) -> None:
        """An error has every problem, one in a line."""
        error = ConfigError(Problem("f", line, 1, "x") for line in (1, 2))
        self.assertEqual(str(error), "f:1:1: x\nf:2:1: x")
        self.assertEqual(len(error.problems), 2)
