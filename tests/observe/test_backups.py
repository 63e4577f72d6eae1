"""Old log files."""

from __future__ import annotations

import gzip
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.backups import Backups
from tests.blobs.small_disk import mount

DAY = 86400.0
NOW = datetime(2026, 1, 31, 12, 30, 15, 250_000, UTC).timestamp()


class BackupsCase(SynchronousTestCase):
    """A directory with a log."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.log = self.directory / "server.log"

    def backups(self, most: int = 100, age: float = 0.0, *, compress: bool = False) -> Backups:
        """Make the rules for old files."""
        return Backups(self.log, most, age, compress)

    def ended(self, days_ago: float, content: str = "line\n") -> Path:
        """Make an old file that ended so long ago."""
        path = self.backups().name(NOW - days_ago * DAY)
        path.write_text(content, encoding="utf-8")
        return path

    def names(self) -> list[str]:
        """Tell what is in the directory."""
        return sorted(path.name for path in self.directory.iterdir())


class NameTests(BackupsCase):
    """``name``."""

    def test_form(self) -> None:
        """The time, in UTC, stands before the end of the name."""
        name = self.backups().name(NOW)
        self.assertEqual(name, self.directory / "server-2026-01-31T12-30-15.250.log")

    def test_other_names(self) -> None:
        """A log may have any name, with or without an end."""
        for given_name, expected in (("log", "log-{}"), ("a.b.c", "a.b-{}.c"), (".x", ".x-{}")):
            backups = Backups(self.directory / given_name, 1, 0, False)
            self.assertEqual(backups.name(NOW).name, expected.format("2026-01-31T12-30-15.250"))

    def test_taken(self) -> None:
        """No old file is ever overwritten, be it compressed or not."""
        first = self.ended(0)
        second = self.ended(0)
        self.assertEqual(second.name, "server-2026-01-31T12-30-15.251.log")
        first.rename(first.with_name(first.name + ".gz"))
        self.assertEqual(self.ended(0).name, "server-2026-01-31T12-30-15.252.log")

    @given(st.floats(0, 4e9))
    def test_sorted(self, now: float) -> None:
        """Names sort as their times do."""
        earlier, later = self.backups().name(now), self.backups().name(now + 0.002)
        self.assertLess(earlier.name, later.name)


class TidyTests(BackupsCase):
    """``tidy``."""

    def test_number(self) -> None:
        """Of too many, the oldest go."""
        paths = [self.ended(days) for days in (3, 1, 2, 0)]
        self.backups(most=2).tidy(NOW)
        self.assertEqual(self.names(), sorted([paths[1].name, paths[3].name]))

    def test_none(self) -> None:
        """None may be kept, if that is wanted."""
        self.ended(0)
        self.backups(most=0).tidy(NOW)
        self.assertEqual(self.names(), [])

    def test_age(self) -> None:
        """What is older than it may be goes, by the time in its name."""
        kept, gone = self.ended(6.9), self.ended(7.1)
        os.utime(kept, (0, 0))
        self.backups(age=7 * DAY).tidy(NOW)
        self.assertEqual((kept.exists(), gone.exists()), (True, False))

    def test_any_age(self) -> None:
        """Without a limit of age, nothing is too old."""
        self.ended(10_000)
        self.backups().tidy(NOW)
        self.assertEqual(len(self.names()), 1)

    def test_compressed_count_too(self) -> None:
        """A compressed file is an old file like others."""
        paths = [self.ended(days) for days in (0, 1, 2)]
        self.backups(compress=True).tidy(NOW)
        self.backups(most=1, compress=True).tidy(NOW)
        self.assertEqual(self.names(), [paths[0].name + ".gz"])

    def test_compressed(self) -> None:
        """A compressed file holds the same, and has the rights and the time of the old."""
        content = "".join(f"line {n}\n" for n in range(10_000))
        path = self.ended(1, content)
        path.chmod(0o640)
        os.utime(path, (1_000_000_000, 1_000_000_000))
        self.backups(compress=True).tidy(NOW)
        packed = self.directory / (path.name + ".gz")
        self.assertEqual(self.names(), [packed.name])
        self.assertEqual(gzip.decompress(packed.read_bytes()).decode(), content)
        self.assertLess(packed.stat().st_size, len(content) / 2)
        self.assertEqual(stat.S_IMODE(packed.stat().st_mode), 0o640)
        self.assertEqual(packed.stat().st_mtime, 1_000_000_000)

    def test_not_compressed(self) -> None:
        """If that is not wanted, files stay as they are; so do those that are compressed."""
        packed = self.ended(2)
        self.backups(compress=True).tidy(NOW)
        plain = self.ended(1)
        self.backups().tidy(NOW)
        self.assertEqual(self.names(), sorted([plain.name, packed.name + ".gz"]))

    def test_killed_while_compressing(self) -> None:
        """What a compression that was cut short left goes, and it is done again."""
        path = self.ended(1, "whole\n")
        (self.directory / (path.name + ".gz.tmp")).write_bytes(b"half")
        self.backups(compress=True).tidy(NOW)
        packed = self.directory / (path.name + ".gz")
        self.assertEqual(self.names(), [packed.name])
        self.assertEqual(gzip.decompress(packed.read_bytes()), b"whole\n")

    def test_killed_after_compressing(self) -> None:
        """Of a file that is there in both forms the compressed one stays; they count as one."""
        other, path = self.ended(2), self.ended(1)
        packed = self.directory / (path.name + ".gz")
        packed.write_bytes(gzip.compress(b"whole\n"))
        self.backups(most=2, compress=False).tidy(NOW)
        self.assertEqual(self.names(), sorted([other.name, packed.name]))
        self.assertEqual(gzip.decompress(packed.read_bytes()), b"whole\n")

    def test_what_is_not_ours(self) -> None:
        """Nothing that only looks alike is touched, and never the log itself."""
        others = [
            "server.log",
            "server.log.1",
            "server-2026-01-31.log",
            "server-2026-01-31T12-30-15.250.log.bz2",
            "server-2026-99-31T12-30-15.250.log",
            "server-2026-01-31T12-30-15.250.log.gz.part",
            "xserver-2026-01-31T12-30-15.250.log",
            "server-2026-01-31T12-30-15.250xlog",
            "other-2026-01-31T12-30-15.250.log",
        ]
        for name in others:
            (self.directory / name).write_bytes(b"")
        self.backups(most=0, age=1.0, compress=True).tidy(NOW + 1000 * DAY)
        self.assertEqual(self.names(), sorted(others))

    def test_no_directory(self) -> None:
        """A directory that cannot be read is said, and fails nothing."""
        self.directory.rmdir()
        with capturedLogs() as events:
            self.backups().tidy(NOW)
        self.assertEqual([event["log_level"].name for event in events], ["warn"])

    def test_what_cannot_be_removed(self) -> None:
        """What cannot be removed is said; the rest is done."""
        stuck = self.backups().name(NOW - DAY)
        stuck.mkdir()
        gone = self.ended(2)
        with capturedLogs() as events:
            self.backups(most=0).tidy(NOW)
        self.assertEqual((stuck.exists(), gone.exists()), (True, False))
        [warning] = events
        self.assertIn("cannot remove", warning["log_format"])

    def test_no_room_to_compress(self) -> None:
        """When there is no room for the compressed file, the old one stays whole."""
        self.directory = mount(self, "size=64k")
        self.log = self.directory / "server.log"
        content = os.urandom(24 * 1024).hex()
        path = self.ended(1, content)
        with capturedLogs() as events:
            self.backups(compress=True).tidy(NOW)
        self.assertEqual((self.names(), path.read_text()), ([path.name], content))
        [warning] = events
        self.assertIn("cannot compress", warning["log_format"])
