"""How a file is cut into chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import Unknown
from hmacfs.web.chunking import MAX_CHUNKS, STEP, Chunking


class ChunkingTests(SynchronousTestCase):
    """``Chunking``."""

    @given(st.integers(0, 1 << 63), st.integers(1024, 1 << 30))
    def test_cover(self, size: int, wanted: int) -> None:
        """The chunks cover the file once, are not too many, and as small as is wanted if so."""
        chunking = Chunking.of(size, wanted)
        self.assertLessEqual(chunking.count, MAX_CHUNKS)
        self.assertGreaterEqual(chunking.chunk_size, wanted)
        reached = 0
        for number in {1, 2, chunking.count - 1, chunking.count} & {*range(1, chunking.count + 1)}:
            start = chunking.start(str(number))
            self.assertEqual(start, (number - 1) * chunking.chunk_size)
            reached = max(reached, start + chunking.length(start))
        self.assertEqual(reached, size)
        if -(-size // wanted) <= MAX_CHUNKS:
            self.assertEqual(chunking.chunk_size, wanted)
        else:
            self.assertEqual(chunking.chunk_size % STEP, 0)

    def test_numbers(self) -> None:
        """Only the numbers from one to the last name a chunk."""
        chunking = Chunking(25, 10)
        self.assertEqual(
            [chunking.start(number) for number in ("1", "2", "3", "03")], [0, 10, 20, 20]
        )
        self.assertEqual([chunking.length(start) for start in (0, 10, 20)], [10, 10, 5])
        for number in ("0", "4", "-1", "1.0", "", "x", "٣", "1" * 5000):
            self.assertRaises(Unknown, chunking.start, number)
        self.assertRaises(Unknown, Chunking(0, 10).start, "1")
