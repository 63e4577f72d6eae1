"""The file of chained records: several writers, crashes, rotation, and a disk that is full."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.observe.backups import Backups
from hmacfs.observe.chain import Facts
from hmacfs.observe.chain_check import Broken, Chain, checked
from hmacfs.observe.chain_file import ChainFile
from hmacfs.observe.rotation import Rotation
from tests.blobs.small_disk import mount

NOW = 1_769_862_615.25
FACTS: Facts = {"time": "2026-01-31T12:30:15.250Z", "event": "upload", "file": "a/b"}


class ChainFileCase(SynchronousTestCase):
    """A directory for an audit log."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.path = self.directory / "audit.log"
        self.seconds = 0.0
        self.said: list[str] = []
        self.lost: list[int] = []
        self.tidied = 0

    def file(self, largest: int = 0, *, text: bool = False) -> ChainFile:
        """Make a writer."""
        backups = Backups(self.path, 99, 0.0, compress=False)
        rotation = Rotation(backups, largest, self.tidy, lambda: self.seconds, lambda: NOW)
        return ChainFile(rotation, text=text, complain=self.said.append, on_lost=self.lost.append)

    def tidy(self) -> None:
        """Count how often it is asked for."""
        self.tidied += 1

    def check(self) -> Chain:
        """Check all that was written."""
        return checked(self.path)


class WritingTests(ChainFileCase):
    """Writers of one chain."""

    def test_first(self) -> None:
        """The first record says that nothing is before it, and nobody else may read the file."""
        self.file().write(FACTS)
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)
        self.assertEqual((2, []), (self.check().records, self.check().notes))

    def test_owner(self) -> None:
        """What root begins belongs to whom the directory does, who has to go on with it."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give files away")
        os.chown(self.directory, 1234, 1235)
        self.file().write(FACTS)
        state = self.path.stat()
        self.assertEqual((1234, 1235), (state.st_uid, state.st_gid))

    @given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.booleans())
    def test_several(self, turns: list[int], text: bool) -> None:
        """Whoever writes goes on behind what others wrote, also under another form."""
        self.path.unlink(missing_ok=True)
        files = [self.file(), self.file(text=text), self.file()]
        for turn in turns:
            files[turn].write(FACTS)
        self.assertEqual(1 + len(turns), self.check().records)
        for file in files:
            file.close()

    def test_restart(self) -> None:
        """The chain goes on over restarts, a new file, and one that somebody has moved."""
        self.file().write(FACTS)
        self.file().write(FACTS)
        self.path.rename(self.directory / "audit.log.1")
        writer = self.file()
        writer.write(FACTS)
        self.path.rename(self.directory / "audit.log.2")
        writer.write(FACTS)
        self.assertEqual((7, 3, []), (self.check().records, self.check().files, self.check().notes))

    def test_rotation(self) -> None:
        """A file that is large is put aside by whoever makes it so; the others notice."""
        first, second = self.file(600), self.file(600)
        for _ in range(10):
            first.write(FACTS)
            second.write(FACTS)
        chain = self.check()
        self.assertGreater(chain.files, 3)
        self.assertEqual(20 + chain.files, chain.records)
        self.assertGreaterEqual(self.tidied, chain.files - 1)
        self.assertEqual([], self.said)

    def test_no_rotation(self) -> None:
        """Where no new file can be begun the old one goes on, and that is said once."""
        writer = self.file(200)
        writer._rotation.backups = Backups(self.path / "x", 1, 0.0, compress=False)
        for _ in range(5):
            writer.write(FACTS)
        self.assertEqual(["cannot begin a new audit log: Not a directory"], self.said)
        self.assertEqual(6, self.check().records)

    def test_cut_under_the_writer(self) -> None:
        """Whoever takes the last records away while a server writes is found out."""
        writer = self.file()
        for _ in range(4):
            writer.write(FACTS)
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.path.write_bytes(b"".join(lines[:2]))
        writer.write(FACTS)
        error = self.assertRaises(Broken, self.check)
        self.assertIn("audit.log:3: the records 3 to 5 are missing", str(error))

    def test_stranger(self) -> None:
        """What is no record does not keep the log from going on, and is found."""
        self.path.write_bytes(b"hello\n")
        self.file().write(FACTS)
        error = self.assertRaises(Broken, self.check)
        self.assertIn("audit.log:1: this is no record", str(error))


class TornTests(ChainFileCase):
    """Files whose last record was cut short."""

    def test_any_place(self) -> None:
        """Wherever it was cut, whoever writes next says so, and the chain is whole."""
        self.file().write(FACTS)
        self.file().write(FACTS)
        whole = self.path.read_bytes()
        start = whole.rindex(b"\n", 0, -1) + 1
        for cut in range(start, len(whole)):
            self.path.write_bytes(whole[:cut])
            self.file().write(FACTS)
            chain = self.check()
            is_torn = start < cut < len(whole) - 1
            self.assertEqual(1 if is_torn else 0, len(chain.notes), cut)
            self.assertEqual(3 if cut == start else 4, chain.records, cut)
        # The same for what was cut short twice.
        self.path.write_bytes(whole[:-5])
        self.file().write(FACTS)
        self.path.write_bytes(self.path.read_bytes()[:-5])
        self.file().write(FACTS)
        self.assertEqual(2, len(self.check().notes))

    def test_nothing_but_torn(self) -> None:
        """Also the very first record may be cut short."""
        self.file().write(FACTS)
        whole = self.path.read_bytes()
        for cut in (1, 50, 200):
            self.path.write_bytes(whole[:cut])
            self.file().write(FACTS)
            self.assertEqual((2, 1), (self.check().records, len(self.check().notes)), cut)
            # Nor is it another matter when that which says so is cut short in its turn.
            again = self.path.read_bytes()
            for more in (1, 10, 100):
                self.path.write_bytes(again[: cut + more])
                self.file(text=True).write(FACTS)
                self.assertEqual((2, 1), (self.check().records, len(self.check().notes)), more)

    def test_changed_afterwards(self) -> None:
        """What is left of a record cannot be changed either."""
        self.file().write(FACTS)
        self.path.write_bytes(self.path.read_bytes()[:-5])
        self.file().write(FACTS)
        self.path.write_bytes(self.path.read_bytes().replace(b'"a/b"', b'"a/c"', 1))
        error = self.assertRaises(Broken, self.check)
        self.assertIn("audit.log:2: this is no record", str(error))

    def test_moved_before_it_was_noticed(self) -> None:
        """A file that was moved with half a record is told as that, and the next one follows."""
        self.file().write(FACTS)
        self.path.write_bytes(self.path.read_bytes()[:-5])
        self.path.rename(self.directory / "audit.log.1")
        self.file().write(FACTS)
        chain = self.check()
        self.assertEqual((3, 1), (chain.records, len(chain.notes)))


class FaultTests(ChainFileCase):
    """Where nothing can be written."""

    def test_no_directory(self) -> None:
        """What is lost is counted, and told by a record as soon as there can be one."""
        self.path = self.directory / "gone" / "audit.log"
        writer = self.file()
        writer.write(FACTS)
        writer.write(FACTS)
        self.assertEqual([1, 1], self.lost)
        sentence = f"cannot write the audit log {self.path}: No such file or directory"
        self.assertEqual(([sentence], sentence), (self.said, writer.fault))
        self.path.parent.mkdir()
        writer.reopen()
        self.assertEqual(sentence, writer.fault)
        self.seconds = 1.0
        writer.reopen()
        self.assertEqual("", writer.fault)
        self.assertIn(b'"action":"lost","records":2', self.path.read_bytes())
        self.assertEqual((2, []), (self.check().records, self.check().notes))
        writer.lost(3)
        self.assertIn(b'"records":3', self.path.read_bytes())

    def test_full_disk(self) -> None:
        """On a full disk no half record stays, and it goes on when there is room."""
        self.directory = mount(self, "size=64k")
        self.path = self.directory / "audit.log"
        writer = self.file()
        writer.write(FACTS)
        size = self.path.stat().st_size
        ballast = self.directory / "ballast"
        state = os.statvfs(self.directory)
        ballast.write_bytes(bytes(state.f_bavail * state.f_frsize))
        for _ in range(99):
            writer.write(FACTS)
        self.assertIn("No space left on device", writer.fault)
        self.assertGreaterEqual(self.path.stat().st_size, size)
        before = self.check().records
        ballast.unlink()
        writer.write(FACTS)
        chain = self.check()
        self.assertEqual((before + 2, []), (chain.records, chain.notes))
        self.assertEqual(99, sum(self.lost) + before - 2)

    def test_no_file(self) -> None:
        """A link, or a directory, is never written to."""
        target = self.directory / "target"
        self.path.symlink_to(target)
        self.file().write(FACTS)
        self.assertFalse(target.exists())
        self.path.unlink()
        os.mkfifo(self.path)
        self.file().write(FACTS)
        self.assertEqual([1, 1], self.lost)
        self.assertIn("it is no file", self.said[-1])
