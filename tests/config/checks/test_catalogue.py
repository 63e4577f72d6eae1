"""Tests of hmacfs.config.checks.catalogue."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.config.checks.catalogue import CATALOGUE, findings, titles
from hmacfs.config.checks.findings import Finding, Group, Subject
from hmacfs.config.settings import Settings
from tests.config.checks.subjects import FILE, MadeUp
from tests.config.files import load


def found(group: Group, text: str) -> list[Finding]:
    """Run a group over a text."""
    return list(findings(group, Subject(load(text), FILE, text, MadeUp())))


class CatalogueTests(SynchronousTestCase):
    """Tests of the list of checks."""

    def test_names(self) -> None:
        """Names are there once, and every group has checks."""
        names = [name for name, _, _ in titles()]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({group for _, group, _ in titles()}, set(Group))

    def test_every_service(self) -> None:
        """Every server that can be tried is listed."""
        names = {name for name, group, _ in titles() if group is Group.CONNECTIVITY}
        self.assertEqual(
            names,
            {
                "redis-answers",
                "postgres-answers",
                "mysql-answers",
                "clamd-answers",
            },
        )

    def test_groups(self) -> None:
        """A group runs its own checks only."""
        text = "LogLevel = 'debug'\n[bans]\nenabled = false"
        self.assertEqual([each.check for each in found(Group.PERFORMANCE, text)], ["loud-log"])
        self.assertIn("no-bans", [each.check for each in found(Group.SECURITY, text)])
        self.assertNotIn("loud-log", [each.check for each in found(Group.SECURITY, text)])

    def test_fixable(self) -> None:
        """Everything that can be mended is found by the check of its sort."""
        text = (
            "ListenPort = '1'\n[server]\nlisten_address = '2'\nstoragepath = '/x'\n"
            "[build]\nversion = '3'\n"
        )
        self.assertEqual(
            [(each.check, each.message) for each in found(Group.FIXABLE, text)],
            [
                ("old-names", 'line 4: "server.storagepath" becomes "server.storage_path"'),
                ("doubled-names", 'line 1: "ListenPort" goes: it has no effect'),
                (
                    "retired-names",
                    'line 6: "build.version" goes: it was a note of the old server for itself',
                ),
            ],
        )

    def test_fixable_in_no_toml(self) -> None:
        """What is no TOML has nothing to mend."""
        subject = Subject(Settings(), FILE, "a = ", MadeUp())
        self.assertEqual(list(findings(Group.FIXABLE, subject)), [])

    def test_defaults(self) -> None:
        """The defaults have no problem beyond what cannot be otherwise."""
        weights = {each.weight.value for each in found(Group.SECURITY, "")}
        self.assertEqual(weights, {"advice"})
        self.assertEqual(found(Group.PERFORMANCE, ""), [])

    def test_offline(self) -> None:
        """No check of the catalogue needs the network."""
        self.assertNotIn(Group.CONNECTIVITY, {check.group for check in CATALOGUE})
