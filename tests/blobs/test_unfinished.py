"""Tests of unfinished uploads, in memory and on a local file system."""

from __future__ import annotations

import stat
from itertools import count
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs import local_unfinished
from hmacfs.blobs.interfaces import Blobs, StorageFailed, StorageFull, Unfinished
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.local_unfinished import LocalUnfinished, LocalUnfinishedBlob
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.blobs.memory_unfinished import MemoryUnfinished
from hmacfs.flow.pools import InlinePool
from tests.blobs.descriptors import close_below, open_below
from tests.blobs.faulty import broken_once
from tests.blobs.unfinished_suite import make_unfinished_tests
from tests.flow.awaiting import now


class LocalKeeping:
    """A directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> tuple[Blobs, Unfinished]:
        """Begin to use it."""
        blobs = LocalBlobs(self.path, InlinePool())
        unfinished = LocalUnfinished(self.path, InlinePool())
        now(blobs.start())
        now(unfinished.start())
        return blobs, unfinished

    def crash(self) -> None:
        """Let go of it."""
        close_below(self.path)


class MemoryKeeping:
    """A memory, which a crash of its user does not harm."""

    def __init__(self, _: Path) -> None:
        self.blobs = MemoryBlobs(InlinePool())
        self.unfinished = MemoryUnfinished(self.blobs, InlinePool())

    def open(self) -> tuple[Blobs, Unfinished]:
        """Begin to use it."""
        return self.blobs, self.unfinished

    def crash(self) -> None:
        """Let go of it."""


LocalUnfinishedTests = make_unfinished_tests(LocalKeeping, "LocalUnfinishedTests")
MemoryUnfinishedTests = make_unfinished_tests(MemoryKeeping, "MemoryUnfinishedTests")


class MemoryTests(SynchronousTestCase):
    """What only the memory does."""

    def test_full(self) -> None:
        """Where there is no room for more, that is said."""
        keeping = MemoryKeeping(Path())
        keeping.unfinished.capacity = 3
        blob = now(keeping.unfinished.begin("key", b"facts"))
        with self.assertRaises(StorageFull):
            blob.write_at(2, b"ab")
        self.assertEqual(blob.read_at(0, 9), b"\0\0a")


class LocalTests(SynchronousTestCase):
    """What only a local file system does."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()
        self.sessions = self.path / INTERNAL_DIRECTORY / "sessions"
        self.addCleanup(close_below, self.path)
        self.open()

    def open(self, *, persistent: bool = True) -> None:
        """Begin as a process does."""
        close_below(self.path)
        self.unfinished = LocalUnfinished(self.path, InlinePool())
        now(self.unfinished.start(persistent=persistent))

    def begin(self, facts: bytes = b"facts") -> LocalUnfinishedBlob:
        """Begin an upload."""
        blob = now(self.unfinished.begin("key", facts))
        assert isinstance(blob, LocalUnfinishedBlob)
        return blob

    def journal(self) -> Path:
        """Tell where the facts lie."""
        return self.sessions / "key.journal"

    def test_torn(self) -> None:
        """Of a line that was not written to its end the one before holds, and the next follows."""
        blob = self.begin()
        blob.keep(b"kept")
        for torn in (b"0", b"00000000 others\n", b"\0\0\0", b"\n"):
            with self.journal().open("ab") as journal:
                journal.write(torn)
            self.open()
            self.assertEqual(now(self.unfinished.find("key")), b"kept")
        opened = now(self.unfinished.open("key"))
        assert opened is not None
        opened.keep(b"next")
        self.open()
        self.assertEqual(now(self.unfinished.find("key")), b"next")

    def test_long_journal(self) -> None:
        """A journal does not grow for ever."""
        blob = self.begin()
        self.patch(local_unfinished, "LONGEST_JOURNAL", 100)
        for number in range(200):
            blob.keep(b"facts %d" % number)
            self.assertLessEqual(self.journal().stat().st_size, 100)
        self.assertEqual(now(self.unfinished.find("key")), b"facts 199")
        names = {path.name for path in self.sessions.iterdir()}
        self.assertEqual(names, {"key", "key.journal"})

    def test_not_persistent(self) -> None:
        """If that is wished nothing of an earlier process is kept."""
        self.begin()
        self.open(persistent=False)
        self.assertEqual(list(self.sessions.iterdir()), [])

    def test_bytes_without_facts(self) -> None:
        """Bytes whose facts a crash came before are in nobody's way."""
        (self.sessions / "key").write_bytes(b"left")
        self.assertIsNone(now(self.unfinished.open("key")))
        self.assertEqual(self.begin().read_at(0, 9), b"")

    def test_left_by_a_crash(self) -> None:
        """Bytes without facts, and facts not in their place, are gone at the next start."""
        self.begin()
        for name in ("other", "third.new", "key.new"):
            (self.sessions / name).write_bytes(b"left")
        self.open()
        self.assertEqual({path.name for path in self.sessions.iterdir()}, {"key", "key.journal"})

    def test_begun_in_vain(self) -> None:
        """What cannot be begun leaves nothing, wherever the disk fails."""
        for at in count():
            patch = self.patch(local_unfinished, "os", broken_once(at))
            try:
                self.begin()
            except StorageFailed:
                self.assertEqual(list(self.sessions.iterdir()), [], at)
            else:
                break
            finally:
                patch.restore()
        self.assertGreater(at, 4)

    def test_sparse(self) -> None:
        """What was never written takes no room."""
        self.begin().write_at(1024**4, b"x")
        self.assertLess((self.sessions / "key").stat().st_blocks * 512, 1024**2)

    def test_descriptors(self) -> None:
        """What is closed holds no descriptor."""
        before = len(open_below(self.path))
        self.begin().close()
        now(self.unfinished.conclude("key", b"the end"))
        self.assertEqual(len(open_below(self.path)), before)
        now(self.unfinished.close())
        self.assertEqual(open_below(self.path), [])

    def test_modes(self) -> None:
        """Nobody else may read what is not a file yet."""
        self.begin()
        for path in self.sessions.iterdir():
            self.assertEqual(path.stat().st_mode & 0o007, 0)
        for folder in (self.sessions, self.sessions.parent / "stage"):
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)

    def test_opened_to_others(self) -> None:
        """A directory that others could look into is closed at the next start."""
        self.sessions.chmod(0o755)
        now(self.unfinished.close())
        now(self.unfinished.start())
        self.assertEqual(stat.S_IMODE(self.sessions.stat().st_mode), 0o700)
