"""Tests of ``import``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SkipTest

from hmacfs.blobs.interfaces import Passed
from hmacfs.cli import import_command
from hmacfs.ingest import foreign
from hmacfs.ingest.foreign import Foreign
from tests.blobs.samples import named
from tests.cli.storage_case import StorageCase

ITEM = """item({{
\t["key"] = "{key}";
\t["when"] = 1700000000;
\t["with"] = "romeo@example.org";
\t["attr"] = {{ ["filename"] = "{name}"; ["size"] = "{size}"; ["content-type"] = "image/x-t"; }};
}});
"""


class ImportTests(StorageCase):
    """Files of other servers."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.directory / "other"
        self.other.mkdir()

    def put(self, path: str, content: bytes) -> Path:
        """Make a file of the other server."""
        file = self.other / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (1700000000, 1700000000))
        return file

    def test_prosody_filer(self) -> None:
        """Files keep their paths and times; a second run finds them known, and none is lost."""
        self.put("ab/photo.jpg", b"hello")
        self.put("ab/c/été.txt", b"")
        self.put(".hmacfs/index.sqlite", b"not ours")
        (self.other / "link").symlink_to("/etc/passwd")
        (self.root / "cd").mkdir()
        dry = self.run_command("import", "-dry-run", "prosody-filer", str(self.other))
        self.assertIn("found    ab/photo.jpg", dry.lines)
        self.assertEqual([], self.run_command("ls").lines)
        done = self.run_command("import", "prosody-filer", str(self.other))
        self.assertEqual(1, done.code, done.err)
        self.assertEqual(
            [
                "passed   link: it is no file",
                "passed   .hmacfs/index.sqlite: names below .hmacfs are the server's own",
                "copied   ab/photo.jpg",
                "copied   ab/c/été.txt",
            ],
            done.lines,
        )
        self.assertIn("2 copied, 2 passed", done.err)
        self.assertEqual(b"hello", (self.root / "ab/photo.jpg").read_bytes())
        told = self.run_command("who", "ab/photo.jpg").out
        self.assertIn("uploaded: 2023-11-14T22:13:20Z", told)
        self.assertIn("type:     image/jpeg", told)
        self.put("ab/photo.jpg", b"other")
        again = self.run_command("import", "prosody-filer", str(self.other))
        self.assertIn("refused  ab/photo.jpg: another file has this name", again.lines)
        self.assertIn("1 known, 2 passed, 1 refused", again.err)
        self.assertEqual(b"hello", (self.root / "ab/photo.jpg").read_bytes())

    def test_swapped(self) -> None:
        """What is changed meanwhile for a link is not read; the other files come over."""
        for path in ("a/file", "b", "c"):
            self.put(path, b"hello")
        listed = foreign.of_prosody_filer

        def swapped(directory: Path) -> Iterator[Foreign | Passed]:
            found = list(listed(directory))
            (self.other / "a").rename(self.directory / "elsewhere")
            (self.other / "a").symlink_to(self.directory / "elsewhere")
            (self.other / "b").unlink()
            (self.other / "b").symlink_to("/etc/passwd")
            yield from found

        self.patch(import_command, "SOURCES", {"prosody-filer": swapped})
        done = self.run_command("import", "prosody-filer", str(self.other))
        self.assertEqual(1, done.code)
        told = ["passed   a/file: 'a' on the way to a/file is not a folder"]
        told += ["passed   b: it is no file", "copied   c"]
        self.assertEqual(sorted(told), sorted(done.lines))

    def test_file_share(self) -> None:
        """The list of Prosody tells name, type, uploader and time; bytes lie under the slot."""
        self.put("http_file_share/a%2db%5fc.bin", b"hello")
        self.put("http_file_share/cut.bin", b"he")
        slots = (("a-b_c", "très.jpg"), ("cut", "y.jpg"), ("unused", "z.jpg"))
        listed = "".join(ITEM.format(key=key, name=name, size=5) for key, name in slots)
        self.put("uploads.list", listed.encode())
        done = self.run_command("import", "file-share", str(self.other))
        self.assertEqual(1, done.code)
        told = ["copied   a-b_c/très.jpg", "passed   cut/y.jpg: it is not whole"]
        self.assertEqual(told, done.lines)
        self.assertEqual(b"hello", (self.root / "a-b_c/très.jpg").read_bytes())
        facts = self.run_command("who", "a-b_c/très.jpg").out
        for line in ("uploader: romeo@example.org", "type:     image/x-t", "2023-11-14T22:13:20Z"):
            self.assertIn(line, facts)

    def test_nothing(self) -> None:
        """What is not there, or is no list, is one sentence; a deleted name stays taken."""
        for kind in ("prosody-filer", "file-share"):
            done = self.run_command("import", kind, str(self.other / "nothing"))
            self.assertEqual(1, done.code)
            self.assertIn("No such file or directory", done.err)
        self.put("uploads.list", b"return {}")
        done = self.run_command("import", "file-share", str(self.other))
        self.assertEqual(1, done.code)
        self.assertIn("cannot be read: line 1 is not understood", done.err)
        (self.other / "uploads.list").unlink()
        self.put("a", b"hello")
        self.assertEqual(0, self.run_command("import", "prosody-filer", str(self.other)).code)
        self.assertEqual(0, self.run_command("rm", str(named("a"))).code)
        done = self.run_command("import", "prosody-filer", str(self.other))
        self.assertEqual(["refused  a: a file of this name was taken-down"], done.lines)

    def test_fresh(self) -> None:
        """A storage of which there is no index yet is made."""
        self.path.unlink()
        self.put("a", b"hello")
        done = self.run_command("import", "-json", "prosody-filer", str(self.other))
        self.assertEqual([{"outcome": "copied", "path": "a", "reason": ""}], done.values)
        self.assertEqual(["a"], self.run_command("ls").lines)

    def test_owner(self) -> None:
        """What root copies is the server's: files, folders, and what is internal."""
        if os.geteuid() != 0:
            raise SkipTest("only root gives files away")
        os.chown(self.root, 65534, 65534)
        self.put("ab/c/photo.jpg", b"hello")
        self.assertEqual(0, self.run_command("import", "prosody-filer", str(self.other)).code)
        for path in ("ab", "ab/c", "ab/c/photo.jpg"):
            self.assertEqual(65534, (self.root / path).stat().st_uid, path)
