"""What a check of a chain of records sees, whatever was done to it."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.chain import GENESIS, PREVIOUS, START, Facts, Head, Record, sealed
from hmacfs.observe.chain_check import Broken, Chain, checked
from hmacfs.observe.chain_file import of_itself

NASTY = 'a b" hash=00\n\x1b\u202e\udc80,"previous":"' + GENESIS + '"'


def facts_of(number: int) -> Facts:
    """Make the facts of a record, with what strangers may put into a name."""
    return {"time": "2026-01-31T12:30:15.250Z", "event": "upload", "file": NASTY, "size": number}


def chain_of(count: int, *, text: bool = False) -> list[bytes]:
    """Write a chain of so many records, as lines."""
    written, head = [], START
    first = of_itself("begin", 0.0, {PREVIOUS: GENESIS})
    for facts in (first, *map(facts_of, range(1, count))):
        line, head = sealed(facts, head, text=text)
        written.append(line)
    return written


JSON, TEXT = b"".join(chain_of(6)), b"".join(chain_of(6, text=True))


class ChainCase(SynchronousTestCase):
    """A directory with an audit log."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "audit.log"

    def check(self, data: bytes, known: Head | None = None) -> Chain:
        """Check a file of these bytes."""
        self.path.write_bytes(data)
        return checked(self.path, known)

    def assert_broken(self, where: str, what: str, data: bytes, known: Head | None = None) -> None:
        """Fail unless the check says this of the bytes."""
        error = self.assertRaises(Broken, self.check, data, known)
        self.assertEqual(f"{self.path}{where}: {what}" if where else what, str(error))


class WholeTests(ChainCase):
    """Chains that nobody has touched."""

    def test_whole(self) -> None:
        """Records in JSON, in text, or first one and then the other are whole."""
        head = START
        mixed = b""
        for number, line in enumerate(chain_of(6)):
            record = Record.parse(line[:-1])
            assert record is not None
            facts = facts_of(number)
            if number == 0:
                facts = of_itself("begin", 0.0, {PREVIOUS: GENESIS})
            data, head = sealed(facts, head, text=number % 2 == 1)
            mixed += data
        for data in (JSON, TEXT, mixed):
            chain = self.check(data)
            self.assertEqual((6, 1, []), (chain.records, chain.files, chain.notes))
            self.assertEqual("2026-01-31T12:30:15.250Z", chain.last)
            self.assertEqual(6, data.count(b"\n"))
            self.assertTrue(data.decode().replace("\n", "").isprintable())

    def test_files(self) -> None:
        """Files that were put aside, also compressed or by logrotate, are read in their order."""
        lines = chain_of(6)
        head = Record.parse(lines[3][:-1])
        assert head is not None
        begin, _ = sealed(of_itself("begin", 0.0, {PREVIOUS: head.hash}), head.head, text=False)
        names = ("audit-2026-01-31T12-30-15.250.log", "audit.log.2.gz", "audit.log.1", "audit.log")
        parts = (lines[:1], lines[1:2], lines[2:4], [begin])
        for name, part in zip(names, parts, strict=True):
            data = b"".join(part)
            packed = gzip.compress(data) if name.endswith(".gz") else data
            (self.directory / name).write_bytes(packed)
        (self.directory / "audit.log.3").touch()
        (self.directory / "audited.log").write_text("something else\n")
        chain = checked(self.path)
        self.assertEqual((5, 4, []), (chain.records, chain.files, chain.notes))
        self.directory.joinpath(names[0]).unlink()
        error = self.assertRaises(Broken, checked, self.path)
        self.assertIn("audit.log.2.gz:1: what stood before record 2 is missing", str(error))
        self.directory.joinpath(names[1]).write_bytes(b"\x1f\x8b rubbish")
        error = self.assertRaises(Broken, checked, self.path)
        self.assertIn("audit.log.1:1: what stood before record 3 is missing", str(error))

    def test_old_files_gone(self) -> None:
        """Where the oldest files are gone the rest is whole, and it is told from where on."""
        lines = chain_of(3)
        record = Record.parse(lines[2][:-1])
        assert record is not None
        begin, _ = sealed(of_itself("begin", 0.0, {PREVIOUS: record.hash}), record.head, text=True)
        chain = self.check(begin)
        self.assertEqual(["the records up to 3 are in files that are gone"], chain.notes)


class ChangedTests(ChainCase):
    """Chains that somebody has changed."""

    def setUp(self) -> None:
        super().setUp()
        self.lines = chain_of(6)

    def assert_told(self, data: bytes) -> None:
        """Fail if bytes that are not the original pass without a word."""
        with contextlib.suppress(Broken):
            chain = self.check(data)
            # Without the end of its last line a record says the same.
            is_same = data in (JSON[:-1], TEXT[:-1])
            # That the last records are missing no record can tell.
            is_cut = data.endswith(b"\n") and (JSON.startswith(data) or TEXT.startswith(data))
            self.assertTrue(chain.notes or is_same or is_cut, data)

    @given(st.sampled_from((JSON, TEXT)), st.data())
    def test_any_byte(self, original: bytes, data: st.DataObject) -> None:
        """No byte can be changed, put in or taken out without the check saying so."""
        place = data.draw(st.integers(0, len(original) - 1))
        byte = data.draw(st.binary(min_size=1, max_size=1))
        if original[place : place + 1] != byte:
            self.assert_told(original[:place] + byte + original[place + 1 :])
        self.assert_told(original[:place] + original[place + 1 :])
        if original[place : place + 1] != byte:
            self.assert_told(original[:place] + byte + original[place:])

    @given(st.permutations(range(6)), st.integers(1, 6))
    def test_any_lines(self, order: list[int], count: int) -> None:
        """No whole lines can be left out before the last, or put in another order."""
        kept = order[:count]
        data = b"".join(self.lines[number] for number in kept)
        if kept == list(range(count)):
            self.assertEqual(count, self.check(data).records)
        else:
            self.assertRaises(Broken, self.check, data)

    def test_sentences(self) -> None:
        """What is wrong is said with the first line where it shows."""
        one, two, three, four, five, six = self.lines
        changed = three.replace(b"upload", b"delete")
        for where, what, lines in (
            (":3", "record 3 is not as it was written, or what was before it", (one, two, changed)),
            (":2", "record 2 is missing", (one, three)),
            (":2", "the records 2 to 4 are missing", (one, five)),
            (":4", "record 2 stands behind record 3", (one, two, three, two)),
            (":1", "what stood before record 2 is missing", (two, three)),
            (":3", "this is no record", (one, two, b"hello\n", three)),
            (":2", "this is no record", (one, b"\n", two)),
            (":2", "something stands behind the record in this line", (one, two[:-1], b" \n")),
        ):
            with self.subTest(what=what):
                self.assert_broken(where, what, b"".join(lines))
        self.assert_broken(":2", "this is no record", one + b"x" * 3_000_000)
        again, _ = sealed(of_itself("begin", 0.0, {PREVIOUS: GENESIS}), START, text=False)
        self.assert_broken(":7", "record 1 stands behind record 6", JSON + again)
        self.assert_broken(
            ":6",
            "record 6 is not as it was written, or what was before it",
            b"".join((one, two, three, four, five, six.replace(b"5", b"6", 1))),
        )

    def test_head(self) -> None:
        """A record that is known from elsewhere shows what all of the chain cannot."""
        record = Record.parse(self.lines[5][:-1])
        assert record is not None
        self.assertEqual(6, self.check(JSON, record.head).records)
        cut = b"".join(self.lines[:4])
        self.assert_broken(
            "", "record 6 was written and is missing: the last is 4", cut, record.head
        )
        self.assert_broken(
            "", "record 6 was written and is missing: there is no record", b"", record.head
        )
        what = "record 6 is another than the one that is known"
        self.assert_broken(":6", what, TEXT, record.head)
        self.assertEqual(record.head, Head.parse(str(record.head)))
        for wrong in ("6", "6:ab", f"x:{GENESIS}", f"6:{GENESIS}0"):
            self.assertRaises(ValueError, Head.parse, wrong)

    def test_torn(self) -> None:
        """A record that is cut short is told as that at the end, and nowhere else."""
        chain = self.check(JSON[:-30])
        self.assertEqual(
            [f"{self.path}:6: the last record is cut short, as by a crash"], chain.notes
        )
        self.assertEqual(5, chain.records)
        cut = JSON.replace(self.lines[4], self.lines[4][:-30] + b"\n")
        self.assert_broken(":5", "this is no record", cut)
        self.assert_broken(":7", "this is no record", JSON + b"hello")


def damages() -> Iterator[bytes]:
    """Make compressed files that are not whole."""
    packed = gzip.compress(JSON)
    yield packed[:-20]
    yield packed[:20] + b"\xff" + packed[21:]


class DamagedTests(ChainCase):
    """Compressed files that cannot be read to their end."""

    def test_damaged(self) -> None:
        """They are told as damaged."""
        for data in damages():
            path = self.directory / "audit-2026-01-31T12-30-15.250.log.gz"
            path.write_bytes(data)
            error = self.assertRaises(Broken, checked, self.path)
            self.assertIn(f"{path.name}:", str(error))
