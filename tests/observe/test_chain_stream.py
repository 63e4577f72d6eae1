"""Chained records on a stream."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.chain import Facts
from hmacfs.observe.chain_check import checked
from hmacfs.observe.chain_stream import ChainStream

FACTS: Facts = {"time": "2026-01-31T12:30:15.250Z", "event": "upload", "file": "a/b"}


class ChainStreamTests(SynchronousTestCase):
    """``ChainStream``."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.write)
        self.said: list[str] = []
        self.lost: list[int] = []
        self.stream = ChainStream(
            self.write,
            text=False,
            complain=self.said.append,
            on_lost=self.lost.append,
            now=lambda: 0.0,
        )

    def taken(self) -> bytes:
        """Take what was written out of the pipe."""
        return os.read(self.read, 1_000_000)

    def assert_whole(self, data: bytes, records: int, notes: int) -> None:
        """Fail unless this is a chain of so many records."""
        self.path.write_bytes(data)
        chain = checked(self.path)
        self.assertEqual((records, notes), (chain.records, len(chain.notes)))

    def test_written(self) -> None:
        """A chain begins with the process, and tells what was lost before it came there."""
        self.stream.write(FACTS)
        self.stream.lost(2)
        self.stream.reopen()
        self.stream.write(FACTS)
        self.stream.close()
        self.assert_whole(self.taken(), 4, 0)
        self.assertEqual(([2], []), (self.lost, self.said))
        os.close(self.read)

    def test_nobody_reads(self) -> None:
        """Where it cannot be written it says so once, and goes on when it can be."""
        self.stream.write(FACTS)
        data = self.taken()
        os.close(self.read)
        self.stream.write(FACTS)
        self.stream.write(FACTS)
        sentence = "cannot write the audit log to standard output: Broken pipe"
        self.assertEqual(([sentence], sentence, [1, 1]), (self.said, self.stream.fault, self.lost))
        self.read, write = os.pipe()
        self.addCleanup(os.close, self.read)
        os.dup2(write, self.write)
        os.close(write)
        self.stream.write(FACTS)
        self.assertEqual("", self.stream.fault)
        self.assert_whole(data + self.taken(), 4, 0)

    def test_torn(self) -> None:
        """A record that went out in part is told by the next."""
        os.set_blocking(self.write, False)
        large: Facts = {**FACTS, "file": "x" * 50_000}
        self.stream.write(large)
        self.stream.write(large)
        self.assertEqual([1], self.lost)
        data = self.taken()
        self.stream.write(FACTS)
        self.assert_whole(data + self.taken(), 5, 1)
        os.close(self.read)
