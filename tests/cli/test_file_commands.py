"""Tests of the commands about stored files."""

from __future__ import annotations

import argparse
import fcntl
import os
import sqlite3
import subprocess
from contextlib import closing
from hashlib import sha256

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.values import Tombstone
from hmacfs.cli.command import CommandFailed
from hmacfs.cli.file_commands import PAGE, digest_of, files, name_of
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import named
from tests.cli.command import COMMAND, ROOT
from tests.cli.storage_case import Outcome, StorageCase
from tests.flow.awaiting import now
from tests.stores.samples import buried, stored

DIGEST = sha256(b"content").hexdigest()


class VersionsTests(StorageCase):
    """``versions``."""

    def setUp(self) -> None:
        super().setUp()
        self.store("folder/a", b"new")
        self.store("folder/b", b"other")
        for number in range(3):
            version = named("folder/a").version(f"{number}-x")
            self.record(
                evolve(stored("folder/a", size=number, uploaded_at=float(number)), name=version)
            )

    def test_listed(self) -> None:
        """The versions of a file are listed, the newest first; of another file there are none."""
        found = self.run_command("versions", "folder/a", "-json").values
        self.assertEqual([each["id"] for each in found], ["2-x", "1-x", "0-x"])
        self.assertEqual({each["name"] for each in found}, {"folder/a"})
        lines = self.run_command("versions", "https://x.example/upload/folder/a").lines
        self.assertEqual(next(line.split()[:2] for line in lines), ["2-x", "2"])
        self.assertEqual(self.run_command("versions", "folder/b"), Outcome(0, "", ""))

    def test_elsewhere(self) -> None:
        """They are no files of their own to ``ls``, and cannot be named to be removed."""
        self.assertEqual(self.run_command("ls").lines, ["folder/a", "folder/b"])
        inside = str(named("folder/a").version("1-x"))
        self.assertEqual(self.run_command("rm", inside).code, 2)

    def test_removed(self) -> None:
        """They go with their file."""
        self.assertEqual(self.run_command("rm", "folder/a").code, 0)
        gone = self.run_command("versions", "folder/a")
        self.assertEqual((gone.code, gone.lines), (1, []))
        self.assertIn("folder/a: there is no such file", gone.err)
        self.assertEqual(self.names(), ["folder/b"])

    def test_reindex(self) -> None:
        """``reindex`` passes over the bytes of versions; rows whose bytes are gone go."""
        for id in ("0-x", "9-x"):
            self.place(str(named("folder/a").version(id)), b"")
        found = self.run_command("reindex", "-json").values
        self.assertEqual([each["found"] for each in found], ["dropped", "dropped"])
        (kept,) = self.run_command("versions", "folder/a", "-json").values
        self.assertEqual(kept["id"], "0-x")


class NameTests(SynchronousTestCase):
    """``name_of``."""

    def name(self, text: str, prefix: str = "upload") -> str:
        """Read a name."""
        return str(name_of(text, Settings.of({options.SERVER_UPLOAD_PREFIX: prefix})))

    def test_name(self) -> None:
        """A name is taken as it is: nothing is decoded and no prefix is taken off."""
        for text in ("a/b.txt", "upload/a", "a%20b", "http:/a", "ü 😀"):
            self.assertEqual(self.name(text), text)

    def test_url(self) -> None:
        """Of a URL the path counts, decoded, without the prefix; host and query do not."""
        for url in (
            "https://files.example.org/upload/a/b%20%C3%BC.txt",
            "HTTP://127.0.0.1:8080/upload/a/b%20ü.txt?v=00#x",
            "https://files.example.org/download/a/b%20%C3%BC.txt",
        ):
            self.assertEqual(self.name(url), "a/b ü.txt")
        self.assertEqual(self.name("https://files.example.org/a/b", ""), "a/b")

    def test_refused(self) -> None:
        """What cannot name a file is a mistake in the usage, said without control characters."""
        for text in (
            "",
            "/a",
            "a//b",
            "../a",
            ".hmacfs/index.sqlite",
            "a\x1b",
            "https://x",
            "a\udcff",
        ):
            with self.assertRaises(CommandFailed) as caught:
                self.name(text)
            self.assertEqual(caught.exception.code, 2)
            self.assertTrue(str(caught.exception).isprintable())
        with self.assertRaises(CommandFailed):
            self.name("https://[::1/a")


class DigestTests(SynchronousTestCase):
    """``digest_of``."""

    def test_digest(self) -> None:
        """Capitals or not are alike."""
        self.assertEqual(digest_of("0A" * 32), digest_of("0a" * 32))

    def test_refused(self) -> None:
        """What has not 64 hexadecimal digits is refused."""
        for text in ("", "00" * 31, "00" * 33, "zz" * 32, "0" * 63):
            with self.assertRaises(argparse.ArgumentTypeError):
                digest_of(text)


class FilesTests(SynchronousTestCase):
    """``files``."""

    def test_pages(self) -> None:
        """All files are told in order, over pages, and with a prefix those that have it."""
        index = MemoryIndex()
        names = [f"{folder}/{number:04}" for folder in "abc" for number in range(PAGE // 2)]
        for name in names:
            now(index.add(stored(name)))

        async def told(prefix: str) -> list[str]:
            return [str(file.name) async for file in files(index, prefix)]

        self.assertEqual(now(told("")), names)
        self.assertEqual(now(told("b")), [name for name in names if name.startswith("b")])
        self.assertEqual(now(told("b/0007")), ["b/0007"])
        self.assertEqual(now(told("b/0007x")), [])


class LsTests(StorageCase):
    """``ls``."""

    def test_names(self) -> None:
        """Names are listed in their order, one a line."""
        for name in ("b", "a/2", "a/1"):
            self.store(name)
        self.record(buried("a/0"))
        self.assertEqual(self.run_command("ls").lines, ["a/1", "a/2", "b"])
        self.assertEqual(self.run_command("ls", "a/").lines, ["a/1", "a/2"])

    def test_nothing(self) -> None:
        """An empty list is no failure."""
        outcome = self.run_command("ls", "none")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (0, "", ""))

    def test_long(self) -> None:
        """The long form shows size, time, uploader and type."""
        self.store("a/1", owner="romeo", content_type="image/png")
        self.store("b", b"")
        for flag in ("-long", "--long"):
            self.assertEqual(
                self.run_command("ls", flag).lines,
                [
                    "             7 2023-11-14T22:13:20Z romeo image/png a/1",
                    "             0 2023-11-14T22:13:20Z - text/plain b",
                ],
            )

    def test_json(self) -> None:
        """For programs each line is a file with all its facts; the flag may stand anywhere."""
        self.store("a", owner="romeo")
        for arguments in (("ls", "-json"), ("-json", "ls"), ("ls", "--json", "a")):
            (file,) = self.run_command(*arguments).values
            self.assertEqual((file["name"], file["owner"], file["sha256"]), ("a", "romeo", DIGEST))

    def test_hostile(self) -> None:
        """Nothing that a stranger wrote reaches the terminal as it is."""
        self.store("gpj.\u202eexe", owner="\x1b[2J", content_type="text/\u200bplain")
        for arguments in (("ls", "-long"), ("ls", "-json"), ("who", "gpj.\u202eexe")):
            for line in self.run_command(*arguments).lines:
                self.assertTrue(line.isprintable(), line)

    def test_no_index(self) -> None:
        """Without an index that is said, and none is made."""
        self.path.unlink()
        outcome = self.run_command("ls")
        self.assertEqual(outcome.code, 1)
        self.assertIn(f"there is no index {self.path}", outcome.err)
        self.assertEqual(self.internal_files(), [])

    def test_foreign_index(self) -> None:
        """A file that is no index is a sentence, not a traceback."""
        self.path.unlink()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE t (x)")
        outcome = self.run_command("ls")
        self.assertEqual(outcome.code, 1)
        self.assertIn("is not an index of this server", outcome.err)

    def test_reader_that_has_enough(self) -> None:
        """A reader that closes the pipe early ends the list without a word."""
        self.record(*(stored(f"{number:0200}") for number in range(2000)))
        ended = subprocess.run(
            ["sh", "-c", '"$@" | head -n 1', "sh", *COMMAND, "-config", str(self.config), "ls"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual((ended.stdout, ended.stderr), (f"{0:0200}\n", ""))


class WhoTests(StorageCase):
    """``who``."""

    def test_facts(self) -> None:
        """All that is known of a file is told, whether it is named or its URL is given."""
        self.store("a/b c", owner="romeo@example.org", expires_at=1_700_000_060.0, metadata="{}")
        for given in ("a/b c", "https://files.example.org/upload/a/b%20c?x"):
            outcome = self.run_command("who", given)
            self.assertEqual(outcome.code, 0)
            self.assertEqual(
                outcome.lines,
                [
                    "name:     a/b c",
                    "uploader: romeo@example.org",
                    "uploaded: 2023-11-14T22:13:20Z",
                    "expires:  2023-11-14T22:14:20Z",
                    "size:     7 bytes",
                    "type:     text/plain",
                    f"sha256:   {DIGEST}",
                    "metadata: {}",
                ],
            )

    def test_nobody(self) -> None:
        """That nobody knows the uploader is said."""
        self.store("a")
        lines = self.run_command("who", "a").lines
        self.assertIn("uploader: not known: the signature did not say", lines)
        self.assertIn("expires:  never", lines)

    def test_json(self) -> None:
        """For programs it is one object."""
        self.store("a", owner="romeo")
        (file,) = self.run_command("who", "a", "-json").values
        self.assertEqual((file["owner"], file["expires_at"]), ("romeo", None))

    def test_unknown(self) -> None:
        """A name without a file fails; one that had a file tells what became of it."""
        self.record(buried("gone", at=1_700_000_000.0))
        outcome = self.run_command("who", "never")
        self.assertEqual((outcome.code, outcome.err), (1, "never: there is no such file\n"))
        outcome = self.run_command("who", "gone")
        self.assertEqual(outcome.code, 1)
        self.assertEqual(outcome.err, "gone: it was deleted at 2023-11-14T22:13:20Z\n")


class RmTests(StorageCase):
    """``rm``."""

    def test_path(self) -> None:
        """The file and its row go, and a tombstone stays."""
        self.store("a/b")
        self.store("a/c")
        outcome = self.run_command("rm", "a/b")
        self.assertEqual((outcome.code, outcome.out), (0, "removed a/b\n"))
        grave = self.known("a/b")
        assert isinstance(grave, Tombstone)
        self.assertEqual(grave.reason, "taken-down")
        self.assertFalse((self.root / "a/b").exists())
        self.assertTrue((self.root / "a/c").exists())
        self.assertEqual(self.names(), ["a/c"])

    def test_beside_a_server(self) -> None:
        """A server that has the storage does not stand in the way."""
        self.store("a")
        with (self.internal / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.run_command("rm", "a").code, 0)

    def test_again(self) -> None:
        """What is not there, or not any more, fails."""
        self.store("a")
        self.run_command("rm", "a")
        outcome = self.run_command("rm", "a")
        self.assertEqual((outcome.code, outcome.err), (1, "a: this file was taken-down\n"))
        outcome = self.run_command("rm", "never")
        self.assertEqual((outcome.code, outcome.err), (1, "never: there is no such file\n"))

    def test_digest(self) -> None:
        """Every file of the bytes goes, others stay, and the bytes may come again."""
        for name in ("a", "b/c"):
            self.store(name)
        self.store("other", b"other")
        outcome = self.run_command("rm", "-sha256", DIGEST.upper(), "-json")
        self.assertEqual(
            (outcome.code, outcome.values), (0, [{"removed": "a"}, {"removed": "b/c"}])
        )
        self.assertEqual(self.names(), ["other"])
        self.store("again")
        self.assertEqual(self.run_command("rm", "--sha256", "00" * 32).code, 1)

    def test_block(self) -> None:
        """Blocked bytes are not taken any more, also when no file has them yet."""
        self.store("a")
        for _ in range(2):
            self.assertEqual(self.run_command("rm", "-sha256", DIGEST, "-block").code, 0)
        self.assertEqual(self.names(), [])
        self.place("again")
        outcome = self.run_command("reindex")
        self.assertEqual(outcome.lines, ["blocked  again: these bytes are not taken here"])
        self.assertEqual(self.names(), [])

    def test_usage(self) -> None:
        """A command line that names nothing, or two things, or no digest, is a mistake."""
        self.store("a")
        for arguments in (
            (),
            ("a", "-sha256", DIGEST),
            ("-sha256", "x"),
            ("a", "-block"),
            ("../a",),
            ("a", "b"),
        ):
            self.assertEqual(self.run_command("rm", *arguments).code, 2, arguments)
        self.assertEqual(self.names(), ["a"])

    def test_option_after(self) -> None:
        """The configuration may be named after the command, and then counts."""
        self.store("a")
        outcome = self.run_command("rm", "a", "--config", str(self.directory / "missing.toml"))
        self.assertEqual(outcome.code, 2)
        self.assertIn("missing.toml: there is no such file", outcome.err)
        self.assertEqual(self.names(), ["a"])
