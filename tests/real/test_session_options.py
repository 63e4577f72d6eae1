"""What the options of sessions change, on a real server."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Terms
from hmacfs.auth.sign import Order, sign
from hmacfs.base.names import StoredName
from tests.real.case import KILOBYTE, noise
from tests.real.client import Answer, Connection, Headers
from tests.real.daemon import SECRET, Daemon, Sections, eventually
from tests.real.test_session_refusals import RefusalCase, files
from tests.real.v3_case import JWT_SECRET, target_of

SIZE: Final = 100 * KILOBYTE
HALF: Final = SIZE // 2
TOKEN: Final = {"X-Session-Token": "a-token-of-these-tests"}
HERE, THERE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class OptionCase(RefusalCase):
    """Halves of uploads."""

    def setUp(self) -> None:
        self.data = noise(SIZE)

    def begin(self, sections: Sections) -> Daemon:
        """Start a server that takes tokens."""
        tokens: Mapping[str, object] = {"enablejwt": True, "jwtsecret": JWT_SECRET}
        return self.start({**sections, "security": tokens})

    def half(
        self,
        daemon: Daemon,
        target: str,
        number: int,
        source: str = HERE,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send the first or the second half."""
        first = number * HALF
        part = f"bytes {first}-{first + HALF - 1}/{SIZE}"
        fields = {**TOKEN, "Content-Range": part, **(headers or {})}
        body = self.data[first : first + HALF]
        return self.ask_with(daemon, "PUT", target, body, fields, source)


class PlaceTests(OptionCase):
    """``[client_network_support]``."""

    def head(self, daemon: Daemon, target: str, source: str) -> Answer:
        """Ask how much is there."""
        with Connection(daemon.port, source) as connection:
            return connection.request("HEAD", target, TOKEN)

    def test_one_address(self) -> None:
        """``allow_ip_changes = false``: in every dialect an upload goes on where it began."""
        daemon = self.begin({"client_network_support": {"allow_ip_changes": False}})
        target = daemon.target("photo", SIZE)
        self.assert_status(202, self.half(daemon, target, 0))
        self.assert_status(403, self.head(daemon, target, THERE))
        self.assert_status(403, self.half(daemon, target, 1, THERE))
        forwarded = {"X-Forwarded-For": "192.0.2.1"}
        self.assert_status(403, self.half(daemon, target, 1, headers=forwarded))
        daemon.restart()
        self.assert_status(403, self.half(daemon, target, 1, THERE))
        self.assert_status(201, self.half(daemon, target, 1))
        self.assert_comes_back(daemon, daemon.place("photo"), self.data)
        session = self.create(daemon, self.data)
        chunk = target_of(session["upload_urls"]["chunks"][0])
        with Connection(daemon.port) as connection:
            connection.begin("PUT", chunk, {"Content-Length": SIZE})
            connection.send(self.data[:HALF])
            eventually("half a chunk", lambda: self.received(daemon, session) == HALF)
        self.assert_status(403, self.ask_with(daemon, "PUT", chunk, self.data, source=THERE))
        self.assert_status(201, self.ask_with(daemon, "PUT", chunk, self.data))
        self.assert_tus(daemon)

    def received(self, daemon: Daemon, session: dict[str, Any]) -> int:
        """Tell how much of a session is there, while it comes."""
        (path,) = [path for path in files(daemon) if path.name == session["session_id"][5:]]
        return path.stat().st_size

    def assert_tus(self, daemon: Daemon) -> None:
        """Fail unless it is so with tus."""
        tus = {"Tus-Resumable": "1.0.0"}
        made = self.ask_with(
            daemon, "POST", "/files", b"", {**tus, **self.bearer("romeo"), "Upload-Length": SIZE}
        )
        self.assert_status(201, made)
        target = target_of(made.headers["location"])
        kind = {"Content-Type": "application/offset+octet-stream"}
        for first, source, status in ((0, THERE, 204), (HALF, HERE, 403), (HALF, THERE, 204)):
            fields = {**tus, **kind, "Upload-Offset": str(first)}
            body = self.data[first : first + HALF]
            answer = self.ask_with(daemon, "PATCH", target, body, fields, source)
            self.assert_status(status, answer, (first, source))

    def test_enhanced_security(self) -> None:
        """``enhanced_security``: from another address the credential has to come again."""
        tokens = {"enablejwt": True, "jwtsecret": JWT_SECRET, "enhanced_security": True}
        daemon = self.start({"security": tokens, "uploads": {"chunk_size": HALF}})
        session = self.create(daemon, self.data)
        chunks = [target_of(url) for url in session["upload_urls"]["chunks"]]
        self.assert_status(200, self.ask_with(daemon, "PUT", chunks[0], self.data[:HALF]))
        rest = self.data[HALF:]
        self.assert_status(401, self.ask_with(daemon, "PUT", chunks[1], rest, source=THERE))
        daemon.restart()
        self.assert_status(401, self.ask_with(daemon, "PUT", chunks[1], rest, source=THERE))
        bearer = self.bearer("romeo")
        self.assert_status(201, self.ask_with(daemon, "PUT", chunks[1], rest, bearer, THERE))
        self.assert_stored(daemon, session, self.data)

    def test_so_many(self) -> None:
        """``max_ip_changes_per_session = 1``: another address may take it up, no third."""
        daemon = self.begin({"client_network_support": {"max_ip_changes_per_session": 1}})
        target = daemon.target("photo", SIZE)
        self.assert_status(202, self.half(daemon, target, 0))
        self.assert_status(202, self.half(daemon, target, 0, THERE))
        self.assert_status(403, self.half(daemon, target, 1, ELSEWHERE))
        self.assert_status(201, self.half(daemon, target, 1))
        self.assert_comes_back(daemon, daemon.place("photo"), self.data)


class RetryTests(OptionCase):
    """Attempts."""

    def test_breaks(self) -> None:
        """``max_upload_retries = 1``: after two breaks an upload is gone, and begins anew."""
        daemon = self.begin({"uploads": {"max_upload_retries": 1}})
        target = daemon.target("photo", SIZE)
        for first, stop in ((0, HALF), (HALF, SIZE - 1)):
            part = f"bytes {first}-{SIZE - 1}/{SIZE}"
            fields: Headers = {**TOKEN, "Content-Range": part, "Content-Length": SIZE - first}
            with Connection(daemon.port) as connection:
                connection.begin("PUT", target, fields)
                connection.send(self.data[first:stop])
                eventually("bytes", partial(has, daemon, stop))
        rest = f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE}"

        def goes_on() -> Answer:
            return self.ask_with(
                daemon, "PUT", target, self.data[-1:], {**TOKEN, "Content-Range": rest}
            )

        self.assert_status(410, goes_on())
        self.assert_status(410, goes_on())
        self.assertEqual(0, size(daemon))
        self.assert_status(201, self.ask_with(daemon, "PUT", target, self.data, TOKEN))
        self.assert_comes_back(daemon, daemon.place("photo"), self.data)

    def test_failed(self) -> None:
        """``retry_failed_uploads``: what the scanner's absence kept from its end stays, or not."""
        for tries_again, state in ((True, "complete"), (False, "failed")):
            nobody = os.fspath(self.directory() / "clamd.sock")
            daemon = self.begin(
                {
                    "uploads": {"retry_failed_uploads": tries_again},
                    "clamav": {"clamavenabled": True, "clamavsocket": nobody},
                }
            )
            session = self.create(daemon, self.data)
            chunk = target_of(session["upload_urls"]["chunks"][0])
            self.assert_status(503, self.ask_with(daemon, "PUT", chunk, self.data))
            self.assertEqual(state, self.status(daemon, session)["state"])
            self.assertEqual(SIZE if tries_again else 0, size(daemon))
            complete = target_of(session["complete_url"])
            self.assert_status(503, self.ask_with(daemon, "POST", complete))
            self.assertEqual({}, daemon.stored())


class ClaimTests(OptionCase):
    """What a session that lost its connection claims."""

    def test_claims(self) -> None:
        """Name and quota are kept for their windows, and longer after a start."""
        daemon = self.begin(
            {
                "uploads": {"client_reconnect_window": "4s", "session_recovery_timeout": "4s"},
                "quotas": {"enabled": True, "default": "150KB"},
                "server": {"restart_grace_period": "20s"},
            }
        )
        romeo = self.bearer("romeo")
        juliet = {**self.bearer("juliet"), "X-Session-Token": "hers"}
        self.assert_status(202, self.half(daemon, "/upload/a", 0, headers=romeo))
        self.assert_status(409, self.half(daemon, "/upload/a", 0, headers=juliet))
        self.assert_status(413, self.half(daemon, "/upload/b", 0, headers=romeo))
        eventually(
            "the end of the claim to the quota",
            lambda: self.half(daemon, "/upload/b", 0, headers=romeo).status == 202,
        )
        # That of the second upload is still there, as is its name.
        self.assert_status(413, self.half(daemon, "/upload/c", 0, headers=romeo))
        self.assert_status(202, self.half(daemon, "/upload/a", 0, headers=juliet))
        time.sleep(4)
        daemon.restart()
        # So that it is known, which else takes a moment.
        self.assert_status(202, self.half(daemon, "/upload/b", 0, headers=romeo))
        self.assert_status(413, self.half(daemon, "/upload/c", 0, headers=romeo))


class SignatureTimeTests(OptionCase):
    """``upload_slot_ttl``."""

    def test_judged_at_the_beginning(self) -> None:
        """A signature with a time holds for what it began, and begins nothing when it is old."""
        daemon = self.begin({"uploads": {"upload_slot_ttl": "3s"}})
        began = time.time()
        target = self.signed(daemon, "photo.jpg")
        self.assert_status(202, self.half(daemon, target, 0))
        time.sleep(max(0.0, began + 3.5 - time.time()))
        self.assert_status(201, self.half(daemon, target, 1))
        self.assert_comes_back(daemon, "/upload/" + next(iter(daemon.stored())), self.data)
        for age in (4, 4000, -400):
            old = self.signed(daemon, f"old{age}.jpg", age)
            self.assert_status(403, self.half(daemon, old, 0), age)

    def signed(self, daemon: Daemon, name: str, age: int = 0) -> str:
        """Sign the query of an upload as of some seconds ago."""
        order = Order(
            StoredName.parse(name.encode()),
            SIZE,
            time.time() - age,
            str(uuid.uuid4()),
            base_url=f"{daemon.base_url}/upload",
        )
        return target_of(sign("query", Terms(Keyring.of(SECRET)), order).url)


class BoundTests(OptionCase):
    """How many, and whether at all."""

    def test_switched_off(self) -> None:
        """``resumable_uploads_enabled``, ``chunked_uploads_enabled``: nothing rests, in no way."""
        switches = {"resumable_uploads_enabled": False, "chunked_uploads_enabled": False}
        daemon = self.begin({"uploads": switches})
        target = daemon.target("photo", SIZE)
        self.assert_status(400, self.half(daemon, target, 0))
        with Connection(daemon.port) as connection:
            self.assertNotEqual(200, connection.request("HEAD", target, TOKEN).status)
        self.assert_status(201, self.ask_with(daemon, "PUT", target, self.data, TOKEN))
        session = self.create(daemon, self.data)
        self.assertEqual([], session["upload_urls"]["chunks"])
        place = target_of(session["status_url"])
        self.assert_status(404, self.ask_with(daemon, "PUT", f"{place}/chunks/1", self.data))
        self.assert_status(201, self.ask_with(daemon, "PUT", place, self.data))
        self.assert_stored(daemon, session, self.data)

    def test_so_many(self) -> None:
        """``max_sessions``, ``max_session_bytes``; ``cleanup_interval`` makes room unasked."""
        daemon = self.begin(
            {
                "uploads": {
                    "max_sessions": 2,
                    "max_session_bytes": "150KB",
                    "sessiontimeout": "3s",
                    "chunk_size": SIZE,
                },
                "session_store": {"cleanup_interval": "1s"},
            }
        )
        targets = [daemon.target(f"photo {number}", SIZE) for number in range(2)]
        self.assert_status(202, self.half(daemon, targets[0], 0))
        self.assert_status(507, self.half(daemon, targets[1], 0))
        self.create(daemon, b"small")
        small = daemon.target("small", 10)
        part = {**TOKEN, "Content-Range": "bytes 0-4/10"}
        self.assert_status(429, self.ask_with(daemon, "PUT", small, b"01234", part))
        eventually("the bytes to go", lambda: size(daemon) == 0)
        self.assert_status(202, self.half(daemon, targets[1], 0))


class StopTests(OptionCase):
    """``clean_upon_exit``."""

    def test_stop(self) -> None:
        """A stop throws away what rests, a crash does not."""
        daemon = self.begin({"server": {"clean_upon_exit": True}})
        target = daemon.target("photo", SIZE)
        self.assert_status(202, self.half(daemon, target, 0))
        daemon.kill9()
        daemon.start()
        with Connection(daemon.port) as connection:
            answer = connection.request("HEAD", target, TOKEN)
        self.assertEqual((200, str(HALF)), (answer.status, answer.headers["upload-offset"]))
        self.assertEqual(0, daemon.stop())
        self.assertEqual([], files(daemon))
        daemon.start()
        self.assert_status(404, self.half(daemon, target, 1))
        self.assert_status(202, self.half(daemon, target, 0))


def has(daemon: Daemon, least: int) -> bool:
    """Tell whether so many bytes are there."""
    return size(daemon) >= least


def size(daemon: Daemon) -> int:
    """Tell how many bytes of unfinished uploads there are."""
    return sum(path.stat().st_size for path in files(daemon) if path.suffix != ".journal")
