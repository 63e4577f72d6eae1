"""Tests of the scripts that make the tables."""

from __future__ import annotations

from importlib import resources

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores import scripts


class PackagedStepsTests(SynchronousTestCase):
    """The steps of this release."""

    def test_numbers(self) -> None:
        """The files are numbered from one without a gap, and read in that order."""
        for package in (scripts.INDEX, scripts.STATE, scripts.POSTGRESQL, scripts.MYSQL):
            directory = resources.files(package)
            names = sorted(f.name for f in directory.iterdir() if f.name.endswith(".sql"))
            steps = scripts.packaged_steps(package)
            self.assertEqual([int(name[:4]) for name in names], [*range(1, len(steps) + 1)])
            self.assertNotEqual(steps, ())
            for name, step in zip(names, steps, strict=True):
                self.assertEqual((directory / name).read_text(encoding="utf-8"), step)

    def test_mysql(self) -> None:
        """MySQL knows no ``IF`` in a change of a table, which MariaDB has."""
        for step in scripts.packaged_steps(scripts.MYSQL):
            for statement in scripts.statements(step):
                self.assertNotRegex(statement, r"(?m)^ALTER TABLE .*\bIF\b")


class StatementsTests(SynchronousTestCase):
    """The statements of a script."""

    def test_cut(self) -> None:
        """A statement ends where it ends, not within a text, a comment or a trigger."""
        first = "-- One; with a comment.\nINSERT INTO a VALUES ('x; y');\n"
        second = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n DELETE FROM a;\nEND;\n"
        self.assertEqual(list(scripts.statements(first + second)), [first, second])

    def test_without_an_end(self) -> None:
        """What lacks its end is not passed over; room at the end is no statement."""
        self.assertEqual(list(scripts.statements("SELECT 1;\nSELECT")), ["SELECT 1;\n", "SELECT"])
        self.assertEqual(list(scripts.statements("SELECT 1;\n\n \n")), ["SELECT 1;\n"])
