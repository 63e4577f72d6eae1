"""Chained records on a stream that somebody else keeps, such as systemd's journal."""

from __future__ import annotations

import os
from collections.abc import Callable

from hmacfs.observe.chain import GENESIS, PREVIOUS, START, Facts, sealed
from hmacfs.observe.chain_file import of_itself


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
        self.fault = ""

    def write(self, facts: Facts) -> None:
        """Write a record."""
        due = []
        if self._head == START:
            due.append(of_itself("begin", self._now(), {PREVIOUS: GENESIS}))
        if self._lost:
            due.append(of_itself("lost", self._now(), {"records": self._lost}))
        data, head = b"", self._head
        for each in (*due, facts):
            line, head = sealed(each, head, text=self._text)
            data += line
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.lost(1)
            if not self.fault:
                self.fault = f"cannot write the audit log to standard output: {error.strerror}"
                self._complain(self.fault)
            return
        self._head, self._lost = head, 0
        if self.fault:
            self.fault = ""
            self._complain("the audit log can be written to standard output again")

    def lost(self, count: int) -> None:
        """Note that so many records never came here."""
        self._lost += count
        self._on_lost(count)

    def reopen(self) -> None:
        """Leave it as it is: a stream is open as long as the process."""

    def close(self) -> None:
        """Leave it to the process, which shares it."""
