"""The repository speaks of the project alone, is finished, and can be used as it is cloned."""

from __future__ import annotations

import os
import pathlib

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests import hygiene

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = (
    "serve",
    "test",
    "quick-test",
    "debian/build",
    "debian/rules",
    "fix-config.sh",
    "install-manager.sh",
    ".ci/run",
    "bench/run",
    "requirements/lock",
    "tools/python",
)


class RepositoryTests(SynchronousTestCase):
    """The files that git keeps."""

    def setUp(self) -> None:
        if not (ROOT / ".git").exists():
            raise SkipTest("needs a clone: without git it cannot be told what is in the repository")
        self.files = hygiene.tracked(ROOT)

    def texts(self) -> list[tuple[pathlib.Path, str]]:
        """Return the files that are text."""
        return [
            (path, text)
            for path in self.files
            if (text := hygiene.text_of(ROOT / path)) is not None
        ]

    def test_files(self) -> None:
        """The checks see the repository: this file is among those it reads."""
        self.assertIn(pathlib.Path("tests/test_repository.py"), [path for path, _ in self.texts()])

    def test_texts(self) -> None:
        """No file names a path of one machine or the host of a registry, or is unfinished."""
        faults = [fault for path, text in self.texts() for fault in hygiene.text_faults(path, text)]
        self.assertEqual([], faults)

    def test_python(self) -> None:
        """What a source silences is named, and every test states its rule."""
        sources = [(path, text) for path, text in self.texts() if path.suffix == ".py"]
        faults = [fault for path, text in sources for fault in hygiene.python_faults(path, text)]
        self.assertEqual([], faults)

    def test_sizes(self) -> None:
        """No file is so large that it must be something that is made, not written."""
        large = [path for path in self.files if (ROOT / path).stat().st_size > hygiene.LARGEST]
        self.assertEqual([], large)

    def test_programs(self) -> None:
        """What is meant to be typed can be executed."""
        self.assertEqual([], [name for name in PROGRAMS if not os.access(ROOT / name, os.X_OK)])

    def test_plugin_directory(self) -> None:
        """Twisted finds our plugin and its own: no ``__init__.py`` lies beside or above it."""
        ours = [path for path in self.files if path.parts[0] == "twisted"]
        self.assertEqual([pathlib.Path("twisted/plugins/hmacfs_plugin.py")], ours)


class TextTests(SynchronousTestCase):
    """``text_faults``, on lines made up for a test."""

    def assert_fault(self, what: str, *lines: str) -> None:
        """Fail unless each line has exactly one fault, of this kind."""
        for line in lines:
            [fault] = hygiene.text_faults(pathlib.PurePath("a.txt"), f"first\n{line}\n")
            self.assertTrue(fault.startswith(f"a.txt:2: {what}: "), fault)

    def assert_fine(self, *lines: str) -> None:
        """Fail if a line has a fault."""
        for line in lines:
            self.assertEqual([], hygiene.text_faults(pathlib.PurePath("a.txt"), line))

    def test_machine_paths(self) -> None:
        """Directories of a developer's machine are seen, in any place of a line."""
        for name in ("wo" + "rk", "ro" + "ot", "fa" + "rm"):
            self.assert_fault(
                "a path of one machine", f"/{name}/x", f"in (/{name})", f"='/{name}/'"
            )
        self.assert_fine("/srv/files", "a/work/b", "$HOME/root", "work/main", "/workers", "/rooted")

    def test_registry_hosts(self) -> None:
        """Hosts of package registries are seen, the names of the registries are fine."""
        for host in ("py" + "pi.org", "files.pythonho" + "sted.org", "deb.deb" + "ian.org"):
            self.assert_fault("the host of a package registry", f"https://{host}/x", host)
        self.assert_fine("from PyPI", "https://www.debian.org/", "pypi", "example.org")

    def test_unfinished(self) -> None:
        """Marks of unfinished work are seen as words."""
        for mark in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.assert_fault("unfinished", f"# {mark}: later", f"{mark}(me)")
        self.assert_fine("mastodon", "to do", "XXXL")


class PythonTests(SynchronousTestCase):
    """``python_faults``, on sources made up for a test."""

    def faults(self, path: str, *lines: str) -> list[str]:
        """Return the faults of a source."""
        return hygiene.python_faults(pathlib.PurePath(path), "\n".join(lines))

    def test_silenced(self) -> None:
        """Only a named fault may be silenced."""
        ignore, noqa = "# type: ig" + "nore", "# no" + "qa"
        self.assertEqual(
            [f"a.py:1: silences everything: {ignore}", f"a.py:2: silences everything: {noqa}"],
            self.faults("a.py", f"x = 1  {ignore}", f"y = 2  {noqa}"),
        )
        self.assertEqual([], self.faults("a.py", f"x = 1  {ignore}[misc]", f"y = 2  {noqa}: S101"))

    def test_rules(self) -> None:
        """A test method has a docstring, of one line; other methods and other files need none."""
        test = ("class ATests:", "    def test_it(self):")
        fault = "tests/a.py:2: test_it states no rule in a docstring of one line"
        self.assertEqual([fault], self.faults("tests/a.py", *test, "        pass"))
        self.assertEqual(
            [fault], self.faults("tests/a.py", *test, '        """One\n\n        two."""')
        )
        self.assertEqual([], self.faults("tests/a.py", *test, '        """It is so."""'))
        self.assertEqual([], self.faults("hmacfs/a.py", *test, "        pass"))
        self.assertEqual([], self.faults("tests/a.py", "class A:", "    def setUp(self): ..."))

    def test_asynchronous_rules(self) -> None:
        """An ``async`` test method is a test method."""
        self.assertEqual(
            ["tests/a.py:2: test_it states no rule in a docstring of one line"],
            self.faults("tests/a.py", "class ATests:", "    async def test_it(self): ..."),
        )


class TextOfTests(SynchronousTestCase):
    """``text_of``."""

    def test_kinds(self) -> None:
        """What is not UTF-8, or has zero bytes, is no text."""
        path = pathlib.Path(self.mktemp())
        for content, text in ((b"a\n", "a\n"), (b"", ""), (b"\xff\xfe", None), (b"a\0b", None)):
            path.write_bytes(content)
            self.assertEqual(text, hygiene.text_of(path))
