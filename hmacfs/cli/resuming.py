"""An upload that goes on when the network comes back, or the command is called again."""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from attrs import define, field, frozen

from hmacfs.cli import upload
from hmacfs.cli.upload import Answer

HEADER: Final = "X-Session-Token"

RESUMED_FROM: Final = 1024 * 1024
"""Bytes from which on a file is not sent again where a part of it is there."""

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be others a moment later."""

_SAVED: Final = frozenset({409})
"""Statuses that tell where to go on, if they tell an offset."""


def token_of(url: str, path: Path, status: os.stat_result) -> str:
    """Make the token of a file that goes to a URL: the same again while neither changes."""
    facts = (url, str(path.resolve()), str(status.st_size), str(status.st_mtime_ns))
    return hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


@frozen
class Backoff:
    """
    Waits longer and longer, and never twice as long as others that began together.

    :ivar tries: how often to try in a row without a byte more.
    :ivar first: seconds; the longest that the first wait may be.
    :ivar longest: seconds.
    :ivar random: tells a number from 0 to 1.
    """

    tries: int
    random: Callable[[], float]
    sleep: Callable[[float], object]
    first: float = 1.0
    longest: float = 60.0

    def wait(self, failures: int, asked: float) -> float:
        """Tell how long to wait after so many failures in a row, of which the server asked some."""
        most = min(self.longest, self.first * 2.0 ** (failures - 1))
        return asked + most * (0.5 + self.random() / 2)


@define
class Resuming:
    """
    Sends a file, and what is left of it after a break.

    :param connect: prepares a connection.
    :param headers: of every request; the token is among them.
    :param reached: is told how many bytes are there, or on their way.
    :param say: tells people why it waits.
    """

    connect: Callable[[], http.client.HTTPConnection]
    target: str
    headers: Mapping[str, str]
    source: BinaryIO
    size: int
    backoff: Backoff
    reached: Callable[[int], object]
    say: Callable[[str], object]
    _best: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)
    _met: bool = field(default=False, init=False)

    def run(self) -> Answer:
        """
        Send it all; tell the answer that ends it.

        A server that was never met is not waited for.

        :raises EOFError: if the file has become shorter.
        :raises OSError, http.client.HTTPException: if it does not help to wait.
        """
        while True:
            try:
                answer = self._once()
            except (OSError, http.client.HTTPException) as error:
                if not self._met or self._is_too_often():
                    raise
                self._wait(reason_of(error), 0.0)
                continue
            is_passing = answer.status in _PASSING
            is_elsewhere = answer.status in _SAVED and "upload-offset" in answer.headers
            if not (is_passing or is_elsewhere) or self._is_too_often():
                return answer
            self._wait(f"{answer.status} {answer.reason}", _seconds(answer))

    def _once(self) -> Answer:
        offset = self._offset()
        if offset > self._best:
            self._best, self._failures = offset, 0
        self.source.seek(offset)
        done = offset
        self.reached(done)

        def sent(length: int) -> None:
            nonlocal done
            done += length
            self.reached(done)

        connection = self.connect()
        try:
            connection.connect()
            self._met = True
            part = f"bytes {offset}-{self.size - 1}/{self.size}"
            headers = {**self.headers, "Content-Range": part} if offset else self.headers
            left = self.size - offset
            return upload.put(connection, self.target, headers, self.source, left, sent)
        finally:
            connection.close()

    def _offset(self) -> int:
        # How much is there.  A server that does not know the token has nothing.
        if self.size < RESUMED_FROM:
            return 0
        connection = self.connect()
        try:
            connection.connect()
            self._met = True
            answer = upload.head(connection, self.target, self.headers)
        finally:
            connection.close()
        offset = answer.headers.get("upload-offset", "")
        is_known = answer.status == http.HTTPStatus.OK and offset.isascii() and offset.isdigit()
        # The last byte is sent again, for an answer that tells what became of the whole.
        return min(int(offset), self.size - 1) if is_known else 0

    def _is_too_often(self) -> bool:
        self._failures += 1
        return self._failures > self.backoff.tries

    def _wait(self, reason: str, asked: float) -> None:
        seconds = self.backoff.wait(self._failures, asked)
        self.say(f"{reason}; trying again in {seconds:.1f} s")
        self.backoff.sleep(seconds)


def reason_of(error: Exception) -> str:
    """Tell in a few words what went wrong."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _seconds(answer: Answer) -> float:
    after = answer.headers.get("retry-after", "")
    return min(float(after), 3600.0) if after.isascii() and after.isdigit() else 0.0
