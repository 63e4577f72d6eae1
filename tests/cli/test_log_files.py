"""The log file: rotation, and disks that are full or gone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.log_files import LogFile
from hmacfs.observe.backups import Backups
from hmacfs.observe.rotation import RETRY, TIDY, Rotation
from tests.blobs.descriptors import open_below
from tests.blobs.small_disk import mount

NOW = 1_800_000_000.0
FULL = Path("/dev/full")
"""Where every write finds no space (full(4))."""


class LogFileCase(SynchronousTestCase):
    """A log file with a clock that the test moves."""

    largest = 0

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "server.log"
        self.clock = Clock()
        self.astray: list[str] = []
        self.tidied = 0

    def file(self) -> LogFile:
        """Make it, to be closed after the test."""
        rotation = Rotation(
            Backups(self.path, 10, 0.0, False),
            self.largest,
            self.tidy,
            self.clock.seconds,
            lambda: NOW + self.clock.seconds(),
        )
        made = LogFile(rotation, self.astray.append, lambda sentence: f"! {sentence}\n")
        self.addCleanup(made.close)
        return made

    def tidy(self) -> None:
        """See to the old files."""
        self.tidied += 1

    def text(self) -> str:
        """Read the log."""
        return self.path.read_text(encoding="utf-8")

    def old(self) -> list[str]:
        """Read the old files, the oldest first."""
        paths = sorted(path for path in self.directory.iterdir() if path != self.path)
        return [path.read_text(encoding="utf-8") for path in paths]


class WriteTests(LogFileCase):
    """Writing."""

    def test_appended(self) -> None:
        """Lines follow those that are there."""
        self.path.write_text("old\n", encoding="utf-8")
        file = self.file()
        file.write("щи\n")
        file.write("two\n")
        self.assertEqual(self.text(), "old\nщи\ntwo\n")
        self.assertEqual(self.astray, [])

    def test_mode(self) -> None:
        """A new file is for its owner and group only."""
        self.addCleanup(os.umask, os.umask(0o022))
        self.file().write("x\n")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)

    def test_any_text(self) -> None:
        """A line that is no text is written with its oddities escaped."""
        self.file().write("a\udcffb\n")
        self.assertEqual(self.text(), "a\\udcffb\n")

    def test_not_for_children(self) -> None:
        """Programs that the server starts do not hold its log."""
        file = self.file()
        file.write("x\n")
        [descriptor] = open_below(self.directory.resolve())
        self.assertFalse(os.get_inheritable(descriptor))

    def test_old_files_at_times(self) -> None:
        """Old files are seen to at the start and once a day, though no new file is begun."""
        file = self.file()
        for pause, expected in ((0, 1), (TIDY - 1, 1), (1, 2), (1, 2)):
            self.clock.advance(pause)
            file.write("x\n")
            self.assertEqual(self.tidied, expected)


class RotationTests(LogFileCase):
    """New files."""

    largest = 10

    def test_rotation(self) -> None:
        """A line that would make the file too large begins a new one; no line is in two."""
        file = self.file()
        for line in ("12345\n", "789\n", "next\n", "6789\n", "last\n"):
            file.write(line)
            self.clock.advance(1)
        self.assertEqual(self.old(), ["12345\n789\n", "next\n6789\n"])
        self.assertEqual((self.text(), self.astray), ("last\n", []))
        self.assertEqual(self.tidied, 1 + 2)

    def test_name(self) -> None:
        """The old file is named after the time at which it ended."""
        file = self.file()
        file.write("123456789\n")
        file.write("x\n")
        expected = self.directory / "server-2027-01-15T08-00-00.000.log"
        self.assertEqual(expected.read_text(), "123456789\n")

    def test_long_line(self) -> None:
        """A line that is longer than a file may be has one of its own."""
        file = self.file()
        for line in ("a\n", "b" * 20 + "\n", "c\n"):
            file.write(line)
        self.assertEqual(self.old(), ["a\n", "b" * 20 + "\n"])
        self.assertEqual(self.text(), "c\n")

    def test_large_from_before(self) -> None:
        """A file that was too large when the server started is put aside too."""
        self.path.write_text("0123456789abc\n", encoding="utf-8")
        self.file().write("x\n")
        self.assertEqual((self.old(), self.text()), (["0123456789abc\n"], "x\n"))

    def test_never(self) -> None:
        """Without a limit the file grows on."""
        self.largest = 0
        file = self.file()
        for _ in range(100):
            file.write("line\n")
        self.assertEqual((self.old(), len(self.text())), ([], 500))

    def test_emptied_by_others(self) -> None:
        """What others cut short in place is as small as it is."""
        file = self.file()
        file.write("123456789\n")
        os.truncate(self.path, 0)
        file.write("x\n")
        self.assertEqual((self.old(), self.text()), ([], "x\n"))

    def test_no_file(self) -> None:
        """What is no file, such as a terminal, is written to and never put aside."""
        self.path = self.directory / "link"
        self.path.symlink_to("/dev/null")
        file = self.file()
        for _ in range(3):
            file.write("0123456789\n")
        self.assertEqual(list(self.directory.iterdir()), [self.path])
        self.assertEqual(self.astray, [])

    def test_cannot_rotate(self) -> None:
        """If no new file can be begun, the old one goes on; it says so once, and tries again."""
        file = self.file()
        file.write("123456789\n")
        blocked = [True]

        def rename(path: Path, target: Path) -> None:
            if blocked[0]:
                raise PermissionError(13, "Permission denied")
            path.replace(target)

        self.patch(Path, "rename", rename)
        for line in ("b\n", "c\n"):
            file.write(line)
        self.clock.advance(RETRY)
        file.write("d\n")
        said = "! cannot begin a new log file: Permission denied\n"
        self.assertEqual(self.text(), f"123456789\n{said}b\nc\nd\n")
        blocked[0] = False
        file.write("e\n")
        self.assertEqual(self.old(), [])
        self.clock.advance(RETRY)
        file.write("f\n")
        self.assertEqual(self.text(), "f\n")
        self.assertEqual((len(self.old()), self.astray), (1, []))


class ReopenTests(LogFileCase):
    """``reopen``."""

    def test_moved(self) -> None:
        """After the file was moved, lines go on in the moved one until it is opened anew."""
        file = self.file()
        file.write("a\n")
        moved = self.path.rename(self.directory / "server.log.1")
        file.write("b\n")
        file.reopen()
        self.assertEqual(self.text(), "")
        file.write("c\n")
        self.assertEqual((moved.read_text(), self.text()), ("a\nb\n", "c\n"))

    def test_created_at_once(self) -> None:
        """The file is there as soon as it was opened, before the first line."""
        self.file().reopen()
        self.assertEqual(self.text(), "")

    def test_tries_again_at_once(self) -> None:
        """Who made room need not wait: opening anew tries at once."""
        self.path.symlink_to(FULL)
        file = self.file()
        file.write("a\n")
        self.path.unlink()
        file.reopen()
        file.write("b\n")
        said = "! the log file can be written again; 1 lines went to standard error\n"
        self.assertEqual(self.text(), f"{said}b\n")

    def test_descriptors(self) -> None:
        """However often it is opened, one descriptor is held, and none after it was closed."""
        file = self.file()
        for _ in range(5):
            file.reopen()
        self.assertEqual(len(open_below(self.directory.resolve())), 1)
        file.close()
        self.assertEqual(len(open_below(self.directory.resolve())), 0)


class FailingTests(LogFileCase):
    """Disks that do not take the lines."""

    def test_full(self) -> None:
        """On a full disk lines go to standard error, after a word why, said once."""
        self.path.symlink_to(FULL)
        file = self.file()
        for line in ("a\n", "b\n"):
            file.write(line)
        self.clock.advance(RETRY)
        file.write("c\n")
        said = (
            f"! cannot write the log file {self.path}: No space left on device; "
            "the log goes to standard error instead\n"
        )
        self.assertEqual(self.astray, [said, "a\n", "b\n", "c\n"])

    def test_room_again(self) -> None:
        """It is tried again now and then; when it works the file says what it lacks."""
        self.path.symlink_to(FULL)
        file = self.file()
        file.write("a\n")
        self.path.unlink()
        self.clock.advance(RETRY - 1)
        file.write("b\n")
        self.assertEqual(self.astray[1:], ["a\n", "b\n"])
        self.clock.advance(1)
        file.write("c\n")
        again = "! the log file can be written again; 2 lines went to standard error\n"
        self.assertEqual((self.text(), self.astray[1:]), (f"{again}c\n", ["a\n", "b\n"]))

    def test_full_again(self) -> None:
        """The next time that it fails, that is said anew, and counted anew."""
        file = self.file()
        for _ in range(2):
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(FULL)
            file.reopen()
            file.write("a\n")
            self.path.unlink()
            file.reopen()
        self.assertEqual([line[:2] for line in self.astray], ["! ", "a\n"] * 2)
        self.assertIn("; 1 lines", self.text())

    def test_no_directory(self) -> None:
        """A file that cannot be opened is no reason to fail; it is opened when it can be."""
        self.directory.rmdir()
        file = self.file()
        file.write("a\n")
        self.assertIn("No such file or directory", self.astray[0])
        self.assertEqual(self.astray[1:], ["a\n"])
        self.directory.mkdir()
        self.clock.advance(RETRY)
        file.write("b\n")
        self.assertTrue(self.text().endswith("standard error\nb\n"))

    def test_a_directory(self) -> None:
        """Nor is a path that is something else."""
        self.path.mkdir()
        self.file().write("a\n")
        self.assertIn("Is a directory", self.astray[0])
        self.assertEqual(self.astray[1:], ["a\n"])

    def test_gone_after_rotation(self) -> None:
        """When the old file was put aside and no new one can be opened, no line is lost."""
        self.largest = 4
        file = self.file()
        file.write("a23\n")

        def rename(path: Path, target: Path) -> None:
            path.replace(target)
            path.mkdir()

        self.patch(Path, "rename", rename)
        file.write("b23\n")
        self.assertEqual(self.old(), ["a23\n"])
        self.assertEqual(self.astray[1:], ["b23\n"])

    def test_no_torn_line(self) -> None:
        """A line of which only a part fits on the disk leaves nothing of itself there."""
        disk = mount(self, "size=64k")
        self.path = disk / "server.log"
        file = self.file()
        line = "x" * 5000 + "\n"
        lines = 0
        while not self.astray:
            file.write(line)
            lines += 1
        self.assertEqual(self.text(), line * (lines - 1))
        self.assertEqual(self.astray[1:], [line])
        os.truncate(self.path, 0)
        self.clock.advance(RETRY)
        file.write("y\n")
        self.assertTrue(self.text().endswith("; 1 lines went to standard error\ny\n"))
