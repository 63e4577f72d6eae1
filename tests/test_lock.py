"""The lock pins everything, by hashes, and agrees with what the project says it needs."""

from __future__ import annotations

import importlib.metadata
import pathlib
import re
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.layers import PACKAGE, imports, read_sources

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}(?P<more> \\)?$")
NAME = re.compile(r"^(?P<name>[A-Za-z0-9.-]+)(?:\[[a-z,]+\])?>=")


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock."""
    lines = (REQUIREMENTS / lock).read_text(encoding="ascii").splitlines()
    return {pin["name"]: pin["version"] for line in lines if (pin := PIN.match(line))}


def asked(listing: str) -> set[str]:
    """Return the packages that a list asks for, as the locks spell them."""
    lines = (REQUIREMENTS / listing).read_text(encoding="ascii").splitlines()
    return {spelled(found["name"]) for line in lines if (found := NAME.match(line))}


def spelled(name: str) -> str:
    """Return the name of a package as the locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class LockTests(SynchronousTestCase):
    """``run.txt`` and ``test.txt``."""

    def test_lines(self) -> None:
        """A lock holds pins, each with its hashes, and comments: no index, path or option."""
        for lock in ("run.txt", "test.txt"):
            hashes_due = False
            for line in (REQUIREMENTS / lock).read_text(encoding="ascii").splitlines():
                found = HASH.match(line)
                self.assertEqual(hashes_due, found is not None, line)
                if found is None and not line.lstrip().startswith("#"):
                    self.assertRegex(line, PIN)
                hashes_due = line.endswith("\\")
            self.assertFalse(hashes_due)

    def test_complete(self) -> None:
        """What the lists ask for is in the locks."""
        self.assertIn("twisted", asked("run.in"))
        self.assertEqual(set(), asked("run.in") - set(pins("run.txt")))
        self.assertEqual(set(), asked("test.in") - set(pins("test.txt")))

    def test_imports(self) -> None:
        """What the package imports is asked for by itself, not come by through something else."""
        owners = importlib.metadata.packages_distributions()
        imported = {
            tuple(found.name.split("."))
            for source in read_sources(ROOT)
            for found in imports(source)
            if found.name.partition(".")[0] not in {*sys.stdlib_module_names, PACKAGE}
        }
        # Every package of the zope family has the same first name, and its own second one.
        needed = {
            spelled(".".join(name[:2]) if name[0] == "zope" else distribution)
            for name in imported
            for distribution in owners.get(name[0], ["not installed: " + name[0]])
        }
        self.assertIn("twisted", needed)
        self.assertEqual(set(), needed - asked("run.in"))

    def test_same_versions(self) -> None:
        """The tests run with the very versions that the server runs with."""
        tested = pins("test.txt")
        self.assertEqual(pins("run.txt"), {name: tested.get(name) for name in pins("run.txt")})

    def test_every_platform(self) -> None:
        """Packages with compiled parts are locked for other processors and Pythons too."""
        text = (REQUIREMENTS / "run.txt").read_text(encoding="ascii")
        [hashes] = re.findall(r"^cryptography==.*\n((?: {4}--hash.*\n)+)", text, re.MULTILINE)
        self.assertGreater(len(hashes.splitlines()), 10)
