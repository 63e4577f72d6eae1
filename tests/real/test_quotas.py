"""Quotas of uploaders, told by ejabberd's paths."""

from __future__ import annotations

import json
from typing import Final

from tests.real.case import KILOBYTE, ServerCase, noise
from tests.real.client import Connection, ask, put
from tests.real.daemon import Daemon

ROMEO: Final = "a" * 40
JULIET: Final = "b" * 40
PIECE: Final = 40 * KILOBYTE


class QuotaTests(ServerCase):
    """A server that lets each uploader have 100 KB, and send 150 KB in a day."""

    def quoted(self, **more: object) -> Daemon:
        """Return it."""
        quotas = {"enabled": True, "default": "100KB", "daily": "150KB", **more}
        return self.start({"quotas": quotas})

    def put(self, daemon: Daemon, name: str, size: int = PIECE) -> int:
        """Upload and return the status."""
        return put(daemon.port, daemon.target(name, size), noise(size)).status

    def test_at_once(self) -> None:
        """Of two uploads at once that do not both fit one is refused before its body."""
        daemon = self.quoted()
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/a"), 201)
        data = noise(PIECE)
        first = self.connect(daemon)
        first.begin("PUT", daemon.target(f"{ROMEO}/2/b", PIECE), {"Content-Length": str(len(data))})
        first.send(data[: PIECE // 2])
        second = self.connect(daemon)
        second.begin(
            "PUT",
            daemon.target(f"{ROMEO}/3/c", PIECE),
            {"Content-Length": str(PIECE), "Accept": "application/problem+json"},
        )
        answer = second.answer("PUT")
        self.assert_status(413, answer)
        problem = json.loads(answer.body)
        self.assertTrue(problem["type"].endswith("quota-exceeded"))
        self.assertEqual(problem["limit"], 100 * KILOBYTE)
        self.assertEqual(problem["used"], 2 * PIECE)
        self.assertEqual(self.put(daemon, f"{JULIET}/3/c"), 201)
        first.send(data[PIECE // 2 :])
        self.assert_status(201, first.answer("PUT"))

    def test_given_up(self) -> None:
        """An upload that its client gives up leaves no claim, nor does one that a kill ends."""
        daemon = self.quoted()
        for end in ("reset", "kill"):
            client = Connection(daemon.port)
            client.begin(
                "PUT",
                daemon.target(f"{ROMEO}/{end}/a", 2 * PIECE),
                {"Content-Length": str(2 * PIECE)},
            )
            client.send(b"x" * 100)
            if end == "kill":
                daemon.kill9()
                daemon.start()
            client.reset()
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/a"), 201)
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/b"), 201)
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/c"), 413)
        daemon.kill9()
        daemon.start()
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/c"), 413)
        # What is there already takes nothing more.
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/b"), 201)

    def test_drop_oldest(self) -> None:
        """The oldest file goes for the newest, and the day's limit stays: 429 with its end."""
        daemon = self.quoted(policy="drop_oldest")
        for leaf in "abc":
            self.assertEqual(self.put(daemon, f"{ROMEO}/1/{leaf}"), 201)
        self.assertEqual(sorted(daemon.stored()), [f"{ROMEO}/1/b", f"{ROMEO}/1/c"])
        self.assert_status(410, ask(daemon.port, "GET", daemon.place(f"{ROMEO}/1/a")))
        answer = put(daemon.port, daemon.target(f"{ROMEO}/1/d", PIECE), noise(PIECE))
        self.assert_status(429, answer)
        self.assertLessEqual(int(answer.headers["retry-after"]), 86400)
        self.assertEqual(self.put(daemon, f"{JULIET}/1/large", 101 * KILOBYTE), 413)
        daemon.kill9()
        daemon.start()
        self.assertEqual(self.put(daemon, f"{ROMEO}/1/d"), 429)
