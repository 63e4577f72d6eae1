"""Tests of hmacfs.cli.gendocs."""

from __future__ import annotations

import io
import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.gendocs import FILES, main, stale

TOP = pathlib.Path(__file__).parent.parent.parent


class RepositoryTests(SynchronousTestCase):
    """The files in the repository."""

    def test_in_step(self) -> None:
        """Generated files are what the table of options says (python -m hmacfs.cli.gendocs)."""
        self.assertEqual(stale(TOP), [])


class MainTests(SynchronousTestCase):
    """Tests of main."""

    def test_writes(self) -> None:
        """What is missing or changed is written, and named; the rest is left alone."""
        top = pathlib.Path(self.mktemp())
        errors = io.StringIO()
        self.assertEqual(main([str(top)], errors), 0)
        self.assertEqual(errors.getvalue().count("wrote "), len(FILES))
        self.assertEqual(stale(top), [])
        name = next(iter(FILES))
        (top / name).write_text("changed by hand")
        self.assertEqual(stale(top), [name])
        again = io.StringIO()
        self.assertEqual(main([str(top)], again), 0)
        self.assertEqual(again.getvalue(), f"wrote {top / name}\n")

    def test_usage(self) -> None:
        """More than one directory is a mistake."""
        errors = io.StringIO()
        self.assertEqual(main(["a", "b"], errors), 2)
        self.assertIn("usage", errors.getvalue())
