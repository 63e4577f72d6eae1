"""
Resumable uploads of the IETF's draft, on the URLs of XMPP and on ``/files``.

Whoever takes uploads by it runs these, in memory or as a daemon.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from base64 import b64encode
from typing import Any, Final

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.wire.rufh import NEWEST, OLDEST, PROBLEM_TYPES, Dialect
from tests.web.signing import credential
from tests.web.wire import MAX_UPLOAD_SIZE, Asked, Response, Talk, mac_v, mac_v2, request

ORIGIN: Final = "http://files.example.org"
DATA: Final = b"1234567890"


def final(conversation: Talk, method: str = "GET") -> Response:
    """Read the final response, after interim ones."""
    response = conversation.response(method)
    while response.status == 104:
        response = conversation.response(method)
    return response


@frozen
class Client:
    """
    A client that speaks one draft.

    :ivar name: of the file.
    :ivar version: its interop version; ``None`` does not tell it.
    """

    server: Asked
    name: str
    version: int | None = NEWEST

    @property
    def dialect(self) -> Dialect:
        """Its draft."""
        return Dialect(NEWEST if self.version is None else self.version)

    def fields(self, *headers: str, last: bool | None = None) -> list[str]:
        """Write header lines."""
        lines = list(headers)
        if self.version is not None:
            lines.append(f"Upload-Draft-Interop-Version: {self.version}")
        if last is not None:
            lines.append(f"{self.dialect.completeness}: {self.dialect.complete(last)}")
        return lines

    def target(self, size: int = len(DATA)) -> str:
        """Tell a signed upload URL, as ejabberd makes them."""
        return f"/upload/{self.name}?v={mac_v(self.name, size)}"

    def begin(self, sent: bytes, *headers: str) -> Talk:
        """Send some bytes of the whole file."""
        conversation = self.server.connect()
        length = f"Content-Length: {len(DATA)}"
        conversation.send(
            request("PUT", self.target(), self.fields(length, *headers, last=True)) + sent
        )
        return conversation

    def ask(
        self,
        method: str,
        target: str,
        *headers: str,
        body: bytes | None = None,
        last: bool | None = None,
    ) -> Response:
        """Ask on a connection of its own; tell the final response."""
        conversation = self.server.connect()
        conversation.send(request(method, target, self.fields(*headers, last=last), body))
        response = final(conversation, method)
        conversation.close()
        return response

    def append(
        self, target: str, offset: int, body: bytes, *headers: str, last: bool = True
    ) -> Response:
        """Send more."""
        kind = ["Content-Type: application/partial-upload"] if self.dialect.needs_type else []
        where = f"Upload-Offset: {offset}"
        return self.ask("PATCH", target, *kind, where, *headers, body=body, last=last)

    def broken(self, sent: bytes = DATA[:4], *headers: str) -> str:
        """Lose the connection after some bytes; tell where the upload is."""
        conversation = self.begin(sent, *headers)
        response = conversation.response("HEAD")
        conversation.lose()
        return response.headers["location"].removeprefix(ORIGIN)

    def is_complete(self, response: Response) -> bool | None:
        """Read the field of completeness."""
        return self.dialect.is_complete(response.headers.get(self.dialect.completeness.lower()))


class RufhCase(SynchronousTestCase):
    """What these tests share."""

    server: Asked

    def setUp(self) -> None:
        self.again()

    def again(self) -> None:
        """Take another name."""
        self.name = f"{uuid.uuid4()}/photo.jpg"
        self.client = self.speaking(NEWEST)

    def speaking(self, version: int | None) -> Client:
        """Make a client that speaks a draft."""
        return Client(self.server, self.name, version)

    def now(self) -> float:
        """Tell the time of day of the server."""
        return time.time()

    def uploads(self) -> int:
        """Tell how many uploads the server knows."""
        raise NotImplementedError

    def alice(self) -> str:
        """Write the header line of a token that may upload."""
        return credential("jwt", "x", owner="alice", now=self.now()).headers[0]

    def stored(self) -> bytes | None:
        """Fetch the file."""
        got = self.server.ask("GET", f"/upload/{self.name}")
        return got.body if got.status == 200 else None

    def problem(self, response: Response) -> dict[str, Any]:
        """Read a problem document."""
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        document: dict[str, Any] = json.loads(response.body)
        return document


class SlotTests(RufhCase):
    """A signed upload URL, as XMPP servers give them out, and nothing else of XMPP."""

    def test_every_draft(self) -> None:
        """Whatever draft a client speaks, it goes on where its connection broke."""
        for version in range(OLDEST, NEWEST + 1):
            self.again()
            client = self.speaking(version)
            target = client.broken()
            self.assertIsNone(self.stored())
            head = client.ask("HEAD", target)
            self.assertEqual((head.status, head.headers["upload-offset"]), (204, "4"))
            self.assertEqual(head.headers["upload-length"], "10")
            self.assertEqual(head.headers["cache-control"], "no-store")
            self.assertIs(client.is_complete(head), False)
            last = client.append(target, 4, DATA[4:])
            self.assertEqual(last.status, 201, last.body)
            self.assertEqual(last.headers["location"], f"{ORIGIN}/upload/{self.name}")
            self.assertEqual(last.headers["etag"], f'"{hashlib.sha256(DATA).hexdigest()}"')
            self.assertEqual(last.headers["upload-offset"], "10")
            self.assertIs(client.is_complete(last), True)
            self.assertEqual(self.stored(), DATA)

    def test_unbroken(self) -> None:
        """An upload that does not break is answered as any other."""
        conversation = self.client.begin(DATA)
        self.assertEqual(conversation.response("HEAD").status, 104)
        response = conversation.response()
        self.assertEqual(response.status, 201)
        self.assertEqual(response.headers["location"], f"{ORIGIN}/upload/{self.name}")
        self.assertEqual(response.headers["upload-complete"], "?1")
        self.assertEqual(self.stored(), DATA)

    def test_interim_response(self) -> None:
        """It tells where the upload is, its limits, and the draft, before any of the body."""
        conversation = self.client.begin(b"")
        response = conversation.response("HEAD")
        self.assertEqual(response.status, 104)
        self.assertTrue(response.headers["location"].startswith(f"{ORIGIN}/files/"))
        self.assertEqual(response.headers["upload-draft-interop-version"], "9")
        limit = rf"max-size={MAX_UPLOAD_SIZE}, max-age=(3600|3599)"
        self.assertRegex(response.headers["upload-limit"], limit)
        conversation.lose()

    def test_expectation(self) -> None:
        """The 104 does not take the place of the 100 that was asked for."""
        conversation = self.client.begin(b"", "Expect: 100-continue")
        self.assertEqual(conversation.response("HEAD").status, 104)
        self.assertEqual(conversation.response("HEAD").status, 100)
        conversation.send(DATA)
        self.assertEqual(conversation.response().status, 201)

    def test_bad_signature(self) -> None:
        """A URL with a wrong signature makes no upload."""
        before = self.uploads()
        target = f"/upload/{self.name}?v={mac_v(self.name, 11)}"
        response = self.client.ask("PUT", target, body=DATA, last=True)
        self.assertEqual(response.status, 403)
        self.assertEqual(self.uploads(), before)

    def test_signed_type(self) -> None:
        """A signature may cover the type, which is that of the file."""
        target = f"/upload/{self.name}?v2={mac_v2(self.name, 10, 'image/jpeg')}"
        kind = "Content-Type: image/jpeg"
        response = self.client.ask("PUT", target, kind, body=DATA, last=True)
        self.assertEqual(response.status, 201)
        got = self.server.ask("GET", f"/upload/{self.name}")
        self.assertEqual(got.headers["content-type"], "image/jpeg")

    def test_again(self) -> None:
        """The same bytes to the same URL again are a success; others are a conflict."""
        for body, status in ((DATA, 201), (DATA, 201), (b"x" * 10, 409)):
            response = self.client.ask("PUT", self.client.target(), body=body, last=True)
            self.assertEqual(response.status, status, response.body)
        self.assertEqual(self.stored(), DATA)

    def test_parts(self) -> None:
        """A signed upload may come in parts, if the first tells the length that is signed."""
        missing = self.client.ask("PUT", self.client.target(), body=DATA[:3], last=False)
        self.assertEqual(missing.status, 411)
        wrong = self.client.ask(
            "PUT", self.client.target(), "Upload-Length: 11", body=DATA[:3], last=False
        )
        self.assertEqual(wrong.status, 403)
        first = self.client.ask(
            "PUT", self.client.target(), "Upload-Length: 10", body=DATA[:3], last=False
        )
        self.assertEqual((first.status, first.headers["upload-complete"]), (201, "?0"))
        target = first.headers["location"].removeprefix(ORIGIN)
        second = self.client.append(target, 3, DATA[3:6], last=False)
        self.assertEqual((second.status, second.headers["upload-complete"]), (204, "?0"))
        self.assertEqual(second.headers["upload-offset"], "6")
        self.assertEqual(self.client.append(target, 6, DATA[6:]).status, 201)
        self.assertEqual(self.stored(), DATA)

    def test_last_part_of_nothing(self) -> None:
        """That all bytes are there is not the end before the client says so."""
        first = self.client.ask(
            "PUT", self.client.target(), "Upload-Length: 10", body=DATA, last=False
        )
        self.assertEqual(first.status, 201)
        target = first.headers["location"].removeprefix(ORIGIN)
        head = self.client.ask("HEAD", target).headers
        told = (head["upload-offset"], head["upload-length"], head["upload-complete"])
        self.assertEqual(told, ("10", "10", "?0"))
        self.assertIsNone(self.stored())
        self.assertEqual(self.client.append(target, 10, b"").status, 201)
        self.assertEqual(self.stored(), DATA)

    def test_careful_creation(self) -> None:
        """The first request may bring no bytes at all; its answer is where the upload is."""
        for version in range(OLDEST, NEWEST + 1):
            self.again()
            client = self.speaking(version)
            first = client.ask(
                "PUT", client.target(), "Upload-Length: 10", "Content-Length: 0", last=False
            )
            self.assertEqual((first.status, first.headers["upload-offset"]), (201, "0"))
            self.assertIs(client.is_complete(first), False)
            age = "expires" if version <= 6 else "max-age"
            limit = rf"max-size={MAX_UPLOAD_SIZE}, {age}=\d+"
            self.assertRegex(first.headers["upload-limit"], limit)
            target = first.headers["location"].removeprefix(ORIGIN)
            self.assertRegex(client.ask("HEAD", target).headers["upload-limit"], limit)
            self.assertEqual(client.append(target, 0, DATA).status, 201)
            self.assertEqual(self.stored(), DATA)

    def test_nothing(self) -> None:
        """An upload may be empty."""
        target = f"/upload/{self.name}?v={mac_v(self.name, 0)}"
        response = self.client.ask("PUT", target, body=b"", last=True)
        self.assertEqual((response.status, response.headers["upload-complete"]), (201, "?1"))
        self.assertEqual(self.stored(), b"")

    def test_last_byte(self) -> None:
        """In drafts without Upload-Length, who sends it all the same need not say it is the end."""
        for version in range(OLDEST, NEWEST + 1):
            self.again()
            client = self.speaking(version)
            length = "Upload-Length: 10"
            first = client.ask("PUT", client.target(), length, body=DATA[:4], last=False)
            target = first.headers["location"].removeprefix(ORIGIN)
            last = client.append(target, 4, DATA[4:], last=False)
            self.assertIs(client.is_complete(last), version <= 6, version)

    def test_plain_put(self) -> None:
        """A PUT that says nothing of completeness is a plain one, and so is one that is wrong."""
        before = self.uploads()
        for headers in ([], ["Upload-Complete: yes"], ["Upload-Draft-Interop-Version: 6"]):
            self.again()
            response = self.server.ask("PUT", self.client.target(), headers, DATA)
            self.assertEqual(response.status, 201)
            self.assertNotIn("upload-complete", response.headers)
            self.assertEqual(self.uploads(), before)


class ExpectationTests(RufhCase):
    """``Expect: 100-continue`` with a body that may not be the whole."""

    def begin(self, method: str, target: str, *headers: str, last: bool) -> Talk:
        """Send the head of a request with a body of four bytes."""
        conversation = self.server.connect()
        lines = self.client.fields(*headers, "Expect: 100-continue", "Content-Length: 4", last=last)
        conversation.send(request(method, target, lines))
        return conversation

    def test_wanted(self) -> None:
        """A part that is wanted is asked for, and the connection is good for the next."""
        target = self.client.target()
        conversation = self.begin("PUT", target, "Upload-Length: 10", last=False)
        self.assertEqual(conversation.response("HEAD").status, 104)
        self.assertEqual(conversation.response("HEAD").status, 100)
        conversation.send(DATA[:4])
        first = final(conversation)
        self.assertEqual((first.status, first.headers["upload-offset"]), (201, "4"))
        target = first.headers["location"].removeprefix(ORIGIN)
        kind = "Content-Type: application/partial-upload"
        lines = self.client.fields(kind, "Upload-Offset: 4", "Expect: 100-continue", last=True)
        conversation.send(request("PATCH", target, [*lines, "Content-Length: 6"]))
        self.assertEqual(conversation.response("HEAD").status, 100)
        conversation.send(DATA[4:])
        self.assertEqual(conversation.response().status, 201)
        conversation.close()
        self.assertEqual(self.stored(), DATA)

    def test_one_after_the_other(self) -> None:
        """Requests that are sent at once are answered one after the other."""
        upload = self.client.broken()
        kind = "Content-Type: application/partial-upload"
        requests = []
        for offset, last in ((4, False), (7, True)):
            stop = len(DATA) if last else 7
            lines = self.client.fields(kind, f"Upload-Offset: {offset}", last=last)
            requests.append(request("PATCH", upload, lines, DATA[offset:stop]))
            requests.append(request("HEAD", upload, self.client.fields()))
        conversation = self.server.connect()
        conversation.send(b"".join(requests))
        told = []
        for method in ("PATCH", "HEAD") * 2:
            response = final(conversation, method)
            told.append((response.status, response.headers["upload-offset"]))
        conversation.close()
        self.assertEqual(told, [(204, "7"), (204, "7"), (201, "10"), (204, "10")])
        self.assertEqual(self.stored(), DATA)

    def test_not_wanted(self) -> None:
        """One that is not is not; what would come is never taken for another request."""
        upload = self.client.broken()
        kind = "Content-Type: application/partial-upload"
        hidden = request("DELETE", upload, self.client.fields())
        target = self.client.target()
        for status, head, last in (
            (411, ("PUT", target), False),
            (403, ("PUT", target, "Upload-Length: 11"), False),
            (400, ("PUT", target, "Upload-Length: 3"), False),
            (400, ("PUT", target, "Upload-Length: 10"), True),
            (409, ("PATCH", upload, kind, "Upload-Offset: 3"), False),
            (415, ("PATCH", upload, "Upload-Offset: 4"), False),
            (400, ("PATCH", upload, kind), False),
            (400, ("PATCH", upload, kind, "Upload-Offset: 4"), True),
        ):
            conversation = self.begin(*head, last=last)
            response = conversation.response()
            self.assertEqual((response.status, response.headers["connection"]), (status, "close"))
            conversation.send(hidden)
            conversation.close()
        self.assertEqual(self.client.ask("HEAD", upload).headers["upload-offset"], "4")


class HearingTests(RufhCase):
    """Who is sent interim responses."""

    def statuses(self, client: Client, host: str = "192.0.2.1") -> list[int]:
        """Upload; tell the statuses of all responses."""
        conversation = client.server.connect(host)
        length = f"Content-Length: {len(DATA)}"
        conversation.send(request("PUT", client.target(), client.fields(length, last=True)))
        conversation.send(DATA)
        told: list[int] = []
        while not told or told[-1] < 200:
            told.append(conversation.response("HEAD").status)
        conversation.close()
        return told

    def test_version(self) -> None:
        """Only who tells a version that is spoken here is sent any."""
        self.assertEqual(self.statuses(self.client), [104, 201])
        for version in (None, 2, 99):
            self.again()
            self.assertEqual(self.statuses(self.speaking(version)), [201])


class RefusalTests(RufhCase):
    """Requests that do not fit."""

    def test_offset(self) -> None:
        """An offset that is not the upload's is a conflict, which tells the right one."""
        target = self.client.broken()
        for offset in (0, 3, 5, 10, 99):
            response = self.client.append(target, offset, DATA[offset:] or b"x")
            self.assertEqual(response.status, 409)
            self.assertEqual(response.headers["upload-offset"], "4")
            self.assertEqual(response.headers["upload-complete"], "?0")
            problem = self.problem(response)
            self.assertEqual(problem["type"], f"{PROBLEM_TYPES}mismatching-upload-offset")
            self.assertEqual((problem["expected-offset"], problem["provided-offset"]), (4, offset))
        self.assertEqual(self.client.append(target, 4, DATA[4:]).status, 201)

    def test_length(self) -> None:
        """Lengths that contradict each other are refused, and nothing is kept of the request."""
        target = self.client.broken()
        for response in (
            self.client.append(target, 4, DATA[4:] + b"x"),
            self.client.append(target, 4, DATA[4:9]),
            self.client.append(target, 4, DATA[4:], "Upload-Length: 11"),
            self.client.append(target, 4, DATA[4:], "Upload-Length: 9", last=False),
            self.client.append(target, 4, DATA[4:] + b"x", last=False),
        ):
            self.assertEqual(response.status, 400)
            problem = self.problem(response)
            self.assertEqual(problem["type"], f"{PROBLEM_TYPES}inconsistent-upload-length")
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")

    def test_length_of_a_refused_part(self) -> None:
        """Of a part that is refused the length does not count either."""
        first = self.client.ask("POST", "/files", self.alice(), body=DATA[:4], last=False)
        target = first.headers["location"].removeprefix(ORIGIN)
        for response in (
            self.client.append(target, 4, DATA[4:], "Upload-Length: 11"),
            self.client.append(target, 4, DATA[4:], "Upload-Length: 9", last=False),
            self.client.append(target, 4, b"", "Upload-Length: 3", last=False),
            self.client.append(target, 4, b"", "Upload-Length: 3"),
        ):
            self.assertEqual(response.status, 400)
            self.assertNotIn("upload-length", self.client.ask("HEAD", target).headers)
        last = self.client.append(target, 4, DATA[4:], "Upload-Length: 10")
        self.assertEqual(last.status, 201)

    def test_length_at_creation(self) -> None:
        """They are at creation too."""
        before = self.uploads()
        for body, length, last in ((DATA, 11, True), (DATA, 9, True), (DATA, 9, False)):
            response = self.client.ask(
                "PUT", self.client.target(), f"Upload-Length: {length}", body=body, last=last
            )
            self.assertEqual(response.status, 400)
            problem = self.problem(response)
            self.assertEqual(problem["type"], f"{PROBLEM_TYPES}inconsistent-upload-length")
        self.assertEqual(self.uploads(), before)

    def test_completed(self) -> None:
        """Nothing can be appended to an upload that is complete; bytes are a wrong length."""
        for version in (6, 8, 9):
            self.again()
            self.client = self.speaking(version)
            target = self.client.broken()
            self.client.append(target, 4, DATA[4:])
            for offset, body in ((10, b"x"), (10, b""), (0, DATA)):
                response = self.client.append(target, offset, body)
                told = (response.status, response.headers["upload-complete"])
                self.assertEqual(told, (400, "?1"))
                is_excess = version == 9 and body
                kind = "inconsistent-upload-length" if is_excess else "completed-upload"
                self.assertEqual(self.problem(response)["type"], f"{PROBLEM_TYPES}{kind}")
            self.assertEqual(self.stored(), DATA)

    def test_taken_name(self) -> None:
        """An error that the file itself makes says that all of it has come: no use to go on."""
        target = self.client.broken()
        other = f"/upload/{self.name}?v={mac_v(self.name, 5)}"
        self.assertEqual(self.server.ask("PUT", other, [], b"first").status, 201)
        response = self.client.append(target, 4, DATA[4:])
        told = response.headers
        self.assertEqual((response.status, told["upload-complete"]), (409, "?1"))
        self.assertEqual(told["upload-offset"], "10")
        self.assertTrue(self.problem(response)["type"].endswith(":name-taken"))
        self.assertEqual(self.client.ask("HEAD", target).status, 410)
        self.assertEqual(self.stored(), b"first")

    def test_more_in_chunks(self) -> None:
        """A body in chunks that brings more than the length makes the upload invalid."""
        target = self.client.broken()
        conversation = self.server.connect()
        headers = ["Content-Type: application/partial-upload", "Upload-Offset: 4"]
        headers = self.client.fields(*headers, "Transfer-Encoding: chunked", last=True)
        conversation.send(request("PATCH", target, headers) + b"7\r\n567890x\r\n0\r\n\r\n")
        response = conversation.response()
        conversation.close()
        self.assertEqual(response.status, 400)
        kind = f"{PROBLEM_TYPES}inconsistent-upload-length"
        self.assertEqual(self.problem(response)["type"], kind)
        for method in ("HEAD", "PATCH"):
            self.assertEqual(self.client.ask(method, target).status, 410)
        self.assertIsNone(self.stored())

    def test_fields(self) -> None:
        """A request to append needs its fields; one that cannot be read counts as absent."""
        target = self.client.broken()
        kind = "Content-Type: application/partial-upload"
        for headers, status in (
            (("Upload-Offset: 4", "Upload-Complete: ?1"), 415),
            (("Content-Type: text/plain", "Upload-Offset: 4", "Upload-Complete: ?1"), 415),
            ((kind, "Upload-Complete: ?1"), 400),
            ((kind, "Upload-Offset: -4", "Upload-Complete: ?1"), 400),
            ((kind, "Upload-Offset: 4.0", "Upload-Complete: ?1"), 400),
            ((kind, "Upload-Offset: 4"), 400),
            ((kind, "Upload-Offset: 4", "Upload-Complete: 1"), 400),
        ):
            response = self.client.ask("PATCH", target, *headers, body=DATA[4:])
            self.assertEqual(response.status, status, headers)
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")

    def test_unknown(self) -> None:
        """An upload that there is not is not found, whatever the method."""
        for target in ("/files/" + "A" * 43, "/files/nonsense", "/files/a/b"):
            for method in ("HEAD", "PATCH", "DELETE", "GET"):
                for client in (self.client, self.speaking(None)):
                    self.assertEqual(client.ask(method, target).status, 404, (method, target))

    def test_too_large(self) -> None:
        """What is larger than files may be is refused, with the limit."""
        size = MAX_UPLOAD_SIZE + 1
        response = self.client.ask(
            "PUT", self.client.target(size), f"Upload-Length: {size}", body=b"", last=False
        )
        self.assertEqual(response.status, 413)
        self.assertEqual(response.headers["upload-limit"], f"max-size={MAX_UPLOAD_SIZE}")

    def test_end_before_the_end(self) -> None:
        """A last part in chunks that ends too soon is refused; what came of it is kept."""
        target = self.client.broken()
        conversation = self.server.connect()
        headers = ["Content-Type: application/partial-upload", "Upload-Offset: 4"]
        headers = self.client.fields(*headers, "Transfer-Encoding: chunked", last=True)
        conversation.send(request("PATCH", target, headers) + b"2\r\n56\r\n0\r\n\r\n")
        self.assertEqual(conversation.response("HEAD").headers["upload-offset"], "6")
        self.assertEqual(conversation.response().status, 400)
        self.assertIsNone(self.stored())
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "6")

    def test_cancelled(self) -> None:
        """An upload that was cancelled is gone, with its bytes."""
        target = self.client.broken()
        self.assertEqual(self.client.ask("DELETE", target).status, 204)
        self.assertEqual(self.client.ask("HEAD", target).status, 410)
        self.assertIsNone(self.stored())

    def test_cancelled_too_late(self) -> None:
        """A file is not undone by cancelling its upload: others may have its URL already."""
        target = self.client.broken()
        self.client.append(target, 4, DATA[4:])
        self.assertEqual(self.client.ask("DELETE", target).status, 204)
        self.assertEqual(self.client.ask("HEAD", target).status, 404)
        self.assertEqual(self.stored(), DATA)

    def test_methods(self) -> None:
        """An upload has no other methods."""
        target = self.client.broken()
        response = self.client.ask("POST", target, body=b"")
        self.assertEqual(response.status, 405)
        self.assertIn("PATCH", response.headers["allow"])


class DigestTests(RufhCase):
    """Repr-Digest, Content-Digest and what is wanted of them (RFC 9530)."""

    def digest(self, data: bytes) -> str:
        """Write the SHA-256 of bytes."""
        return f"sha-256=:{b64encode(hashlib.sha256(data).digest()).decode()}:"

    def test_whole(self) -> None:
        """The digest of the whole, told at creation, has to be that of all parts."""
        target = self.client.broken(DATA[:4], f"Repr-Digest: {self.digest(DATA)}")
        self.assertEqual(self.client.append(target, 4, DATA[4:]).status, 201)
        self.again()
        target = self.client.broken(DATA[:4], f"Repr-Digest: {self.digest(b'other')}")
        self.assertEqual(self.client.append(target, 4, DATA[4:]).status, 422)
        self.assertIsNone(self.stored())
        self.assertEqual(self.client.ask("HEAD", target).status, 410)

    def test_part(self) -> None:
        """A part that does not fit its digest is dropped, and can be sent again."""
        target = self.client.broken()
        wrong = f"Content-Digest: {self.digest(DATA)}"
        self.assertEqual(self.client.append(target, 4, DATA[4:], wrong).status, 422)
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")
        right = f"Content-Digest: {self.digest(DATA[4:])}"
        self.assertEqual(self.client.append(target, 4, DATA[4:], right).status, 201)

    def test_wanted(self) -> None:
        """Who asks for the digest of the whole is told it in the end."""
        target = self.client.broken(DATA[:4], "Want-Repr-Digest: sha-256=5")
        last = self.client.append(target, 4, DATA[4:])
        self.assertEqual(last.headers["repr-digest"], self.digest(DATA))


class CreationTests(RufhCase):
    """``POST``: on ``/files``, and on the URL of uploads."""

    def test_files(self) -> None:
        """With a token an upload of any length may begin, and the file has a folder of its own."""
        first = self.client.ask("POST", "/files", self.alice(), body=DATA[:4], last=False)
        self.assertEqual((first.status, first.headers["upload-offset"]), (201, "4"))
        target = first.headers["location"].removeprefix(ORIGIN)
        self.assertNotIn("upload-length", self.client.ask("HEAD", target).headers)
        last = self.client.append(target, 4, DATA[4:])
        self.assertEqual(last.status, 201)
        self.assertEqual(last.headers["location"], ORIGIN + target)
        place = last.headers["content-location"].removeprefix(ORIGIN)
        self.assertEqual(self.server.ask("GET", place).body, DATA)
        self.assertEqual(self.client.ask("GET", target).body, DATA)

    def test_files_and_credentials(self) -> None:
        """Without a credential nothing begins; another owner's token finds nothing."""
        self.assertEqual(self.client.ask("POST", "/files", body=DATA, last=True).status, 401)
        first = self.client.ask("POST", "/files", self.alice(), body=DATA[:4], last=False)
        target = first.headers["location"].removeprefix(ORIGIN)
        bob = credential("jwt", "x", owner="bob", now=self.now()).headers[0]
        self.assertEqual(self.client.ask("HEAD", target, bob).status, 404)
        self.assertEqual(self.client.ask("HEAD", target, self.alice()).status, 204)

    def test_credential_of_a_slot(self) -> None:
        """The credential of a slot may be sent with the requests that go on, or not."""
        made = credential("bearer", self.name, len(DATA))
        length = f"Content-Length: {len(DATA)}"
        conversation = self.server.connect()
        fields = self.client.fields(length, *made.headers, last=True)
        conversation.send(request("PUT", made.target, fields) + DATA[:4])
        target = conversation.response("HEAD").headers["location"].removeprefix(ORIGIN)
        conversation.lose()
        wrong = "Authorization: Bearer " + "0" * 64
        self.assertEqual(self.client.ask("HEAD", target, wrong).status, 401)
        self.assertEqual(self.client.append(target, 4, DATA[4:], *made.headers).status, 201)

    def test_upload_url(self) -> None:
        """A file that is named in the query of POST may be sent as the body."""
        target = f"/upload?path={self.name}&v={mac_v(self.name, len(DATA))}"
        response = self.client.ask("POST", target, body=DATA, last=True)
        self.assertEqual(response.status, 201, response.body)
        self.assertEqual(self.stored(), DATA)

    def test_query_signature(self) -> None:
        """So may one that the query signature names."""
        unique = str(uuid.uuid4())
        signed = credential("query", f"{unique}.jpg", len(DATA), now=self.now(), unique=unique)
        response = self.client.ask("PUT", signed.target, body=DATA, last=True)
        self.assertEqual(response.status, 201, response.body)
        self.assertEqual(self.server.ask("GET", f"/upload/{unique}.jpg").body, DATA)

    def test_options(self) -> None:
        """OPTIONS tells the limits wherever uploads can be taken up again."""
        for target in ("/files", self.client.target(), "/upload", "*"):
            told = self.server.ask("OPTIONS", target).headers
            self.assertEqual(told["upload-limit"], f"max-size={MAX_UPLOAD_SIZE}", target)
            self.assertIn("application/partial-upload", told["accept-patch"], target)

    def test_name(self) -> None:
        """The draft names the file in Content-Disposition."""
        for line, leaf in (
            ("Content-Disposition: inline; filename=a.txt", "a.txt"),
            ('Content-Disposition: inline; filename="../x y.txt"', "x%20y.txt"),
            ("Content-Disposition: inline; filename=_; filename*=UTF-8''%C3%A9.txt", "%C3%A9.txt"),
            ("Content-Disposition: inline", "file"),
        ):
            response = self.client.ask("POST", "/files", self.alice(), line, body=DATA, last=True)
            self.assertEqual(response.status, 201)
            self.assertTrue(response.headers["content-location"].endswith(f"/{leaf}"), leaf)

    def test_form(self) -> None:
        """A form is taken as a whole or not at all."""
        kind = "Content-Type: multipart/form-data; boundary=x"
        part = b'Content-Disposition: form-data; name="file"; filename="photo.jpg"'
        body = b"--x\r\n%s\r\n\r\n%s\r\n--x--\r\n" % (part, DATA)
        whole = self.client.ask("PUT", self.client.target(), kind, body=body, last=True)
        self.assertEqual(whole.status, 201)
        self.assertEqual(self.stored(), DATA)
        self.again()
        length = f"Upload-Length: {2 * len(body)}"
        for method, target in (("PUT", self.client.target()), ("POST", "/upload")):
            response = self.client.ask(method, target, kind, length, body=body, last=False)
            self.assertEqual(response.status, 415)
        self.assertIsNone(self.stored())
