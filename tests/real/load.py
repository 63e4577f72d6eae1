"""Clients that upload and download all the time, each in a thread, and note what fails."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Final, Self

from tests.real.case import KILOBYTE, noise
from tests.real.client import Connection
from tests.real.daemon import Daemon, eventually

SIZES: Final = (0, 10 * KILOBYTE, 300 * KILOBYTE, 2048 * KILOBYTE)
REQUESTS: Final = 20


class WrongAnswer(Exception):
    """A request was not answered as it should be."""


class Load:
    """Clients of a server; a context manager, within which they are at work.

    :param open_connection: makes a connection.
    :ivar answered: how many requests were answered rightly.
    :ivar failures: what went wrong.
    """

    def __init__(
        self, daemon: Daemon, clients: int, open_connection: Callable[[], Connection]
    ) -> None:
        self._daemon = daemon
        self._open_connection = open_connection
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(clients)
        ]
        self.answered = 0
        self.failures: list[Exception] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self) -> None:
        """Wait until some more requests are answered, or one is not."""
        goal = self.answered + REQUESTS
        eventually("requests to be answered", lambda: self.answered >= goal or self.failures)

    def _work(self, client: int) -> None:
        try:
            for number in itertools.count():
                if self._over.is_set():
                    break
                self._exchange(f"{client}-{number}", SIZES[number % len(SIZES)])
        except Exception as error:
            self.failures.append(error)

    def _exchange(self, name: str, size: int) -> None:
        # A connection of its own for a file, and several requests over it.
        data = noise(size, name)
        with self._open_connection() as connection:
            for expected in (201, 201):
                answer = connection.put(self._daemon.target(name, size), data)
                self._count(name, expected, answer.status)
            for _ in range(2):
                answer = connection.request("GET", self._daemon.place(name))
                self._count(name, 200, answer.status)
                if answer.body != data:
                    raise WrongAnswer(f"{name} came back otherwise")

    def _count(self, name: str, expected: int, status: int) -> None:
        if status != expected:
            raise WrongAnswer(f"{name}: {status}, not {expected}")
        self.answered += 1
