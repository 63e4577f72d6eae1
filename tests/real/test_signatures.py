"""Signatures that are wrong are refused, and say nothing in the log that would help to sign."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from tests.real.case import ServerCase
from tests.real.client import Connection
from tests.real.daemon import SECRET

DATA: Final = b"hello"
GOOD: Final = "GOOD"

# Queries in which GOOD stands for a good MAC of the scheme before it.
WRONG: Final = (
    "",
    "v2=",
    "v2",
    "v2=zz",
    "v2=" + "z" * 64,
    "v2=" + "0" * 64,
    "v2=" + "0" * 63,
    "v2=" + "0" * 65,
    "v2=0xGOOD",
    "v2=GOOD0",
    "v2=GOOD%0a",
    "v2=%20GOOD",
    "v2=+GOOD",
    "v2=GOOD%00",
    "v2=GOOD,GOOD",
    "v2=%D9%A0" + "%D9%A0" * 63,
    "v2=PklZPJpNN1kZJtq4mNkcsCMH5Lt2RrCBcVqYiRrWgmA%3D",
    "V2=GOOD",
    "v=GOOD&v2=" + "0" * 64,
    "v=GOOD&v2=",
    "v=GOOD&token=" + "0" * 64,
    "token=GOOD&v2=zz",
    "v3=GOOD",
    "x=GOOD",
)

RIGHT: Final = (
    "v2=GOOD",
    "token=GOOD",
    "v=GOOD",
    "v2=GOOD&v=zz",
    "v2=GOOD&token=zz",
    "token=GOOD&v=zz",
    "x=y&v=GOOD&z",
    "&&v=GOOD&&",
    "%76=GOOD",
)


class SignatureTests(ServerCase):
    """The query of an upload URL."""

    def setUp(self) -> None:
        self.daemon = self.start()

    def put(self, query: str, name: str = "name") -> int:
        """Upload with this query and return the status."""
        with Connection(self.daemon.port) as connection:
            return connection.put(f"/upload/{name}?{query}", DATA).status

    def filled(self, query: str, name: str = "name") -> str:
        """Put good MACs in a query, each made for its scheme."""
        pairs = query.split("&")
        for index, pair in enumerate(pairs):
            scheme = unquote(pair.partition("=")[0])
            made = self.daemon.sign(
                name.encode(), len(DATA), scheme=scheme if scheme in ("v", "token") else "v2"
            )
            pairs[index] = pair.replace(GOOD, made)
        return "&".join(pairs)

    def test_wrong(self) -> None:
        """A MAC that is missing, malformed or wrong is refused with 403, whatever else there is."""
        for query in WRONG:
            self.assertEqual(403, self.put(self.filled(query)), query)
        self.assert_nothing_stored(self.daemon)

    def test_right(self) -> None:
        """Only the highest version that is there is looked at."""
        for number, query in enumerate(RIGHT):
            name = f"name-{number}"
            self.assertEqual(201, self.put(self.filled(query, name), name), query)

    def test_letter_case(self) -> None:
        """A MAC may be in capital letters: it is the same number."""
        self.assertEqual(201, self.put("v2=" + self.daemon.sign(b"name", len(DATA)).upper()))

    def test_other_facts(self) -> None:
        """A good MAC of another name, size, type or scheme is refused with 403."""
        sign = self.daemon.sign
        size = len(DATA)
        queries = (
            "v2=" + sign(b"other", size),
            "v2=" + sign(b"upload/name", size),
            "v2=" + sign(b"/name", size),
            "v2=" + sign(b"name", size + 1),
            "v2=" + sign(b"name", size, "text/plain"),
            "v2=" + sign(b"name", size, ""),
            "v2=" + sign(b"name", size, scheme="v"),
            "v=" + sign(b"name", size, scheme="v2"),
            "v=" + sign(b"name", size + 1, scheme="v"),
        )
        for query in queries:
            self.assertEqual(403, self.put(query), query)
        self.assert_nothing_stored(self.daemon)

    def test_type_is_verbatim(self) -> None:
        """v2 covers the Content-Type as it was sent, with its parameters and letters."""
        kinds = ("text/plain", "text/plain; charset=utf-8", "TEXT/plain", "x", "image/jpeg;q=1")
        for number, kind in enumerate(kinds):
            target = self.daemon.target(f"name-{number}", len(DATA), kind)
            with Connection(self.daemon.port) as connection:
                self.assert_status(403, connection.put(target, DATA, kind + ";"), kind)
            with Connection(self.daemon.port) as connection:
                self.assert_status(201, connection.put(target, DATA, kind), kind)

    def test_nothing_in_the_log(self) -> None:
        """The log tells what was tried, and neither MACs nor the secret."""
        self.put(self.filled("v2=GOOD"))
        self.put(self.filled("v=GOOD", "other"), "another")
        self.put("v2=" + self.daemon.sign(b"wrong", len(DATA)))
        self.put("token=" + SECRET.replace(" ", "+"))
        self.daemon.stop()
        self.assertIn("/upload/another?v=***", self.daemon.log)
        self.assertIn("path and size", self.daemon.log)
        self.assertIn("path, size and type", self.daemon.log)
        self.assertEqual([], self.daemon.faults())
