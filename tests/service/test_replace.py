"""Tests of hmacfs.service.replace."""

from __future__ import annotations

import os
import pathlib

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.service import replace


class WriteNewTests(SynchronousTestCase):
    """Tests of write_new."""

    def test_private(self) -> None:
        """A new file is for its owner alone, whatever the umask."""
        path = pathlib.Path(self.mktemp())
        self.addCleanup(os.umask, os.umask(0))
        replace.write_new(path, "text")
        self.assertEqual(path.read_text(), "text")
        self.assertEqual(path.stat().st_mode & 0o7777, 0o600)

    def test_existing(self) -> None:
        """An existing file is left as it is, and so is what a link leads to."""
        path = pathlib.Path(self.mktemp())
        path.write_text("old")
        self.assertRaises(FileExistsError, replace.write_new, path, "new")
        link = pathlib.Path(self.mktemp())
        link.symlink_to(path.absolute())
        self.assertRaises(FileExistsError, replace.write_new, link, "new")
        self.assertEqual(path.read_text(), "old")


class ReplaceTests(SynchronousTestCase):
    """Tests of replace."""

    def setUp(self) -> None:
        directory = pathlib.Path(self.mktemp())
        directory.mkdir()
        self.path = directory / "config.toml"
        self.path.write_text("old")
        self.path.chmod(0o640)

    def test_backup(self) -> None:
        """The old text is kept beside the new one, and both keep the permissions."""
        backup = replace.replace(self.path, "new")
        self.assertEqual(backup.name, "config.toml.bak")
        self.assertEqual((self.path.read_text(), backup.read_text()), ("new", "old"))
        for path in (self.path, backup):
            self.assertEqual(path.stat().st_mode & 0o7777, 0o640)

    def test_backups(self) -> None:
        """No backup is written over another."""
        names = [replace.replace(self.path, f"new {n}").name for n in range(3)]
        self.assertEqual(names, ["config.toml.bak", "config.toml.bak1", "config.toml.bak2"])
        self.assertEqual(self.path.with_name("config.toml.bak2").read_text(), "new 1")

    def test_owner(self) -> None:
        """The owner stays, where that is possible."""
        if os.geteuid() == 0:
            os.chown(self.path, 12345, 12346)
        before = self.path.stat()
        backup = replace.replace(self.path, "new")
        for path in (self.path, backup):
            after = path.stat()
            self.assertEqual((after.st_uid, after.st_gid), (before.st_uid, before.st_gid))

    def test_link(self) -> None:
        """A link stays a link."""
        link = self.path.with_name("link.toml")
        link.symlink_to(self.path.absolute())
        replace.replace(link, "new")
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.path.read_text(), "new")

    def test_nothing_left_behind(self) -> None:
        """A failure leaves the file as it was, and no draft."""
        self.assertRaises(UnicodeEncodeError, replace.replace, self.path, "\ud800")
        self.assertEqual(self.path.read_text(), "old")
        names = sorted(path.name for path in self.path.parent.iterdir())
        self.assertEqual(names, ["config.toml", "config.toml.bak"])
