"""Upload sessions of the V3 API."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from hmacfs.rules.conditions import Conditions
from hmacfs.uploads.limits import Limits
from hmacfs.wire.upload_order import MAX_BYTES
from tests.web.signing import UUID, Credential, credential
from tests.web.wire import NOW, OFFER, Conversation, Response, Server, request

CONTENT = bytes(range(256)) * 10
"""Three chunks, the last of 560 bytes."""

ORIGIN = "http://files.example.org"
JSON = "Content-Type: application/json"


def path_of(url: str) -> str:
    """Tell the target of a URL of the server."""
    return url.removeprefix(ORIGIN)


class SessionCase(SynchronousTestCase):
    """A server, and requests to its sessions."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.token = credential("jwt", "x", owner="romeo").headers[0]

    def post(self, document: object, *headers: str, server: Server | None = None) -> Response:
        """Send an order."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        lines = headers or (self.token, JSON)
        return (server or self.server).ask("POST", "/api/v3/upload", lines, body)

    def create(self, content: bytes = CONTENT, **members: Any) -> dict[str, Any]:
        """Begin a session and tell what it was answered."""
        order = {"filename": "photo.jpg", "size": len(content), **members}
        response = self.post(order)
        self.assertEqual(response.status, 201, repr(response.body))
        document: dict[str, Any] = json.loads(response.body)
        return document

    def put_chunk(
        self, session: dict[str, Any], number: int, content: bytes = CONTENT, *headers: str
    ) -> Response:
        """Send the chunk of this number of a file."""
        start = (number - 1) * session["chunk_size"]
        chunk = content[start : start + session["chunk_size"]]
        target = path_of(session["upload_urls"]["chunks"][number - 1])
        return self.server.ask("PUT", target, headers, chunk)

    def status(self, session: dict[str, Any], *headers: str) -> Any:
        """Tell how far a session is."""
        return json.loads(self.server.ask("GET", path_of(session["status_url"]), headers).body)

    def assert_problem(self, response: Response, status: int, code: str, **facts: Any) -> None:
        """Fail unless a response is the problem document of a refusal."""
        self.assertEqual(response.status, status, repr(response.body))
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        document = json.loads(response.body)
        self.assertEqual(document["type"], f"urn:hmac-file-server:problem:{code}")
        self.assertEqual({name: document.get(name) for name in facts}, facts)

    def assert_stored(self, session: dict[str, Any], content: bytes = CONTENT) -> None:
        """Fail unless the file of a session can be downloaded."""
        got = self.server.ask("GET", path_of(session["download_url"]), [self.token])
        self.assertEqual((got.status, got.body), (200, content))


class CreateTests(SessionCase):
    """``POST /api/v3/upload``."""

    def test_answer(self) -> None:
        """The answer has all fields of the 3.2 documents, and those that tell how to go on."""
        options = {"chunked": True, "resumable": True}
        session = self.create(content_type="image/jpeg", options=options)
        session_id = session["session_id"]
        self.assertRegex(session_id, "^sess_[A-Za-z0-9_-]{43}$")
        self.assertEqual(
            session,
            {
                "success": True,
                "version": "v3",
                "session_id": session_id,
                "upload_id": session["upload_id"],
                "upload_urls": {
                    "put": f"{ORIGIN}/api/v3/upload/{session_id}",
                    "chunks": [
                        f"{ORIGIN}/api/v3/chunk/{number}?session={session_id}"
                        for number in (1, 2, 3)
                    ],
                },
                "status_url": f"{ORIGIN}/api/v3/upload/{session_id}",
                "complete_url": f"{ORIGIN}/api/v3/upload/{session_id}/complete",
                "download_url": f"{ORIGIN}/api/v3/download/{session['upload_id']}/photo.jpg",
                "websocket_url": f"ws://files.example.org/api/v3/progress/{session_id}",
                "chunk_size": 1000,
                "total_chunks": 3,
                "capabilities": list(OFFER.capabilities),
                "expires_at": session["expires_at"],
            },
        )

    def test_mobile(self) -> None:
        """A mobile device is proposed its own size of chunks, for the whole of its session."""
        order = {"filename": "photo.jpg", "size": 250}
        response = self.post(order, self.token, JSON, "Sec-CH-UA-Mobile: ?1")
        session = json.loads(response.body)
        self.assertEqual((100, 3), (session["chunk_size"], session["total_chunks"]))
        for number in (3, 1, 2):
            response = self.put_chunk(session, number, bytes(250))
        self.assertEqual(201, response.status)
        self.assertEqual(1000, self.create(bytes(250))["chunk_size"])

    def test_base_url(self) -> None:
        """URLs begin with the public base URL where there is one; so does that of the socket."""
        server = Server(Path(self.mktemp()), base_url="https://share.example.org")
        response = self.post({"filename": "a", "size": 1}, self.token, JSON, server=server)
        session = json.loads(response.body)
        for url in (
            session["status_url"],
            session["download_url"],
            *session["upload_urls"]["chunks"],
        ):
            self.assertTrue(url.startswith("https://share.example.org/api/v3/"), url)
        socket = session["websocket_url"]
        self.assertTrue(socket.startswith("wss://share.example.org/api/v3/progress/"), socket)

    def test_not_kept(self) -> None:
        """The answer holds capabilities: no cache may keep it."""
        response = self.post({"filename": "a", "size": 1})
        self.assertEqual(response.headers["cache-control"], "no-store")

    def test_credentials(self) -> None:
        """It takes a token with the scope, and what is refused is refused before the body."""
        order = {"filename": "photo.jpg", "size": 1}
        self.assert_problem(self.post(order, JSON), 401, "signature-missing")
        self.assert_problem(
            self.post(order, "Authorization: Bearer a.b.c", JSON), 401, "signature-wrong"
        )
        reader = credential("jwt", "x", scopes=frozenset({Scope.DOWNLOAD})).headers[0]
        self.assert_problem(self.post(order, reader, JSON), 403, "scope-missing")
        conversation = self.server.connect()
        conversation.send(
            request("POST", "/api/v3/upload", [JSON, "Content-Length: 9", "Expect: 100-continue"])
        )
        self.assertEqual(conversation.response().status, 401)

    def test_type(self) -> None:
        """A body of another type is refused."""
        form = "Content-Type: multipart/form-data; boundary=x"
        for kind in ("Content-Type: text/plain", form, "X-Nothing: x"):
            self.assert_problem(self.post(b"{}", self.token, kind), 415, "type-refused")
        charset = "Content-Type: application/json; charset=utf-8"
        self.assertEqual(self.post({"filename": "a", "size": 1}, self.token, charset).status, 201)

    def test_bodies(self) -> None:
        """A body that is no order is refused, and a long one before it comes."""
        self.assert_problem(self.post(b"{"), 400, "malformed-request")
        self.assert_problem(self.post({"filename": "a"}), 400, "malformed-request", member="size")
        self.assert_problem(self.post({"filename": "a/b", "size": 1}), 400, "name-refused")
        self.assert_problem(self.post({"filename": "\ud800", "size": 1}), 400, "name-refused")
        self.assert_problem(self.post(b"[" * 9999), 400, "malformed-request")
        conversation = self.server.connect()
        length = f"Content-Length: {MAX_BYTES + 1}"
        conversation.send(
            request("POST", "/api/v3/upload", [self.token, JSON, length, "Expect: 100-continue"])
        )
        self.assert_problem(conversation.response(), 413, "too-large", limit=MAX_BYTES)

    def test_a_long_body_without_a_length(self) -> None:
        """A body whose length is not announced is read up to the limit."""
        conversation = self.server.connect()
        headers = [self.token, JSON, "Transfer-Encoding: chunked"]
        conversation.send(request("POST", "/api/v3/upload", headers))
        conversation.send(b"%x\r\n" % (MAX_BYTES + 1) + b" " * (MAX_BYTES + 1) + b"\r\n")
        self.assert_problem(conversation.response(), 413, "too-large", limit=MAX_BYTES)

    def test_unsupported_options(self) -> None:
        """What the server does not do is refused, and named."""
        for name, value in (("encryption", "aes256"), ("compression", "gzip"), ("speed", 11)):
            response = self.post({"filename": "a", "size": 1, "options": {name: value}})
            self.assert_problem(response, 422, "option-unsupported", option=name)

    def test_options_that_are_off(self) -> None:
        """So is what is switched off; without chunks there are no URLs of chunks."""
        offer = evolve(OFFER, options=frozenset({"resumable"}), capabilities=("resumable_upload",))
        server = self.server = Server(Path(self.mktemp()), offer=offer)
        order = {"filename": "a", "size": 1, "options": {"chunked": True}}
        self.assert_problem(
            self.post(order, server=server), 422, "option-unsupported", option="chunked"
        )
        session = self.create(options={"resumable": True})
        self.assertEqual((session["upload_urls"]["chunks"], session["total_chunks"]), ([], 0))
        target = path_of(session["status_url"])
        self.assert_problem(
            server.ask("PUT", f"{target}/chunks/1", (), CONTENT[:1000]), 404, "not-found"
        )
        self.assertEqual(server.ask("PUT", target, (), CONTENT).status, 201)
        self.assert_stored(session)

    def test_bounds(self) -> None:
        """Size, type and quota of the credential, and the size of files, are judged at once."""
        self.assert_problem(self.post({"filename": "a", "size": 10_000_001}), 413, "too-large")
        token = credential("jwt", "x", allowed_types=("image/*",)).headers[0]
        order = {"filename": "a", "size": 1, "content_type": "text/plain"}
        self.assert_problem(self.post(order, token, JSON), 403, "not-covered")
        token = credential("jwt", "x", owner="romeo", quota=10).headers[0]
        self.assert_problem(
            self.post({"filename": "a", "size": 11}, token, JSON), 413, "quota-exceeded"
        )

    def test_bounds_for_the_end(self) -> None:
        """What only the bytes can tell is remembered with the session."""
        token = credential("jwt", "x", owner="romeo", quota=10, allowed_types=("image/*",))
        digest = sha256(b"x").digest()
        order = {
            "filename": "a",
            "size": 1,
            "content_type": "image/png",
            "checksum": f"sha256:{digest.hex()}",
        }
        self.post(order, token.headers[0], JSON)
        (session_id,) = self.server.sessions.table.known
        found = self.successResultOf(
            Deferred.fromCoroutine(self.server.sessions.find(session_id, "v3"))
        )
        conditions = found.draft.conditions
        self.assertEqual(conditions, Conditions(digest, 10, None, ("image/*",)))

    def test_too_many(self) -> None:
        """There is a limit to the sessions of an owner, and a time to come again."""
        self.server = Server(Path(self.mktemp()), limits=Limits(most_of_owner=2))
        for _ in range(2):
            self.create()
        response = self.post({"filename": "a", "size": 1})
        self.assert_problem(response, 429, "too-many-uploads", limit=2)
        self.assertIn("retry-after", response.headers)


class SignedTests(SessionCase):
    """Sessions under ``HMAC-SHA256-V2``."""

    def sign(
        self, document: bytes | None, name: str = "x", size: int = 0, **facts: Any
    ) -> Credential:
        """Sign a request of V3."""
        facts = {"method": "POST", "uri": "/api/v3/upload", **facts}
        digest = None if document is None else sha256(document).digest()
        return credential("v2-header", name, size, sha256=digest, **facts)

    def test_document(self) -> None:
        """The content hash is that of the document; the upload id is the folder of the file."""
        document = json.dumps({"filename": "photo.jpg", "size": len(CONTENT)}).encode()
        response = self.post(document, *self.sign(document).headers, JSON)
        self.assertEqual(response.status, 201, repr(response.body))
        self.assertEqual(json.loads(response.body)["upload_id"], UUID)
        shouted = self.sign(document, unique=UUID.upper()).headers
        response = self.post(document, *shouted, JSON)
        self.assertEqual(json.loads(response.body)["upload_id"], UUID)
        response = self.post(document + b" ", *self.sign(document).headers, JSON)
        self.assert_problem(response, 422, "digest-mismatch")

    def test_name_and_size(self) -> None:
        """Without a hash name and size are signed, and are those of the document."""
        made = self.sign(None, "photo.jpg", 1)
        for name, size, status in (
            ("photo.jpg", 1, 201),
            ("photo.png", 1, 401),
            ("photo.jpg", 2, 401),
        ):
            response = self.post({"filename": name, "size": size}, *made.headers, JSON)
            self.assertEqual(response.status, status, repr(response.body))

    def test_one_id_one_upload(self) -> None:
        """Another file under the id of an upload is a conflict, the same again a success."""
        for content, status in ((CONTENT, 201), (CONTENT, 201), (CONTENT[::-1], 409)):
            order = {"filename": "photo.jpg", "size": len(content)}
            document = json.dumps(order).encode()
            response = self.post(document, *self.sign(document).headers, JSON)
            session = json.loads(response.body)
            put = self.server.ask("PUT", path_of(session["upload_urls"]["put"]), (), content)
            self.assertEqual(put.status, status, repr(put.body))
        order = {"filename": "photo.jpg", "size": 1}
        document = json.dumps(order).encode()
        self.assert_problem(
            self.post(document, *self.sign(document).headers, JSON), 409, "replayed"
        )

    def test_signed_chunks(self) -> None:
        """A chunk may be signed too, and then has to have the hash; a wrong one does not count."""
        document = json.dumps({"filename": "photo.jpg", "size": 2000}).encode()
        made = self.sign(document)
        session = json.loads(self.post(document, *made.headers, JSON).body)
        target = path_of(session["upload_urls"]["chunks"][0])
        chunk = CONTENT[:1000]
        signed = self.sign(chunk, method="PUT", uri=target).headers
        wrong = self.server.ask("PUT", target, signed, chunk[::-1])
        self.assert_problem(wrong, 422, "digest-mismatch")
        self.assertEqual(self.status(session)["received"], 0)
        self.assertEqual(self.server.ask("PUT", target, signed, chunk).status, 200)
        stranger = credential("jwt", "x", owner="romeo").headers[0]
        self.assert_problem(self.server.ask("PUT", target, [stranger], chunk), 404, "not-found")


class ChunkTests(SessionCase):
    """Chunks."""

    def test_any_order(self) -> None:
        """Chunks come in any order; the request that brings the last byte gets the file."""
        session = self.create(content_type="image/jpeg")
        for number, received, missing in (
            (3, 560, [[0, 1999]]),
            (1, 1560, [[1000, 1999]]),
        ):
            response = self.put_chunk(session, number)
            self.assertEqual(response.status, 200, repr(response.body))
            self.assertEqual(
                json.loads(response.body),
                {
                    "session_id": session["session_id"],
                    "upload_id": session["upload_id"],
                    "state": "open",
                    "filename": "photo.jpg",
                    "size": len(CONTENT),
                    "received": received,
                    "missing": missing,
                    "expires_at": session["expires_at"],
                },
            )
        response = self.put_chunk(session, 2)
        self.assertEqual(response.status, 201)
        name = f"{session['upload_id']}/photo.jpg"
        answer = json.loads(response.body)
        expected = {
            "success": True,
            "version": "v3",
            "state": "stored",
            "received": len(CONTENT),
            "missing": [],
            "url": f"{ORIGIN}/download/{name}",
            "download_url": session["download_url"],
            "content_type": "image/jpeg",
            "checksum": "sha256:" + sha256(CONTENT).hexdigest(),
        }
        self.assertEqual({key: answer[key] for key in expected}, expected)
        self.assert_stored(session)

    def test_forms_of_the_url(self) -> None:
        """PUT and POST, with the session in the query, in X-Session-ID or in the path."""
        session = self.create()
        session_id = session["session_id"]
        for method, target, headers, number in (
            ("POST", f"/api/v3/chunk/1?session={session_id}", [], 1),
            ("PUT", "/api/v3/chunk/2", [f"X-Session-ID: {session_id}"], 2),
            ("POST", f"/api/v3/upload/{session_id}/chunks/3", [self.token], 3),
        ):
            chunk = CONTENT[1000 * (number - 1) : 1000 * number]
            self.assertLess(self.server.ask(method, target, headers, chunk).status, 300)
        self.assert_stored(session)

    def test_which_session(self) -> None:
        """A chunk names one session."""
        session_id = self.create()["session_id"]
        for target, headers in (
            ("/api/v3/chunk/1", []),
            (f"/api/v3/chunk/1?session={session_id}", ["X-Session-ID: sess_other"]),
        ):
            response = self.server.ask("PUT", target, headers, CONTENT[:1000])
            self.assert_problem(response, 400, "malformed-request")

    def test_twice(self) -> None:
        """The same chunk again is a success; other bytes are a conflict, and change nothing."""
        session = self.create()
        for content, status in ((CONTENT, 200), (CONTENT, 200), (CONTENT[::-1], 409)):
            self.assertEqual(self.put_chunk(session, 2, content).status, status)
        self.assert_problem(
            self.put_chunk(session, 2, CONTENT[::-1]), 409, "bytes-differ", offset=1000
        )
        for number in (1, 3):
            self.put_chunk(session, number)
        self.assert_stored(session)

    def test_after_the_end(self) -> None:
        """Who missed the answer to the last chunk and sends it again gets it again."""
        session = self.create(CONTENT[:1000])
        first = self.put_chunk(session, 1)
        again = self.put_chunk(session, 1)
        self.assertEqual((first.status, again.status), (201, 200))
        for name in ("state", "checksum", "download_url", "success"):
            self.assertEqual(json.loads(first.body)[name], json.loads(again.body)[name])

    def test_the_body_after_the_end(self) -> None:
        """That body is read to its end, so that the connection, and the answer, are not lost."""
        session = self.create(CONTENT[:1000])
        self.put_chunk(session, 1)
        conversation = self.server.connect()
        target = path_of(session["upload_urls"]["chunks"][0])
        conversation.send(request("PUT", target, ["Content-Length: 1000"]) + CONTENT[:500])
        self.assertEqual(conversation.output(), b"")
        conversation.send(CONTENT[500:1000])
        response = conversation.response()
        self.assertEqual(response.status, 200)
        self.assertNotIn("connection", response.headers)

    def test_wrong_lengths(self) -> None:
        """A chunk of another length is refused before it comes."""
        session = self.create()
        for number, length, expected in (
            (1, 999, 1000),
            (1, 1001, 1000),
            (3, 1000, 560),
            (3, 0, 560),
        ):
            target = path_of(session["upload_urls"]["chunks"][number - 1])
            conversation = self.server.connect()
            headers = [f"Content-Length: {length}", "Expect: 100-continue"]
            conversation.send(request("PUT", target, headers))
            response = conversation.response()
            self.assert_problem(response, 413, "size-mismatch", expected=expected, received=length)
        self.assertEqual(self.status(session)["received"], 0)

    def test_lengths_that_are_not_announced(self) -> None:
        """Of a chunk that turns out too long or short at its end it is told then."""
        session = self.create()
        for length in (900, 1100):
            conversation = self.server.connect()
            target = path_of(session["upload_urls"]["chunks"][0])
            conversation.send(request("PUT", target, ["Transfer-Encoding: chunked"]))
            conversation.send(b"%x\r\n" % length + CONTENT[:length] + b"\r\n0\r\n\r\n")
            self.assert_problem(conversation.response(), 413, "size-mismatch")
        for number in (1, 2, 3):
            self.put_chunk(session, number)
        self.assert_stored(session)

    def test_numbers(self) -> None:
        """There are no other chunks."""
        session = self.create()
        for number in ("0", "4", "-1", "x", "1" * 400):
            target = f"{path_of(session['status_url'])}/chunks/{number}"
            self.assert_problem(self.server.ask("PUT", target, (), b"x"), 404, "not-found")

    def test_a_break(self) -> None:
        """What came of a chunk before its client vanished counts."""
        session = self.create()
        conversation = self.server.connect()
        target = path_of(session["upload_urls"]["chunks"][1])
        conversation.send(request("PUT", target, ["Content-Length: 1000"]) + CONTENT[1000:1300])
        conversation.lose()
        self.assertEqual(self.status(session)["missing"], [[0, 999], [1300, 2559]])
        for number in (1, 2, 3):
            self.put_chunk(session, number)
        self.assert_stored(session)

    def test_settings_that_change(self) -> None:
        """The chunks of a session stay what they were when others are proposed."""
        session = self.create()
        v3 = self.server.root_of_urls._api.v3
        object.__setattr__(v3, "offer", evolve(OFFER, chunk_size=700))
        for number in (1, 2, 3):
            self.put_chunk(session, number)
        self.assert_stored(session)
        self.assertEqual(self.create()["chunk_size"], 700)


class WholeTests(SessionCase):
    """``PUT /api/v3/upload/SESSION``."""

    def test_whole(self) -> None:
        """The whole file may come at once, with or without the credential."""
        session = self.create()
        response = self.server.ask("PUT", path_of(session["upload_urls"]["put"]), (), CONTENT)
        self.assertEqual(response.status, 201)
        self.assert_stored(session)

    def test_after_chunks(self) -> None:
        """It may come after some chunks, with which it has to agree."""
        session = self.create()
        self.put_chunk(session, 2)
        target = path_of(session["upload_urls"]["put"])
        self.assert_problem(self.server.ask("PUT", target, (), CONTENT[::-1]), 409, "bytes-differ")
        other = self.create()
        self.put_chunk(other, 2)
        put = self.server.ask("PUT", path_of(other["upload_urls"]["put"]), (), CONTENT)
        self.assertEqual(put.status, 201)
        self.assert_stored(other)

    def test_lengths(self) -> None:
        """It has the length that was announced."""
        session = self.create()
        target = path_of(session["upload_urls"]["put"])
        for content in (CONTENT[:-1], CONTENT + b"x"):
            self.assert_problem(self.server.ask("PUT", target, (), content), 413, "size-mismatch")

    def test_ranges(self) -> None:
        """A part by Content-Range is not taken (RFC 9110, 14.5)."""
        session = self.create()
        target = path_of(session["upload_urls"]["put"])
        response = self.server.ask(
            "PUT", target, ["Content-Range: bytes 0-999/2560"], CONTENT[:1000]
        )
        self.assert_problem(response, 400, "malformed-request")

    def test_nothing(self) -> None:
        """A file without bytes has no chunks, and is stored when it is completed."""
        session = self.create(b"")
        self.assertEqual(session["total_chunks"], 0)
        response = self.server.ask("POST", path_of(session["complete_url"]))
        self.assertEqual(response.status, 201, repr(response.body))
        self.assert_stored(session, b"")
        other = self.create(b"")
        put = self.server.ask("PUT", path_of(other["upload_urls"]["put"]), (), b"")
        self.assertEqual(put.status, 201, repr(put.body))


class EndTests(SessionCase):
    """How a session ends."""

    def test_complete(self) -> None:
        """Completing is refused while bytes are missing, and afterwards tells the same again."""
        session = self.create()
        target = path_of(session["complete_url"])
        self.put_chunk(session, 1)
        self.assert_problem(self.server.ask("POST", target), 409, "incomplete", received=1000)
        for number in (2, 3):
            self.put_chunk(session, number)
        answers = [self.server.ask("POST", target) for _ in range(2)]
        self.assertEqual([answer.status for answer in answers], [200, 200])
        self.assertEqual(answers[0].body, answers[1].body)
        self.assertTrue(json.loads(answers[0].body)["success"])

    def test_checksum(self) -> None:
        """A file of another digest than announced is refused at its end, and nothing is kept."""
        session = self.create(checksum="sha256:" + sha256(b"other").hexdigest())
        statuses = [self.put_chunk(session, number).status for number in (1, 2, 3)]
        self.assertEqual(statuses, [200, 200, 422])
        response = self.server.ask("POST", path_of(session["complete_url"]))
        self.assert_problem(response, 422, "digest-mismatch")
        status = self.status(session)
        self.assertEqual((status["state"], status["error"]["code"]), ("failed", "digest-mismatch"))
        got = self.server.ask("GET", path_of(session["download_url"]), [self.token])
        self.assertEqual(got.status, 404)
        self.assert_problem(self.put_chunk(session, 1), 409, "upload-over", state="failed")

    def test_right_checksum(self) -> None:
        """A file of the announced digest is stored."""
        session = self.create(checksum="sha256:" + sha256(CONTENT).hexdigest().upper())
        statuses = [self.put_chunk(session, number).status for number in (3, 2, 1)]
        self.assertEqual(statuses, [200, 200, 201])

    def test_cancel(self) -> None:
        """A session that was cancelled is gone, for every request."""
        session = self.create()
        self.put_chunk(session, 1)
        target = path_of(session["status_url"])
        self.assertEqual(self.server.ask("DELETE", target).status, 204)
        for response in (
            self.server.ask("GET", target),
            self.server.ask("DELETE", target),
            self.server.ask("POST", path_of(session["complete_url"])),
            self.put_chunk(session, 2),
        ):
            self.assert_problem(response, 410, "gone")

    def test_cancel_what_is_stored(self) -> None:
        """A file that is stored stays when its session is cancelled."""
        session = self.create(CONTENT[:10])
        self.put_chunk(session, 1, CONTENT[:10])
        self.server.ask("DELETE", path_of(session["status_url"]))
        self.assert_stored(session, CONTENT[:10])

    def test_expired(self) -> None:
        """A session that nobody came back for in time is gone."""
        session = self.create()
        self.put_chunk(session, 1)
        self.server.clock.advance(3601)
        self.assert_problem(self.put_chunk(session, 2), 410, "gone")
        self.assert_problem(self.server.ask("GET", path_of(session["status_url"])), 410, "gone")

    def test_unknown(self) -> None:
        """What is no session is not found, whatever its shape."""
        for session_id in ("sess_" + "A" * 43, "sess_1", "x", "sess_" + "A" * 4000, "%00"):
            for method, tail in (
                ("GET", ""),
                ("PUT", ""),
                ("DELETE", ""),
                ("POST", "/complete"),
                ("PUT", "/chunks/1"),
            ):
                target = f"/api/v3/upload/{session_id}{tail}"
                self.assert_problem(self.server.ask(method, target), 404, "not-found")


class OwnerTests(SessionCase):
    """Credentials that are sent to a session, which needs none."""

    def asked(self, session: dict[str, Any], *headers: str) -> Response:
        """Ask how far it is."""
        return self.server.ask("GET", path_of(session["status_url"]), headers)

    def test_owner(self) -> None:
        """They have to be genuine, for uploads, and the owner's; to others there is no session."""
        session = self.create()
        for made, status in (
            (credential("jwt", "x", owner="romeo"), 200),
            (credential("jwt", "x", owner="juliet"), 404),
            (credential("jwt", "x"), 404),
            (credential("jwt", "x", owner="romeo", scopes=frozenset({Scope.DOWNLOAD})), 403),
            (credential("jwt", "x", owner="romeo", now=NOW - 90_000), 401),
        ):
            self.assertEqual(self.asked(session, *made.headers).status, status)
        for header in (
            "Authorization: Bearer a.b.c",
            "Authorization: Basic YTpi",
            "Authorization: x",
        ):
            self.assertEqual(self.asked(session, header).status, 401)
        self.assertEqual(self.asked(session).status, 200)

    def test_expiry(self) -> None:
        """A credential that has expired since the session began is good for its chunks."""
        token = credential("jwt", "x", owner="romeo", lifetime=60).headers[0]
        document = {"filename": "a", "size": len(CONTENT)}
        session = json.loads(self.post(document, token, JSON).body)
        self.server.clock.advance(600)
        self.assertEqual(self.put_chunk(session, 1, CONTENT, token).status, 200)
        self.assert_problem(self.post(document, token, JSON), 401, "signature-expired")

    def test_wrong_credential_with_a_body(self) -> None:
        """A chunk with a wrong credential is refused before it comes."""
        session = self.create()
        conversation: Conversation = self.server.connect()
        headers = ["Authorization: Bearer a.b.c", "Content-Length: 1000", "Expect: 100-continue"]
        target = path_of(session["upload_urls"]["chunks"][0])
        conversation.send(request("PUT", target, headers))
        self.assertEqual(conversation.response().status, 401)
