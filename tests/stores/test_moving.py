"""Tests of moving what one store has into another."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores import moving
from hmacfs.stores.interfaces import Block, StoreFailed
from hmacfs.stores.memory import MemoryIndex
from hmacfs.stores.memory_state import MemoryState
from hmacfs.stores.moving import Moved
from hmacfs.stores.state import START, Delta, Entry, Named
from tests.flow.awaiting import now
from tests.stores.samples import buried, files, stored, tombstones
from tests.stores.state_suite import BEGIN, LATER


class Tired(MemoryIndex):
    """An index that fails after so many files."""

    left = 3

    def add(self, file: StoredFile) -> Deferred[None]:
        """Record a file, or fail."""
        if self.left == 0:
            raise StoreFailed("tired")
        self.left -= 1
        return super().add(file)


async def moved_index(source: MemoryIndex, target: MemoryIndex) -> list[Moved]:
    """Move all; return what became of it."""
    return [moved async for page in moving.move_index(source, target) for moved in page]


async def moved_state(source: MemoryState, target: MemoryState) -> list[Moved]:
    """Move all; return what became of it."""
    return [moved async for page in moving.move_state(source, target) for moved in page]


class IndexTests(SynchronousTestCase):
    """What is known of files."""

    @given(st.lists(files() | tombstones(), max_size=6), st.integers(1, 3))
    def test_all(self, known: list[StoredFile | Tombstone], page: int) -> None:
        """Files, tombstones and blocks are there afterwards, and nothing else; also twice."""
        source, target = MemoryIndex(), MemoryIndex()
        for fact in known:
            now(source.bury(fact) if isinstance(fact, Tombstone) else source.add(fact))
        now(source.block(b"\1" * 32, 5.0))
        self.patch(moving, "PAGE", page)
        for _ in range(2):
            told = now(moved_index(source, target))
            self.assertEqual(now(moving.count_index(source)) + 1, len(told))
            for read in ("page", "buried"):
                self.assertEqual(
                    now(getattr(source, read)("", 99)), now(getattr(target, read)("", 99))
                )
            self.assertEqual(now(target.blocked(b"", 9)), [Block(b"\1" * 32, 5.0)])

    def test_newer(self) -> None:
        """What the other index knows better stays: of a name, and that bytes are not taken."""
        source, target = MemoryIndex(), MemoryIndex()
        now(source.add(stored("a", uploaded_at=1.0)))
        now(source.add(stored("b", uploaded_at=3.0)))
        now(source.add(stored("c", sha256=b"\1" * 32)))
        now(target.bury(buried("a", 2.0)))
        now(target.bury(buried("b", 2.0)))
        now(target.block(b"\1" * 32, 1.0))
        told = now(moved_index(source, target))
        self.assertEqual(told, [Moved("file", kept=True), Moved("file"), Moved("file", kept=True)])
        self.assertEqual(now(target.find(stored("a").name)), buried("a", 2.0))
        self.assertEqual(now(target.find(stored("b").name)), stored("b", uploaded_at=3.0))

    def test_again(self) -> None:
        """A move that failed goes on when it is begun again."""
        source, target = MemoryIndex(), Tired()
        recorded = [stored(f"file-{number}") for number in range(9)]
        for file in recorded:
            now(source.add(file))
        with self.assertRaises(StoreFailed):
            now(moved_index(source, target))
        target.left = 6
        now(moved_index(source, target))
        self.assertEqual(now(target.page("", 99)), recorded)


class StateTests(SynchronousTestCase):
    """The shared state."""

    def test_all(self) -> None:
        """Entries come as they are, the newer of two stays, and changes count once."""
        source, target = MemoryState(lambda: BEGIN), MemoryState(lambda: BEGIN)
        mine = Named("nonce", "a", Entry(b"mine", 5, LATER))
        theirs = Named("nonce", "b", Entry(b"theirs", 9, LATER))
        for named in (mine, evolve(theirs, entry=Entry(b"old", 8, LATER))):
            now(source.restore(named))
        now(target.restore(theirs))
        delta = Delta("day", "u", 7, LATER)
        now(source.add(delta))
        for _ in range(2):
            told = now(moved_state(source, target))
            self.assertEqual(len(told), now(moving.count_state(source)))
            self.assertEqual(now(target.entries(START, 9)), [mine, theirs])
            self.assertEqual(now(target.total("day")), 7)
