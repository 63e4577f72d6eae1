"""What sessions refuse, asked of a real server over real connections: nothing is corrupted."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any, Final

from hmacfs.auth import header_v2
from tests.real import resting
from tests.real.case import KILOBYTE, noise
from tests.real.client import Answer, Connection, Headers, ask
from tests.real.daemon import SECRET, Daemon, eventually
from tests.real.v3_case import CHUNK, SessionCase, target_of

SIZE: Final = 100 * KILOBYTE
HALF: Final = SIZE // 2
TOKEN: Final = "a-token-of-these-tests"
OVER: Final = "sess_" + "A" * 43
MOST: Final = 1000
"""Sessions that one owner may have, where nothing is configured."""


class RefusalCase(SessionCase):
    """A server, and requests that are wrong."""

    def ask_with(
        self,
        daemon: Daemon,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Headers | None = None,
        source: str = "",
    ) -> Answer:
        """Send a request over a connection of its own."""
        with Connection(daemon.port, source) as connection:
            connection.begin(method, target, {"Content-Length": len(body), **(headers or {})})
            with contextlib.suppress(ConnectionError):
                connection.send(body)
            return connection.answer(method)

    def bearer(self, owner: str) -> dict[str, str]:
        """Make the header field of a credential."""
        return {"Authorization": f"Bearer {self.token(owner)}"}


class TokenTests(RefusalCase):
    """``X-Session-Token``."""

    def setUp(self) -> None:
        self.data = noise(SIZE)

    def put(
        self,
        daemon: Daemon,
        first: int,
        body: bytes,
        total: int = SIZE,
        *,
        target: str = "",
        headers: Headers | None = None,
    ) -> Answer:
        """Send bytes from an offset on."""
        part = f"bytes {first}-{first + len(body) - 1}/{total}"
        fields = {"X-Session-Token": TOKEN, "Content-Range": part, **(headers or {})}
        return self.ask_with(daemon, "PUT", target or self.target, body, fields)

    def head(self, daemon: Daemon, *, target: str = "", **headers: str) -> Answer:
        """Ask how much is there."""
        fields = {"X-Session-Token": TOKEN, **headers}
        return ask(daemon.port, "HEAD", target or self.target, fields)

    def assert_offset(self, daemon: Daemon, offset: int) -> None:
        """Fail unless so much is there."""
        self.assertEqual(str(offset), self.head(daemon).headers["upload-offset"])

    def test_signed(self) -> None:
        """Wrong offsets, lengths, bytes and tokens; in spite of all the file is exact."""
        daemon = self.begin_server()
        self.target = daemon.target("photo", SIZE)
        data, half = self.data, self.data[:HALF]
        self.assert_status(404, self.head(daemon))
        self.assert_status(404, self.put(daemon, HALF, data[HALF:]))
        self.assert_status(202, self.put(daemon, 0, half))
        # A gap.
        answer = self.put(daemon, HALF + 1, data[HALF + 1 :])
        self.assert_status(409, answer)
        self.assertEqual(str(HALF), answer.headers["upload-offset"])
        # Other bytes where some are, alone and with new ones after them.
        self.assert_status(409, self.put(daemon, 0, half[::-1]))
        self.assert_status(409, self.put(daemon, HALF - 10, bytes(10) + data[HALF:]))
        self.assert_offset(daemon, HALF)
        # Beyond the length, another length, and lengths that contradict each other.
        self.assert_status(400, self.put(daemon, SIZE, b"beyond"))
        self.assert_status(400, self.put(daemon, HALF, data[HALF:] + b"x"))
        self.assert_status(403, self.put(daemon, HALF, data[HALF:], SIZE + 1))
        self.assert_status(403, self.put(daemon, HALF, data[HALF:] + b"x", SIZE + 1))
        short = {"Content-Range": f"bytes {HALF}-{HALF}/{SIZE}"}
        answer = self.put(daemon, HALF, data[HALF:], headers=short)
        self.assert_status(400, answer)
        # Another token, a token that is none, and a token with another URL.
        for token, status in (("another", 404), ("a b", 400), ("", 400), ("x" * 129, 400)):
            other = {"X-Session-Token": token}
            self.assert_status(status, self.put(daemon, HALF, data[HALF:], headers=other), token)
        elsewhere = daemon.target("other", SIZE)
        self.assert_status(404, self.put(daemon, HALF, data[HALF:], target=elsewhere))
        self.assert_offset(daemon, HALF)
        self.assertEqual({}, daemon.stored())
        self.assert_status(201, self.put(daemon, HALF, data[HALF:]))
        answer = self.assert_comes_back(daemon, daemon.place("photo"), data)
        self.assertIn(hashlib.sha256(data).hexdigest(), answer.headers["etag"])
        # And what is over stays as it is.
        self.assert_status(409, self.put(daemon, 0, data[::-1]))
        self.assert_comes_back(daemon, daemon.place("photo"), data)

    def test_owners(self) -> None:
        """With the credential of another owner there is no such upload, and no other length."""
        daemon = self.begin_server()
        self.target = "/upload/photo"
        romeo, juliet = self.bearer("romeo"), self.bearer("juliet")
        self.assert_status(202, self.put(daemon, 0, self.data[:HALF], headers=romeo))
        self.assert_status(404, self.put(daemon, HALF, self.data[HALF:], headers=juliet))
        self.assert_status(404, self.head(daemon, **juliet))
        self.assert_status(401, self.head(daemon))
        answer = self.put(daemon, HALF, self.data[HALF:] + b"x", SIZE + 1, headers=romeo)
        self.assert_status(409, answer)
        self.assert_status(201, self.put(daemon, HALF, self.data[HALF:], headers=romeo))
        self.assert_comes_back(daemon, daemon.place("photo"), self.data)


class V3Tests(RefusalCase):
    """The sessions of V3."""

    def setUp(self) -> None:
        self.data = noise(2 * CHUNK + 500)

    def chunk(self, index: int) -> bytes:
        """Tell the bytes of a chunk."""
        return self.data[index * CHUNK : (index + 1) * CHUNK]

    def test_bytes(self) -> None:
        """Wrong numbers, lengths, bytes and ends; in spite of all the file is exact."""
        daemon = self.begin_server()
        session = self.create(daemon, self.data)
        urls = [target_of(url) for url in session["upload_urls"]["chunks"]]
        whole = target_of(session["upload_urls"]["put"])

        def send(target: str, body: bytes, method: str = "PUT") -> Answer:
            return self.ask_with(daemon, method, target, body)

        self.assert_status(200, send(urls[1], self.chunk(1)))
        for number in ("0", "4", "-1", "1.5", "99999999999999999999"):
            wrong = urls[0].replace("/1?", f"/{number}?")
            self.assert_status(404, send(wrong, b"x"), number)
        for body in (self.chunk(0)[1:], self.chunk(0) + b"x", b""):
            self.assert_status(413, send(urls[0], body), len(body))
        for body in (self.data[1:], self.data + b"x"):
            self.assert_status(413, send(whole, body), len(body))
        # Other bytes where some are, alone and behind new ones.
        self.assert_status(409, send(urls[1], self.chunk(1)[::-1]))
        self.assert_status(409, send(whole, self.chunk(0) + bytes(CHUNK) + self.chunk(2)))
        self.assert_status(409, send(target_of(session["complete_url"]), b"", "POST"))
        status = self.status(daemon, session)
        self.assertEqual("open", status["state"])
        self.assertEqual([2 * CHUNK, len(self.data) - 1], status["missing"][-1])
        self.assert_status(200, send(urls[0], self.chunk(0)))
        self.assert_status(201, send(urls[2], self.chunk(2)))
        self.assert_stored(daemon, session, self.data)

    def test_chunks_without_length(self) -> None:
        """A chunk that is too long or too short, which only its end shows, is refused."""
        daemon = self.begin_server()
        session = self.create(daemon, self.data)
        target = target_of(session["upload_urls"]["chunks"][2])
        for size in (499, 501):
            with Connection(daemon.port) as connection:
                connection.begin("PUT", target, {"Transfer-Encoding": "chunked"})
                body = self.chunk(2) + b"x"
                connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (size, body[:size]))
                self.assert_status(413, connection.answer("PUT"), size)
        for index in (0, 1, 2):
            self.put_chunk(daemon, session, index, self.data)
        self.assert_stored(daemon, session, self.data)

    def test_unknown(self) -> None:
        """What is no session is not found, and one that was cancelled is gone."""
        daemon = self.begin_server()
        session = self.create(daemon, self.data)
        self.put_chunk(daemon, session, 0, self.data)
        self.assert_everywhere(daemon, OVER, 404)
        self.assert_everywhere(daemon, session["session_id"], 404, self.bearer("juliet"))
        status = target_of(session["status_url"])
        self.assertEqual(CHUNK, self.status(daemon, session)["received"])
        self.assert_status(204, ask(daemon.port, "DELETE", status))
        self.assert_everywhere(daemon, session["session_id"], 410)
        self.assertEqual([], [path for path in files(daemon) if path.stat().st_size > KILOBYTE])

    def assert_everywhere(
        self, daemon: Daemon, session_id: str, status: int, headers: Headers | None = None
    ) -> None:
        """Fail unless each request to a session has this answer."""
        place = f"/api/v3/upload/{session_id}"
        for method, target, body in (
            ("GET", place, b""),
            ("PUT", place, self.data),
            ("PUT", f"{place}/chunks/1", self.chunk(0)),
            ("PUT", f"/api/v3/chunk/1?session={session_id}", self.chunk(0)),
            ("POST", f"{place}/complete", b""),
            ("DELETE", place, b""),
        ):
            answer = self.ask_with(daemon, method, target, body, headers)
            self.assert_status(status, answer, (method, target))

    def test_checksums(self) -> None:
        """A chunk of another hash than signed is dropped, a file of another one refused."""
        daemon = self.begin_server()
        checksum = hashlib.sha256(self.data).hexdigest()
        session = self.create_signed(daemon, checksum=f"sha256:{checksum}")
        target = target_of(session["upload_urls"]["chunks"][0])
        signed = self.signed("PUT", target, self.chunk(0))
        answer = self.ask_with(daemon, "PUT", target, self.chunk(0)[::-1], signed)
        self.assert_status(422, answer)
        self.assertEqual(0, self.status(daemon, session)["received"])
        self.assert_status(200, self.ask_with(daemon, "PUT", target, self.chunk(0), signed))
        for index in (1, 2):
            self.put_chunk(daemon, session, index, self.data)
        self.assert_stored(daemon, session, self.data)
        other = self.create(daemon, self.data, checksum="sha256:" + "0" * 64)
        answers = [self.put_chunk(daemon, other, index, self.data) for index in (2, 1, 0)]
        self.assertEqual([200, 200, 422], [answer.status for answer in answers])
        status = self.status(daemon, other)
        self.assertEqual(("failed", "digest-mismatch"), (status["state"], status["error"]["code"]))
        self.assertEqual(1, len(daemon.stored()))
        self.assertEqual([], daemon.stages())

    def create_signed(self, daemon: Daemon, **members: object) -> dict[str, Any]:
        """Begin a session with a signature."""
        order = {"filename": "film.mkv", "size": len(self.data), **members}
        text = json.dumps(order).encode()
        headers = {
            "Content-Type": "application/json",
            **self.signed("POST", "/api/v3/upload", text),
        }
        answer = self.ask_with(daemon, "POST", "/api/v3/upload", text, headers)
        self.assert_status(201, answer)
        return dict(json.loads(answer.body))

    def signed(self, method: str, target: str, body: bytes) -> dict[str, str]:
        """Make the header fields of a signature over the hash of a body."""
        digest, moment, unique = hashlib.sha256(body).hexdigest(), int(time.time()), uuid.uuid4()
        message = header_v2.message(method, target, moment, str(unique), digest)
        signature = base64.b64encode(hmac.digest(SECRET.encode(), message, "sha256"))
        return {
            "Authorization": f"HMAC-SHA256-V2 {signature.decode()}",
            "X-Upload-Timestamp": str(moment),
            "X-Upload-ID": str(unique),
            "X-Content-SHA256": digest,
        }

    def test_orders(self) -> None:
        """Options that are not on, sizes that are too large, and documents that are none."""
        daemon = self.begin_server(max_upload_size="3MB", resumable_uploads_enabled=False)
        headers = {"Content-Type": "application/json", **self.bearer("romeo")}
        for order, status, code in (
            ({"options": {"encryption": "aes256"}}, 422, "option-unsupported"),
            ({"options": {"compression": "gzip"}}, 422, "option-unsupported"),
            ({"options": {"resumable": True}}, 422, "option-unsupported"),
            ({"size": 4 * 1024 * KILOBYTE}, 413, "too-large"),
            ({"size": -1}, 400, "malformed-request"),
            ({"filename": "a/../b"}, 400, "name-refused"),
        ):
            document = {"filename": "a.jpg", "size": 1, **order}
            answer = self.ask_with(
                daemon, "POST", "/api/v3/upload", json.dumps(document).encode(), headers
            )
            self.assert_status(status, answer, order)
            self.assertIn(code, json.loads(answer.body)["type"], order)
        answer = self.ask_with(daemon, "POST", "/api/v3/upload", b"{", headers)
        self.assert_status(400, answer)
        self.assertEqual([], files(daemon))


class ManyTests(RefusalCase):
    """An owner with as many sessions as there may be."""

    def test_a_thousand(self) -> None:
        """One more is 429 in each dialect, also after a restart; other owners have theirs."""
        daemon = self.begin_server()
        daemon.stop()
        resting.leave(self, daemon.storage, MOST, owner="romeo", kind="v3")
        daemon.start()
        order = json.dumps({"filename": "film.mkv", "size": 1}).encode()
        document = {"Content-Type": "application/json"}
        data = noise(SIZE)

        def create(owner: str) -> Answer:
            headers = {**document, **self.bearer(owner)}
            return self.ask_with(daemon, "POST", "/api/v3/upload", order, headers)

        eventually("the sessions to be counted", lambda: create("romeo").status == 429)
        refused = create("romeo")
        self.assertGreater(int(refused.headers["retry-after"]), 0)
        self.assertEqual(MOST, json.loads(refused.body)["limit"])
        fields = {"X-Session-Token": TOKEN, "Content-Range": f"bytes 0-{HALF - 1}/{SIZE}"}
        for owner, status in (("romeo", 429), ("juliet", 202)):
            answer = self.ask_with(
                daemon,
                "PUT",
                f"/upload/of-{owner}",
                data[:HALF],
                {**fields, **self.bearer(owner)},
            )
            self.assert_status(status, answer, owner)
        self.assert_status(201, create("juliet"))
        # What comes at once rests nowhere, and is taken.
        answer = self.ask_with(daemon, "PUT", "/upload/whole", data, self.bearer("romeo"))
        self.assert_status(201, answer)


class ExpiryTests(RefusalCase):
    """Sessions whose time is over."""

    def test_silence(self) -> None:
        """After ``sessiontimeout`` what came is gone (410), its bytes too; anew it goes."""
        daemon = self.begin_server(sessiontimeout="1s")
        data = noise(SIZE)
        target = daemon.target("photo", SIZE)
        token = {"X-Session-Token": TOKEN}
        part = {**token, "Content-Range": f"bytes 0-{HALF - 1}/{SIZE}"}
        rest = {**token, "Content-Range": f"bytes {HALF}-{SIZE - 1}/{SIZE}"}
        self.assert_status(202, self.ask_with(daemon, "PUT", target, data[:HALF], part))
        session = self.create(daemon, data)
        chunk = target_of(session["upload_urls"]["chunks"][0])

        def is_gone() -> bool:
            return ask(daemon.port, "HEAD", target, token).status == 410

        eventually("the end of the first", is_gone)
        self.assert_status(410, self.ask_with(daemon, "PUT", target, data[HALF:], rest))
        status = target_of(session["status_url"])
        eventually("the other's", lambda: ask(daemon.port, "GET", status).status == 410)
        self.assert_status(410, self.ask_with(daemon, "PUT", chunk, data))
        answer = self.ask_with(daemon, "POST", target_of(session["complete_url"]))
        self.assert_status(410, answer)
        self.assertEqual([], [path for path in files(daemon) if path.suffix != ".journal"])
        # It is remembered over a restart.
        daemon.restart()
        self.assert_status(410, ask(daemon.port, "HEAD", target, token))
        self.assert_status(410, ask(daemon.port, "GET", status))
        self.assert_status(201, self.ask_with(daemon, "PUT", target, data, token))
        self.assert_comes_back(daemon, daemon.place("photo"), data)

    def test_age(self) -> None:
        """``max_resumable_age`` counts from the beginning, though bytes came."""
        daemon = self.begin_server(max_resumable_age="2s", sessiontimeout="1h")
        data = noise(2 * CHUNK)
        session = self.create(daemon, data)
        self.put_chunk(daemon, session, 0, data)
        began = time.monotonic()
        target = target_of(session["status_url"])
        eventually("the end", lambda: ask(daemon.port, "GET", target).status == 410)
        self.assertGreater(time.monotonic() - began, 0.5)

    def test_not_persistent(self) -> None:
        """Without ``session_persistence`` a restart forgets what rests, and its bytes."""
        daemon = self.begin_server(session_persistence=False)
        session = self.create(daemon, noise(2 * CHUNK))
        self.put_chunk(daemon, session, 0, noise(2 * CHUNK))
        self.assertEqual(CHUNK, self.status(daemon, session)["received"])
        daemon.restart()
        answer = ask(daemon.port, "GET", target_of(session["status_url"]))
        self.assert_status(404, answer)
        self.assertEqual([], files(daemon))


def files(daemon: Daemon) -> list[Path]:
    """Tell the files of all sessions."""
    return list((daemon.storage / ".hmacfs" / "sessions").iterdir())
