"""Chained records on a stream that somebody else keeps, such as systemd's journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from hmacfs.observe.chain import GENESIS, PREVIOUS, START, Facts, sealed
from hmacfs.observe.chain_file import of_itself, torn


class ChainStream:
    """
    Writes records that hang together from the start of the process on.

    It blocks while nobody reads.

    :param descriptor: of the stream.
    :param text: whether records are text, else JSON.
    :param complain: is told in a sentence what is wrong, and when it no longer is.
    :param on_lost: is told how many records were lost.
    :param now: tells seconds since the epoch.
    :ivar fault: why nothing can be written; empty while it can.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        text: bool,
        complain: Callable[[str], object],
        on_lost: Callable[[int], object],
        now: Callable[[], float],
    ) -> None:
        self._descriptor = descriptor
        self._text = text
        self._complain = complain
        self._on_lost = on_lost
        self._now = now
        self._head = START
        self._lost = 0
        self._rest = b""
        self.fault = ""

    def write(self, facts: Facts) -> None:
        """Write a record."""
        data, head = b"\n" if self._rest else b"", self._head
        for each in (*self._due(), facts):
            line, head = sealed(each, head, text=self._text)
            data += line
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            self._rest += data[:written]
            self.lost(1)
            if not self.fault:
                self.fault = f"cannot write the audit log to standard output: {error.strerror}"
                self._complain(self.fault)
            return
        self._rest = b""
        self._head, self._lost = head, 0
        if self.fault:
            self.fault = ""
            self._complain("the audit log can be written to standard output again")

    def _due(self) -> Iterator[Facts]:
        more = torn(self._rest)
        if self._head == START:
            yield of_itself("begin", self._now(), {**more, PREVIOUS: GENESIS})
        elif more:
            yield of_itself("torn", self._now(), more)
        if self._lost:
            yield of_itself("lost", self._now(), {"records": self._lost})

    def lost(self, count: int) -> None:
        """Note that so many records never came here."""
        self._lost += count
        self._on_lost(count)

    def reopen(self) -> None:
        """Leave it as it is: a stream is open as long as the process."""

    def close(self) -> None:
        """Leave it to the process, which shares it."""
