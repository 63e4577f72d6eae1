"""Tests of hmacfs.config.source."""

from __future__ import annotations

import os
import pathlib

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.config.problems import ConfigError
from hmacfs.config.source import LARGEST_FILE, parse, read_text
from tests.config.files import write


class FileTests(SynchronousTestCase):
    """Files that can or cannot be used."""

    def refused(self, path: pathlib.Path) -> str:
        """Return the one sentence about a file, without its name."""
        error = self.assertRaises(ConfigError, read_text, path)
        assert isinstance(error, ConfigError)
        (problem,) = error.problems
        self.assertTrue(str(problem).startswith(str(path)))
        self.assertNotIn("\n", str(problem))
        return str(problem).removeprefix(str(path))

    def test_text(self) -> None:
        """A file of UTF-8 is read, with or without a byte order mark."""
        self.assertEqual(read_text(write(self, "# ключ")), "# ключ")
        self.assertEqual(read_text(write(self, b"\xef\xbb\xbfa = 1")), "a = 1")

    def test_missing(self) -> None:
        """A missing file is refused, with the way to make one."""
        self.assertEqual(
            self.refused(pathlib.Path(self.mktemp())),
            ": there is no such file, -genconfig-path makes one",
        )

    def test_directory(self) -> None:
        """A directory is no file."""
        path = pathlib.Path(self.mktemp())
        path.mkdir()
        self.assertEqual(self.refused(path), ": it is a directory, name a file in it")

    def test_pipe(self) -> None:
        """A pipe is refused and does not hold the program up."""
        path = pathlib.Path(self.mktemp())
        os.mkfifo(path)
        self.assertEqual(self.refused(path), ": it is not a regular file")

    def test_no_way_to_it(self) -> None:
        """A path that leads nowhere is refused with the system's words."""
        path = write(self, "a = 1") / "below"
        self.assertEqual(self.refused(path), ": it cannot be read: Not a directory")

    def test_unreadable(self) -> None:
        """A file that may not be read is refused with the system's words."""
        path = write(self, "a = 1", 0o000)
        if os.geteuid() == 0:
            # Root may read everything, so somebody else has to try.
            path.parent.parent.chmod(0o711)
            for directory in path.absolute().parents:
                if not directory.stat().st_mode & 0o001:
                    raise SkipTest("the test directory is closed to other users")
            os.seteuid(65534)
            self.addCleanup(os.seteuid, 0)
        self.assertEqual(self.refused(path), ": it cannot be read: Permission denied")

    def test_empty(self) -> None:
        """A file without content is no configuration."""
        for content in (b"", b" \n\t\n"):
            self.assertEqual(
                self.refused(write(self, content)), ": it is empty, -genconfig makes one"
            )

    def test_large(self) -> None:
        """Ten megabytes are no configuration, and are not read."""
        path = write(self, b"#" * 10 * 1024**2)
        self.assertEqual(self.refused(path), ": it is larger than 1 MB, this is no configuration")

    def test_largest(self) -> None:
        """One megabyte is read."""
        self.assertEqual(len(read_text(write(self, b"#" * LARGEST_FILE))), LARGEST_FILE)

    def test_binary(self) -> None:
        """A program is no configuration."""
        self.assertEqual(
            self.refused(write(self, b"\x7fELF\0\0")), ": it is not text, save it as UTF-8"
        )

    def test_wrong_encoding(self) -> None:
        """A text of another encoding is refused where it is not UTF-8."""
        content = "a = 1\n# größe".encode("latin-1")
        self.assertEqual(
            self.refused(write(self, content)), ":2:5: this is not UTF-8, save it as UTF-8"
        )

    def test_utf_16(self) -> None:
        """UTF-16, as some editors write it, is refused."""
        self.assertIn("save it as UTF-8", self.refused(write(self, "a = 1".encode("utf-16"))))

    def test_world_writable(self) -> None:
        """A file that everybody may write is not used."""
        path = write(self, "a = 1", 0o606)
        self.assertEqual(self.refused(path), f": everybody may write it, chmod o-w {path}")

    def test_group_writable(self) -> None:
        """A file that a group may write is not used, unless that is root's."""
        path = write(self, "a = 1", 0o660)
        if os.geteuid() == 0:
            os.chown(path, 0, 0)
            self.assertEqual(read_text(path), "a = 1")
            os.chown(path, 0, 65534)
        self.assertEqual(
            self.refused(path), f": others than its owner may write it, chmod g-w {path}"
        )


class ParseTests(SynchronousTestCase):
    """Texts that are no TOML."""

    def wrong(self, text: str) -> str:
        """Return the one sentence about a text."""
        error = self.assertRaises(ConfigError, parse, text, "f")
        assert isinstance(error, ConfigError)
        (problem,) = error.problems
        return str(problem)

    def test_tree(self) -> None:
        """A right text is a tree."""
        self.assertEqual(parse("a.b = 1", "f"), {"a": {"b": 1}})

    def test_place(self) -> None:
        """A mistake has its line and column."""
        self.assertTrue(
            self.wrong("a = 1\nb = \n").startswith("f:2:5: "), self.wrong("a = 1\nb = \n")
        )

    def test_unquoted(self) -> None:
        """A text without quotes is explained."""
        self.assertEqual(
            self.wrong("a = 1\nstorage_path = /srv/x\n"),
            "f:2:16: invalid value, text stands in quotes",
        )

    def test_end(self) -> None:
        """A text that ends too early is wrong at its end."""
        message = self.wrong('a = 1\nb = "x')
        self.assertTrue(message.startswith("f:2:7: "), message)
        self.assertTrue(message.endswith(", the text ends too early"), message)

    def test_twice(self) -> None:
        """A key that stands twice is explained."""
        self.assertEqual(
            self.wrong("a = 1\na = 2\n"), "f:2:6: cannot overwrite a value, keep one of them"
        )

    def test_long_number(self) -> None:
        """A number that nobody could mean is refused."""
        self.assertEqual(self.wrong(f"a = {'9' * 5000}"), "f: it has a number that is too long")

    def test_depth(self) -> None:
        """A text that is too deep is refused."""
        self.assertEqual(self.wrong("a = " + "[" * 100_000), "f: its lists or tables are too deep")
