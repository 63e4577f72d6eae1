"""Which kinds of files are taken."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.rules.kinds import Extensions, extensions_of


class ExtensionsTests(SynchronousTestCase):
    """``Extensions``."""

    def refused(self, lists: Extensions, name: str) -> str | None:
        """Tell what is refused of a name in a folder."""
        return lists.refused(StoredName.parse(f"a.exe/{name}".encode()))

    def test_no_lists(self) -> None:
        """Without lists everything is taken."""
        for name in ("a", "a.exe", ".hidden", "a.", "x.tar.gz"):
            self.assertIsNone(self.refused(Extensions(), name))

    def test_allowed(self) -> None:
        """With a list the last extension decides, whatever its case; none at all is refused."""
        lists = Extensions.of([".JPG", ".txt"])
        for name, refused in (
            ("a.jpg", None),
            ("a.JpG", None),
            ("a.exe.txt", None),
            ("a.txt.exe", ".exe"),
            ("a", ""),
            ("jpg", ""),
            (".jpg", ""),
            ("a.", "."),
        ):
            self.assertEqual(self.refused(lists, name), refused, name)

    def test_double_extension_in_the_list(self) -> None:
        """An extension of two parts in the list allows just that."""
        lists = Extensions.of([".tar.gz"])
        self.assertIsNone(self.refused(lists, "a.b.tar.gz"))
        self.assertEqual(self.refused(lists, "a.gz"), ".gz")

    def test_blocked(self) -> None:
        """A blocked extension anywhere in the name refuses it, also under an allow-list."""
        lists = Extensions.of([".txt", ".exe"], [".EXE", ".js"])
        for name, refused in (
            ("a.exe", ".exe"),
            ("a.ExE.txt", ".exe"),
            ("a.js.txt", ".js"),
            ("a.txt", None),
            ("exe.txt", None),
        ):
            self.assertEqual(self.refused(lists, name), refused, name)

    def test_every(self) -> None:
        """A star in a list stands for all names."""
        for name in ("a", "a.exe", ".hidden", "a."):
            self.assertIsNone(self.refused(Extensions.of(["*"]), name), name)
            self.assertIsNotNone(self.refused(Extensions.of([], ["*"]), name), name)
        self.assertEqual(self.refused(Extensions.of(["*"], [".exe"]), "a.exe.txt"), ".exe")

    def test_spaces(self) -> None:
        """Spaces before and after an extension hide nothing."""
        for name in ("a.exe ", "a. exe", "a.exe .txt", "a.exe\u00a0"):
            self.assertEqual(self.refused(Extensions.of([], [".exe"]), name), ".exe", name)

    def test_nothing_but_an_extension(self) -> None:
        """Windows runs a file of the name ".exe", so a dot in front hides nothing."""
        for name in (".exe", "..EXE", ". exe", ".exe.txt"):
            self.assertEqual(self.refused(Extensions.of([], [".exe"]), name), ".exe", name)

    def test_extensions_of(self) -> None:
        """Each dot begins an extension."""
        self.assertEqual(extensions_of("A.Tar.GZ"), [".tar", ".gz"])
        self.assertEqual(extensions_of("..exe"), [".", ".exe"])
        self.assertEqual(extensions_of("plain"), [])
