"""Whether all records of a chain are there, as they were written and in their order."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from attrs import define, field, frozen

from hmacfs.observe.chain import (
    GENESIS,
    LONGEST,
    PREVIOUS,
    TORN_SHA256,
    Head,
    Record,
    begins_with_record,
    looks_cut,
)
from hmacfs.observe.chain_files import Damaged, Line, family, is_compressed, lines


class Broken(Exception):
    """The chain is not whole; the message is where, as ``FILE:LINE``, and what is wrong there."""


@frozen
class Place:
    """A line of a file, the first being 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@define
class Chain:
    """
    What was seen of a chain.

    :param known: a place that it must have, as it was at some time.
    :ivar first: when its first record was written; ``last`` the last.
    :ivar head: its last record.
    :ivar notes: what whoever looks should know, though nothing is wrong with it.
    """

    known: Head | None = None
    files: int = 0
    records: int = 0
    first: str = ""
    last: str = ""
    head: Head | None = None
    notes: list[str] = field(factory=list)
    _rest: tuple[Place, bytes] | None = None
    _is_open: bool = False

    def take(self, place: Place, line: Line) -> None:
        """
        Look at the next line.

        :raises Broken: if it is not the one that has to be here.
        """
        record = Record.parse(line.data)
        if record is not None:
            self._settle(record)
        if record is None:
            if begins_with_record(line.data):
                raise Broken(f"{place}: something stands behind the record in this line")
            self._pass_over(place, line)
            return
        self._check(place, record)
        self.records += 1
        self.first = self.first or record.time
        self.last = record.time
        self.head = record.head

    def end_file(self) -> None:
        """
        Say that there are no more lines in this file.

        :raises Broken: if the last ones are no records.
        """
        self._settle(None)

    def end(self) -> None:
        """
        Say that there are no more files.

        :raises Broken: if something is missing.
        """
        if self.known is not None and (self.head is None or self.head.seq < self.known.seq):
            ends = "there is no record" if self.head is None else f"the last is {self.head.seq}"
            raise Broken(f"record {self.known.seq} was written and is missing: {ends}")

    def _pass_over(self, place: Place, line: Line) -> None:
        # The next record tells whether this is what a crash has left.
        if self._rest is not None:
            place, data = self._rest[0], b"\n".join((self._rest[1], line.data))
        else:
            data = line.data
        if len(data) > LONGEST:
            raise Broken(f"{place}: this is no record")
        self._rest = (place, data)
        self._is_open = not line.ended

    def _settle(self, record: Record | None) -> None:
        if self._rest is None:
            return
        (place, data), self._rest = self._rest, None
        digest = hashlib.sha256(data).hexdigest()
        if record is None and self._is_open and looks_cut(data):
            self.notes.append(f"{place}: the last record is cut short, as by a crash")
        elif record is not None and record.digest_of(TORN_SHA256) == digest:
            self.notes.append(f"{place}: a record was cut short, as by a crash; the next says so")
        else:
            raise Broken(f"{place}: this is no record")

    def _check(self, place: Place, record: Record) -> None:
        previous = record.digest_of(PREVIOUS)
        if self.head is None:
            if previous is None:
                raise Broken(f"{place}: what stood before record {record.seq} is missing")
            if record.seq == 1 and previous != GENESIS:
                raise Broken(f"{place}: the first record was changed")
            if record.seq > 1:
                gone = record.seq - 1
                self.notes.append(f"the records up to {gone} are in files that are gone")
        else:
            self._check_number(place, record.seq, self.head.seq)
            if previous not in (None, self.head.hash):
                raise Broken(f"{place}: record {record.seq} follows another record than that")
            previous = self.head.hash
        if not record.follows(previous):
            raise Broken(
                f"{place}: record {record.seq} is not as it was written, or what was before it"
            )
        if self.known is not None and record.seq == self.known.seq and record.head != self.known:
            raise Broken(f"{place}: record {record.seq} is another than the one that is known")

    def _check_number(self, place: Place, seq: int, last: int) -> None:
        if seq == last + 2:
            raise Broken(f"{place}: record {last + 1} is missing")
        if seq > last + 2:
            raise Broken(f"{place}: the records {last + 1} to {seq - 1} are missing")
        if seq <= last:
            raise Broken(f"{place}: record {seq} stands behind record {last}")


def checked(path: Path, known: Head | None = None) -> Chain:
    """
    Look at all files of a chain.

    A server may go on writing meanwhile.

    :param path: the one that is written, or was.
    :param known: a place that the chain must have.
    :raises Broken: at the first line where it is not whole.
    :raises OSError: if a file cannot be read.
    """
    while True:
        files = family(path)
        try:
            return _checked(files, known)
        except (Broken, FileNotFoundError):
            # A file may have been put aside, or compressed, under the reader.
            if files == family(path):
                raise


def _checked(files: list[Path], known: Head | None) -> Chain:
    chain = Chain(known)
    for each in files:
        chain.files += 1
        number = 0
        try:
            for number, line in enumerate(lines(each, _settled_size(each)), 1):
                chain.take(Place(each, number), line)
            chain.end_file()
        except Damaged as error:
            raise Broken(f"{Place(each, number + 1)}: the file is damaged: {error}") from None
    chain.end()
    return chain


def _settled_size(path: Path) -> int | None:
    # Whoever writes holds the lock until a record is whole.
    if is_compressed(path):
        return None
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return os.fstat(file.fileno()).st_size
