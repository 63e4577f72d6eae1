"""Uploads with X-Session-Token on a real server that is killed, restarted, or has very many."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tests.ports import free_port
from tests.real import resting
from tests.real.case import KILOBYTE, MEGABYTE, ServerCase, noise
from tests.real.client import Answer, Connection, NoAnswer, ask
from tests.real.daemon import Daemon, eventually

KILLS: Final = 5
SIZE: Final = 48 * MEGABYTE
PIECE: Final = 256 * KILOBYTE
LARGE: Final = 2304 * MEGABYTE
"""More than offsets of 31 bits reach."""

MOST_MEMORY: Final = 80 * MEGABYTE
RESTING: Final = 10_000
STARTS: Final = 3
SOON: Final = 2.0
"""Seconds that so many may delay a start, beyond that of a server without any."""

TOKEN: Final[dict[str, str | int]] = {"X-Session-Token": "token-of-these-tests"}


def has_answer(connection: Connection) -> bool:
    """Tell whether an answer has begun to come."""
    return not connection.is_silent(1)


def large(first: int, last: int) -> Iterator[bytes]:
    """Make part of a large file, both ends at whole mebibytes, no two of which are alike."""
    block = noise(MEGABYTE)
    for number in range(first // MEGABYTE, last // MEGABYTE):
        yield b"%016d" % number + block[16:]


class SessionTests(ServerCase):
    """What comes in parts."""

    def offset(self, daemon: Daemon, target: str) -> int:
        """Ask how much of an upload is there."""
        with Connection(daemon.port) as connection:
            answer = connection.request("HEAD", target, TOKEN)
        if answer.status == 404:
            return 0
        self.assert_status(200, answer)
        return int(answer.headers["upload-offset"])

    def send_rest(self, daemon: Daemon, target: str, data: bytes, stop: int | None) -> Answer:
        """Go on; at ``stop`` the server is killed."""
        offset = self.offset(daemon, target)
        part = f"bytes {offset}-{len(data) - 1}/{len(data)}"
        headers = {**TOKEN, "Content-Range": part, "Content-Length": len(data) - offset}
        with Connection(daemon.port) as connection:
            connection.begin("PUT", target, headers)
            while offset < len(data) and (stop is None or offset < stop):
                connection.send(data[offset : offset + PIECE])
                offset += PIECE
            if stop is not None:
                daemon.kill9()
            return connection.answer("PUT")

    def test_killed(self) -> None:
        """Killed five times in the middle: no offset goes back, and the file is exact."""
        data = noise(SIZE)
        daemon = self.start()
        target = daemon.target("video", SIZE)
        chance = random.Random(7)
        told = 0
        for number in range(KILLS):
            if number % 2:
                # What comes before a client goes away is durable, whatever happens next.
                told = self.bring(daemon, target, data, self.offset(daemon, target))
                daemon.kill9()
            else:
                stop = chance.randrange(number, number + 1 + KILLS) * SIZE // (2 * KILLS + 1)
                with contextlib.suppress(NoAnswer, ConnectionError):
                    self.send_rest(daemon, target, data, max(stop, told + PIECE))
            self.assertFalse(daemon.running)
            self.assertEqual({}, daemon.stored())
            daemon.start()
            offset = self.offset(daemon, target)
            self.assertGreaterEqual(offset, told)
            told = offset
        self.assert_status(201, self.send_rest(daemon, target, data, None))
        answer = self.assert_comes_back(daemon, daemon.place("video"), data)
        # The digest that was made of pieces, in several lives.
        self.assertIn(hashlib.sha256(data).hexdigest(), answer.headers["etag"])
        self.assertEqual([], daemon.stages())

    def bring(self, daemon: Daemon, target: str, data: bytes, offset: int) -> int:
        """Bring two pieces, and hang; tell the offset when a newer request has asked for it."""
        part = f"bytes {offset}-{SIZE - 1}/{SIZE}"
        headers = {**TOKEN, "Content-Range": part, "Content-Length": SIZE - offset}
        with Connection(daemon.port) as connection:
            connection.begin("PUT", target, headers)
            connection.send(data[offset : offset + 2 * PIECE])
            # Before they have come the question would end them.
            eventually("bytes that have come", lambda: written(daemon) > offset)
            return self.offset(daemon, target)

    def test_other_address(self) -> None:
        """An upload goes on from another address, while the old connection hangs."""
        data = noise(MEGABYTE)
        metrics = free_port()
        daemon = self.start({"server": {"metrics_port": metrics}})
        target = daemon.target("photo", len(data))
        hanging = self.connect(daemon)
        hanging.begin("PUT", target, {**TOKEN, "Content-Length": len(data)})
        hanging.send(data[: len(data) // 2])
        eventually("bytes", lambda: list(sessions(daemon)) and written(daemon))
        with Connection(daemon.port, "127.0.0.2") as connection:
            headers = {**TOKEN, "Content-Length": len(data)}
            connection.begin("PUT", target, headers)
            connection.send(data)
            self.assert_status(201, connection.answer("PUT"))
        with self.assertRaises((NoAnswer, ConnectionError)):
            hanging.answer("PUT")
        self.assert_comes_back(daemon, daemon.place("photo"), data)
        told = ask(metrics, "GET", "/metrics").body.decode()
        for counted in ('sessions{state="stored"}', "takeovers_total", "resumptions_total"):
            self.assertIn(f"hmac_file_server_{counted} 1.0\n", told)

    def test_at_once(self) -> None:
        """Who is cut off and sends the whole again at once wins over the request before."""
        data = noise(MEGABYTE)
        daemon = self.start()
        for number in range(5):
            target = daemon.target(f"video{number}", MEGABYTE)
            with Connection(daemon.port) as connection:
                connection.begin("PUT", target, {**TOKEN, "Content-Length": MEGABYTE})
                connection.send(data[: 100 + number * PIECE])
            with Connection(daemon.port) as connection:
                answer = connection.put(target, data, headers=TOKEN)
            self.assert_status(201, answer)
            self.assert_comes_back(daemon, daemon.place(f"video{number}"), data)

    def test_large(self) -> None:
        """More than two gigabytes in two requests, a restart between, in little memory."""
        daemon = self.start()
        target = daemon.target("large", LARGE)
        half = LARGE // 2
        for first, last, status in ((0, half, 202), (half, LARGE, 201)):
            part = f"bytes {first}-{last - 1}/{LARGE}"
            facts = {**TOKEN, "Content-Range": part, "Content-Length": last - first}
            with Connection(daemon.port) as connection:
                connection.begin("PUT", target, facts)
                for block in large(first, last):
                    connection.send(block)
                eventually("an answer", partial(has_answer, connection), 120)
                self.assert_status(status, connection.answer("PUT"))
            self.assertLess(daemon.peak_memory(), MOST_MEMORY)
            daemon.restart()
        # Compared where it lies, and fetched from either side of where offsets outgrow 31 bits.
        with daemon.stored()["large"].open("rb") as file:
            for number, block in enumerate(large(0, LARGE)):
                self.assertTrue(file.read(MEGABYTE) == block, f"mebibyte {number} is another")
            self.assertEqual(b"", file.read(1))
        first, last = 2047 * MEGABYTE, 2049 * MEGABYTE
        with Connection(daemon.port) as connection:
            headers = {"Range": f"bytes={first}-{last - 1}"}
            answer = connection.request("GET", daemon.place("large"), headers)
        self.assert_status(206, answer)
        self.assertEqual(f"bytes {first}-{last - 1}/{LARGE}", answer.headers["content-range"])
        self.assertTrue(b"".join(large(first, last)) == answer.body)

    def test_many(self) -> None:
        """Ten thousand that rest delay a start by less than two seconds, and are all known."""
        daemon = self.start()
        daemon.stop()
        alone = self.seconds_to_start(daemon)
        daemon.stop()
        resting.leave(self, daemon.storage, RESTING)
        # The difference is judged, for how long an interpreter takes is the machine's matter;
        # and of several, for the machine may have more to do.
        took = self.seconds_to_start(daemon) - alone
        for _ in range(STARTS - 1):
            if took >= SOON:
                daemon.stop()
                took = self.seconds_to_start(daemon) - alone
        self.assertLess(took, SOON)
        with Connection(daemon.port) as connection:
            self.assert_status(200, connection.request("GET", "/health"))
        self.assertEqual(len(list(sessions(daemon))), RESTING)
        data = noise(KILOBYTE)
        with Connection(daemon.port) as connection:
            target = daemon.target("small", KILOBYTE)
            self.assert_status(201, connection.put(target, data, headers=TOKEN))

    def seconds_to_start(self, daemon: Daemon) -> float:
        """Start a server, and tell how long that took."""
        began = time.monotonic()
        daemon.start()
        return time.monotonic() - began


def written(daemon: Daemon) -> int:
    """Tell where the bytes end that were written of the one session."""
    (journal,) = sessions(daemon)
    return journal.with_suffix("").stat().st_size


def sessions(daemon: Daemon) -> Iterator[Path]:
    """Tell the journals of the sessions."""
    return (daemon.storage / ".hmacfs" / "sessions").glob("*.journal")
