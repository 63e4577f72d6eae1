"""The file that chained records are appended to, by several processes if need be."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hmacfs.base.moments import rfc3339
from hmacfs.observe.chain import EVENT, PREVIOUS, START, TORN_SHA256, Facts, Head, looks_cut, sealed
from hmacfs.observe.chain_files import Tail, last_of, tail
from hmacfs.observe.rotation import Rotation, append

MODE: Final = 0o600
"""What a new file may be to others: nothing."""

CALM: Final = 1.0
"""Seconds after its last fault that a file is sound: a small record may fit on a full disk."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def of_itself(action: str, now: float, more: Facts) -> Facts:
    """Make a record that the log has of itself."""
    return {"time": rfc3339(now, "milliseconds"), "event": EVENT, "action": action, **more}


def torn(rest: bytes) -> Facts:
    """Make the facts of a record that stands behind what is left of others, if that is anything."""
    if not rest:
        return {}
    return {"bytes": len(rest), TORN_SHA256: hashlib.sha256(rest).hexdigest()}


class ChainFile:
    """
    Appends records, each of which seals the one before it.

    A record that cannot be written is lost; how many were is the next that can.
    Everything here blocks and is for one thread.

    :param rotation: begins a new file.
    :param text: whether records are text, else JSON.
    :param complain: is told in a sentence what is wrong, and when it no longer is.
    :param on_lost: is told how many records were lost.
    :ivar fault: why nothing can be written; empty while it can.
    """

    def __init__(
        self,
        rotation: Rotation,
        *,
        text: bool,
        complain: Callable[[str], object],
        on_lost: Callable[[int], object],
    ) -> None:
        self._path: Path = rotation.backups.path
        self._rotation = rotation
        self._text = text
        self._complain = complain
        self._on_lost = on_lost
        self._seconds = rotation.seconds
        self._now = rotation.now
        self._descriptor: int | None = None
        self._head: Head | None = None
        self._end = -1
        self._lost = 0
        self._failed_at = self._seconds()
        self.fault = ""

    def write(self, facts: Facts) -> None:
        """Append a record."""
        if not self._written([facts]):
            self._lose(1)

    def lost(self, count: int) -> None:
        """Note that so many records never came here."""
        self._lose(count)
        self._written([])

    def reopen(self) -> None:
        """See whether it can be written; what was lost is told if it can."""
        self._written([])

    def close(self) -> None:
        """Close the file; what is written later opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _lose(self, count: int) -> None:
        self._lost += count
        self._on_lost(count)

    def _written(self, facts: list[Facts]) -> bool:
        self._rotation.see_to_old_files()
        try:
            with self._locked() as descriptor:
                self._append(descriptor, facts)
        except OSError as error:
            self._failed(error)
            return False
        if self.fault and self._seconds() >= self._failed_at + CALM:
            self.fault = ""
            self._complain(f"the audit log {self._path} can be written again")
        return True

    def _failed(self, error: OSError) -> None:
        was_fine = not self.fault
        self._failed_at = self._seconds()
        self.fault = f"cannot write the audit log {self._path}: {error.strerror or error}"
        if was_fine:
            self._complain(self.fault)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        # Another process may have put the file aside since it was opened.
        while True:
            descriptor = self._opened()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if self._is_current(descriptor):
                break
            self.close()
        try:
            yield descriptor
        finally:
            if self._descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _opened(self) -> int:
        if self._descriptor is None:
            descriptor = os.open(self._path, _FLAGS, MODE)
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                os.close(descriptor)
                raise OSError(errno.EINVAL, "it is no file")
            if (
                os.geteuid() == 0
                and state.st_uid == 0
                and state.st_size == 0
                and state.st_nlink == 1
            ):
                # The server has to go on with what a command of root began.
                owner = self._path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            self._descriptor = descriptor
            self._end = -1
        return self._descriptor

    def _is_current(self, descriptor: int) -> bool:
        try:
            named = self._path.lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))

    def _append(self, descriptor: int, facts: list[Facts]) -> None:
        size = os.fstat(descriptor).st_size
        found = Tail(self._head) if size == self._end else tail(descriptor, size)
        before = self._place(found)
        due = [*self._due(found, before), *facts]
        if not due:
            self._head, self._end = before, size
            return
        data, head = (b"" if found.ended else b"\n"), before
        for each in due:
            line, head = sealed(each, head, text=self._text)
            data += line
        append(descriptor, data)
        self._head, self._end, self._lost = head, size + len(data), 0
        if self._rotation.is_due(self._end) and self._rotation.put_aside(self._cannot_rotate):
            self.close()

    def _place(self, found: Tail) -> Head:
        # What this process has written itself counts more than a file that has less of it.
        # Before a new file others may have written more into the last one.
        last = last_of(self._path) if found.head is None else found.head
        return max((self._head or START, last or START), key=lambda head: head.seq)

    def _due(self, found: Tail, before: Head) -> Iterator[Facts]:
        more = torn(found.rest) if looks_cut(found.rest) else {}
        if found.head is None:
            yield of_itself("begin", self._now(), {**more, PREVIOUS: before.hash})
        elif more:
            yield of_itself("torn", self._now(), more)
        if self._lost:
            yield of_itself("lost", self._now(), {"records": self._lost})

    def _cannot_rotate(self, reason: str) -> None:
        self._complain(f"cannot begin a new audit log: {reason}")
