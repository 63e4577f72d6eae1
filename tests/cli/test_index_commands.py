"""Tests of the commands about the index."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from unittest import SkipTest

from twisted.internet.defer import Deferred, fail

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.stores import backups
from tests.cli.storage_case import StorageCase
from tests.stores.samples import buried, stored

NOON = 1_700_000_000.0


class IndexCase(StorageCase):
    """A storage whose index can be lost."""

    @contextmanager
    def server(self) -> Iterator[None]:
        """Hold the lock of the storage, as a server does."""
        with (self.internal / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def keep(self, at: float = NOON) -> Path:
        """Make a copy of the index as a server does by itself."""
        return backups.keep(self.path, self.internal / "backup", at, 9)

    def lose(self) -> None:
        """Lose the index."""
        self.path.unlink()


class ReindexTests(IndexCase):
    """``reindex``."""

    def test_mends(self) -> None:
        """Files that are not known become known, rows without a file go, and all is told."""
        self.store("same", owner="romeo")
        self.place("new.png")
        self.store("longer")
        self.place("longer", b"more than before")
        self.record(stored("gone"))
        (self.root / "link").symlink_to("same")
        outcome = self.run_command("reindex")
        self.assertEqual(outcome.code, 0)
        self.assertEqual(
            sorted(outcome.lines),
            [
                "added    new.png",
                "changed  longer",
                "dropped  gone",
                "passed   link: it is neither a file nor a folder",
            ],
        )
        self.assertEqual(outcome.err, "1 added, 1 changed, 1 dropped, 1 passed\n")
        self.assertEqual(self.names(), ["longer", "new.png", "same"])
        new = self.known("new.png")
        assert isinstance(new, StoredFile)
        self.assertEqual((new.content_type, new.sha256), ("image/png", sha256(b"content").digest()))

    def test_agreement(self) -> None:
        """When there is nothing to mend that is said."""
        self.store("a")
        outcome = self.run_command("reindex")
        self.assertEqual((outcome.code, outcome.out), (0, ""))
        self.assertEqual(outcome.err, "the index agrees with the files\n")

    def test_dry_run(self) -> None:
        """A dry run tells what would be done, and does nothing."""
        self.place("new")
        self.record(stored("gone"))
        before = self.internal_files()
        outcome = self.run_command("reindex", "-dry-run")
        self.assertEqual((outcome.code, outcome.lines), (0, ["added    new", "dropped  gone"]))
        self.assertEqual(outcome.err, "1 added, 1 dropped (nothing was changed)\n")
        self.assertEqual(self.names(), ["gone"])
        self.assertEqual(self.internal_files(), sorted({*before, "stage"}))

    def test_json(self) -> None:
        """For programs each finding is an object; paths that are no text keep their bytes."""
        self.place(os.fsdecode(b"latin-\xe9"))
        (found,) = self.run_command("reindex", "-json").values
        self.assertEqual((found["found"], os.fsencode(found["path"])), ("passed", b"latin-\xe9"))

    def test_hostile(self) -> None:
        """Nothing that a file is called reaches the terminal as it is."""
        self.place("\x1b[2J")
        self.place("gpj.\u202eexe")
        for line in self.run_command("reindex").lines:
            self.assertTrue(line.isprintable(), line)

    def test_beside_a_server(self) -> None:
        """A server that has the storage does not stand in the way while there is an index."""
        self.place("new")
        with self.server():
            self.assertEqual(self.run_command("reindex").code, 0)
        self.assertEqual(self.names(), ["new"])

    def test_no_index_beside_a_server(self) -> None:
        """A server without its file of the index is not given another one."""
        self.lose()
        with self.server():
            outcome = self.run_command("reindex")
        self.assertEqual(outcome.code, 1)
        self.assertIn("another hmac-file-server is running", outcome.err)
        self.assertFalse(self.path.exists())

    def test_no_index(self) -> None:
        """Without index and copies all is told from the files."""
        self.store("a.txt", owner="romeo")
        self.lose()
        self.assertEqual(self.run_command("reindex").lines, ["added    a.txt"])
        file = self.known("a.txt")
        assert isinstance(file, StoredFile)
        self.assertEqual((file.owner, file.content_type), (None, "text/plain"))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_no_index_but_copies(self) -> None:
        """Without index it begins with the newest copy: rows, tombstones and blocks come back."""
        self.store("old", owner="romeo")
        self.record(buried("buried"))
        self.keep(NOON)
        self.store("newer", owner="juliet")
        copy = self.keep(NOON + 1)
        self.store("newest", owner="nurse")
        self.lose()
        self.place("buried")
        outcome = self.run_command("reindex")
        self.assertIn(f"began with its copy {copy}", outcome.err)
        self.assertEqual(
            sorted(outcome.lines),
            ["added    newest", "deleted  buried: it was deleted, its bytes are there"],
        )
        owners = [getattr(self.known(name), "owner", "?") for name in ("old", "newer", "newest")]
        self.assertEqual(owners, ["romeo", "juliet", None])

    def test_damaged_copy(self) -> None:
        """A copy that is damaged is passed over for an older one, and that is said."""
        self.store("old", owner="romeo")
        self.keep(NOON)
        self.keep(NOON + 1).write_bytes(b"damaged")
        self.lose()
        outcome = self.run_command("reindex")
        self.assertEqual(outcome.code, 0)
        self.assertIn("a copy is passed over", outcome.err)
        self.assertEqual(getattr(self.known("old"), "owner", "?"), "romeo")

    def test_new_index_and_copies(self) -> None:
        """In an index that was begun anew a file gets back what the newest copy knows of it."""
        file = self.store("file", owner="romeo", content_type="x/y")
        self.keep()
        self.lose()
        self.record()
        outcome = self.run_command("reindex")
        self.assertEqual(outcome.lines, ["added    file"])
        self.assertEqual(self.known("file"), file)
        # Nothing is left of the second copy that was read.
        self.assertEqual(len(list((self.internal / "backup").iterdir())), 1)

    def test_unreadable(self) -> None:
        """A file that cannot be read is told, and the exit code tells that as well."""

        def closed(blobs: LocalBlobs, name: StoredName) -> Deferred[None]:
            return fail(StorageFailed(f"cannot open {name}: Permission denied"))

        self.place("closed")
        self.patch(LocalBlobs, "open", closed)
        outcome = self.run_command("reindex")
        self.assertEqual(outcome.lines, ["failed   closed: cannot open closed: Permission denied"])
        self.assertEqual((outcome.code, outcome.err), (1, "1 failed\n"))

    def test_owner(self) -> None:
        """What root makes belongs to whom the storage belongs, so that the server can use it."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give files away")
        self.place("new")
        shutil.rmtree(self.internal)
        os.chown(self.root, 12345, 12346)
        self.assertEqual(self.run_command("reindex").code, 0)
        for path in (self.internal, *self.internal.iterdir()):
            status = path.stat()
            self.assertEqual((status.st_uid, status.st_gid), (12345, 12346), path)


class BackupTests(IndexCase):
    """``index backup``."""

    def test_backup(self) -> None:
        """A copy for the owner alone is made beside a server, again and again."""
        self.store("a")
        target = self.directory / "copy"
        with self.server():
            for _ in range(2):
                outcome = self.run_command("index", "backup", str(target))
                self.assertEqual((outcome.code, outcome.out), (0, ""))
                self.assertEqual(outcome.err, f"copied the index to {target}\n")
        self.assertEqual(target.stat().st_mode & 0o7777, 0o600)

    def test_refused(self) -> None:
        """No index, or no place for the copy, is a sentence and exit code 1."""
        outcome = self.run_command("index", "backup", str(self.directory / "no/where"))
        self.assertEqual(outcome.code, 1)
        self.assertIn("its directory must exist", outcome.err)
        self.lose()
        outcome = self.run_command("index", "backup", str(self.directory / "copy"))
        self.assertEqual((outcome.code, outcome.err), (1, f"there is no index {self.path}\n"))

    def test_usage(self) -> None:
        """An action and a file have to be given."""
        for arguments in (("index",), ("index", "backup"), ("index", "copy", "x")):
            self.assertEqual(self.run_command(*arguments).code, 2)


class RestoreTests(IndexCase):
    """``index restore``."""

    def setUp(self) -> None:
        super().setUp()
        self.store("old")
        self.copy = self.directory / "copy"
        self.run_command("index", "backup", str(self.copy))
        self.store("new")

    def test_restore(self) -> None:
        """The copy comes in the place of the index, which is kept."""
        outcome = self.run_command("index", "restore", str(self.copy))
        self.assertEqual(outcome.code, 0)
        self.assertIn(f"the one before is kept in {self.path}.replaced-1", outcome.err)
        self.assertEqual(self.names(), ["old"])
        # What came since is found again by its file.
        self.assertEqual(self.run_command("reindex").lines, ["added    new"])

    def test_beside_a_server(self) -> None:
        """While a server has the storage nothing is restored."""
        with self.server():
            outcome = self.run_command("index", "restore", str(self.copy))
        self.assertEqual(outcome.code, 1)
        self.assertIn("another hmac-file-server is running", outcome.err)
        self.assertEqual(self.names(), ["new", "old"])

    def test_refused(self) -> None:
        """What is no whole index is not restored."""
        self.copy.write_bytes(b"x" * 10_000)
        outcome = self.run_command("index", "restore", str(self.copy))
        self.assertEqual(outcome.code, 1)
        self.assertIn("no copy of an index", outcome.err)
        self.assertEqual(self.names(), ["new", "old"])
