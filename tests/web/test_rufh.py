"""Resumable uploads of the IETF's draft, on the URLs of XMPP and on ``/files``."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.uploads import delivery
from hmacfs.uploads.limits import Limits
from hmacfs.web.tus_offer import TusOffer
from hmacfs.wire.rufh import NEWEST, OLDEST, PROBLEM_TYPES, Dialect
from tests.web.signing import credential
from tests.web.wire import (
    MAX_UPLOAD_SIZE,
    Conversation,
    Response,
    Server,
    mac_v,
    mac_v2,
    request,
)

ORIGIN: Final = "http://files.example.org"
NAME: Final = "d1e2/photo.jpg"
DATA: Final = b"1234567890"
INTERIM: Final = b"HTTP/1.1 104 Upload Resumption Supported\r\n"


@frozen
class Client:
    """
    A client that speaks one draft.

    :ivar version: its interop version; ``None`` does not tell it.
    """

    server: Server
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
        return f"/upload/{NAME}?v={mac_v(NAME, size)}"

    def begin(self, sent: bytes, *headers: str) -> Conversation:
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
        response = conversation.response(method)
        while response.status == 104:
            response = conversation.response(method)
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

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))
        self.client = Client(self.server)

    def again(self, **settings: Any) -> None:
        """Take another server."""
        self.server = Server(Path(self.mktemp()), **settings)
        self.client = Client(self.server)

    def alice(self) -> str:
        """Write the header line of a token that may upload."""
        return credential("jwt", "x", owner="alice").headers[0]

    def stored(self) -> bytes | None:
        """Fetch the file."""
        got = self.server.ask("GET", f"/upload/{NAME}")
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
            client = Client(self.server, version)
            target = client.broken()
            self.assertIsNone(self.stored())
            head = client.ask("HEAD", target)
            self.assertEqual((head.status, head.headers["upload-offset"]), (204, "4"))
            self.assertEqual(head.headers["upload-length"], "10")
            self.assertEqual(head.headers["cache-control"], "no-store")
            self.assertIs(client.is_complete(head), False)
            last = client.append(target, 4, DATA[4:])
            self.assertEqual(last.status, 201, last.body)
            self.assertEqual(last.headers["location"], f"{ORIGIN}/upload/{NAME}")
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
        self.assertEqual(response.headers["location"], f"{ORIGIN}/upload/{NAME}")
        self.assertEqual(response.headers["upload-complete"], "?1")
        self.assertEqual(self.stored(), DATA)

    def test_interim_response(self) -> None:
        """It tells where the upload is, its limits, and the draft, before any of the body."""
        conversation = self.client.begin(b"")
        self.assertTrue(conversation.output().startswith(INTERIM))
        response = conversation.response("HEAD")
        self.assertTrue(response.headers["location"].startswith(f"{ORIGIN}/files/"))
        self.assertEqual(response.headers["upload-draft-interop-version"], "9")
        limit = f"max-size={MAX_UPLOAD_SIZE}, max-age=3600"
        self.assertEqual(response.headers["upload-limit"], limit)
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
        target = f"/upload/{NAME}?v={mac_v(NAME, 11)}"
        response = self.client.ask("PUT", target, body=DATA, last=True)
        self.assertEqual(response.status, 403)
        self.assertEqual(self.server.sessions.table.known, {})

    def test_signed_type(self) -> None:
        """A signature may cover the type, which is that of the file."""
        target = f"/upload/{NAME}?v2={mac_v2(NAME, 10, 'image/jpeg')}"
        kind = "Content-Type: image/jpeg"
        response = self.client.ask("PUT", target, kind, body=DATA, last=True)
        self.assertEqual(response.status, 201)
        got = self.server.ask("GET", f"/upload/{NAME}")
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
        self.assertIsNone(self.stored())
        target = first.headers["location"].removeprefix(ORIGIN)
        self.assertEqual(self.client.append(target, 10, b"").status, 201)
        self.assertEqual(self.stored(), DATA)

    def test_last_byte(self) -> None:
        """In drafts without Upload-Length, who sends it all the same need not say it is the end."""
        for version in range(OLDEST, NEWEST + 1):
            self.again()
            client = Client(self.server, version)
            length = "Upload-Length: 10"
            first = client.ask("PUT", client.target(), length, body=DATA[:4], last=False)
            target = first.headers["location"].removeprefix(ORIGIN)
            last = client.append(target, 4, DATA[4:], last=False)
            self.assertIs(client.is_complete(last), version <= 6, version)

    def test_plain_put(self) -> None:
        """A PUT that says nothing of completeness is a plain one, and so is one that is wrong."""
        for headers in ([], ["Upload-Complete: yes"], ["Upload-Draft-Interop-Version: 6"]):
            self.again()
            response = self.server.ask("PUT", self.client.target(), headers, DATA)
            self.assertEqual(response.status, 201)
            self.assertNotIn("upload-complete", response.headers)
            self.assertEqual(self.server.sessions.table.known, {})

    def test_switched_off(self) -> None:
        """Where uploads cannot be taken up again such a PUT is a plain one."""
        self.again(tus=TusOffer(MAX_UPLOAD_SIZE, on=False))
        conversation = self.client.begin(DATA)
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(self.server.sessions.table.known, {})
        self.assertNotIn("upload-limit", self.server.ask("OPTIONS", "/upload/x").headers)


class HearingTests(RufhCase):
    """Who is sent interim responses."""

    def statuses(self, client: Client, host: str = "192.0.2.1") -> list[int]:
        """Upload; tell the statuses of all responses."""
        conversation = client.server.connect(host)
        length = f"Content-Length: {len(DATA)}"
        conversation.send(request("PUT", client.target(), client.fields(length, last=True)))
        conversation.send(DATA)
        told = []
        while conversation.output():
            told.append(conversation.response("HEAD").status)
        conversation.close()
        return told

    def test_version(self) -> None:
        """Only who tells a version that is spoken here is sent any."""
        self.assertEqual(self.statuses(self.client), [104, 201])
        for version in (None, 2, 99):
            self.again()
            self.assertEqual(self.statuses(Client(self.server, version)), [201])

    def test_proxies(self) -> None:
        """Behind a trusted proxy there are none, for some take them for the final answer."""
        self.assertEqual(self.statuses(self.client, "10.1.2.3"), [201])
        self.again(interim="always")
        self.assertEqual(self.statuses(self.client, "10.1.2.3"), [104, 201])
        self.again(interim="never")
        self.assertEqual(self.statuses(self.client), [201])

    def test_progress(self) -> None:
        """While a body comes the client is told what of it is safe, if its draft has that."""
        for version, told in ((3, None), (4, None), (5, "4"), (9, "4")):
            self.again()
            client = Client(self.server, version)
            conversation = client.begin(b"")
            conversation.response("HEAD")
            self.server.clock.advance(delivery.CHECKPOINT_SECONDS)
            conversation.send(DATA[:4])
            if told is None:
                self.assertEqual(conversation.output(), b"")
            else:
                progress = conversation.response("HEAD")
                self.assertEqual((progress.status, progress.headers["upload-offset"]), (104, told))
                self.assertNotIn("location", progress.headers)
            conversation.lose()


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

    def test_length_at_creation(self) -> None:
        """They are at creation too."""
        for body, length, last in ((DATA, 11, True), (DATA, 9, True), (DATA, 9, False)):
            response = self.client.ask(
                "PUT", self.client.target(), f"Upload-Length: {length}", body=body, last=last
            )
            self.assertEqual(response.status, 400)
            problem = self.problem(response)
            self.assertEqual(problem["type"], f"{PROBLEM_TYPES}inconsistent-upload-length")
        self.assertEqual(self.server.sessions.table.known, {})

    def test_completed(self) -> None:
        """Nothing can be appended to an upload that is complete."""
        target = self.client.broken()
        self.client.append(target, 4, DATA[4:])
        for offset, body in ((10, b"x"), (10, b""), (0, DATA)):
            response = self.client.append(target, offset, body)
            self.assertEqual((response.status, response.headers["upload-complete"]), (400, "?1"))
            problem = self.problem(response)
            self.assertEqual(problem["type"], f"{PROBLEM_TYPES}completed-upload")
        self.assertEqual(self.stored(), DATA)

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
                self.assertEqual(self.client.ask(method, target).status, 404, (method, target))

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

    def test_expired(self) -> None:
        """An upload that has expired is gone."""
        self.again(limits=Limits(timeout=60.0))
        target = self.client.broken()
        self.server.clock.advance(61)
        self.assertEqual(self.client.ask("HEAD", target).status, 410)
        self.assertEqual(self.client.append(target, 4, DATA[4:]).status, 410)

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
        self.assertEqual(self.stored(), DATA)

    def test_methods(self) -> None:
        """An upload has no other methods."""
        target = self.client.broken()
        response = self.client.ask("POST", target, body=b"")
        self.assertEqual(response.status, 405)
        self.assertIn("PATCH", response.headers["allow"])

    def test_newer_request(self) -> None:
        """A request for the offset ends one that still sends, so that the offset is right."""
        conversation = self.client.begin(DATA[:4])
        target = conversation.response("HEAD").headers["location"].removeprefix(ORIGIN)
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")
        conversation.send(DATA[4:])
        self.assertEqual(self.client.ask("HEAD", target).headers["upload-offset"], "4")
        conversation.lose()


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

    def test_off(self) -> None:
        """Digests are not compared where that is switched off."""
        self.again(tus=TusOffer(MAX_UPLOAD_SIZE, checks=False))
        wrong = self.digest(b"other")
        target = self.client.broken(DATA[:4], f"Repr-Digest: {wrong}")
        response = self.client.append(target, 4, DATA[4:], f"Content-Digest: {wrong}")
        self.assertEqual(response.status, 201)


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
        bob = credential("jwt", "x", owner="bob").headers[0]
        self.assertEqual(self.client.ask("HEAD", target, bob).status, 404)
        self.assertEqual(self.client.ask("HEAD", target, self.alice()).status, 204)

    def test_credential_of_a_slot(self) -> None:
        """The credential of a slot may be sent with the requests that go on, or not."""
        made = credential("bearer", NAME, len(DATA))
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
        target = f"/upload?path={NAME}&v={mac_v(NAME, len(DATA))}"
        response = self.client.ask("POST", target, body=DATA, last=True)
        self.assertEqual(response.status, 201, response.body)
        self.assertEqual(self.stored(), DATA)

    def test_query_signature(self) -> None:
        """So may one that the query signature names."""
        target = credential("query", "photo.jpg", len(DATA)).target
        response = self.client.ask("PUT", target, body=DATA, last=True)
        self.assertEqual(response.status, 201, response.body)
        self.assertEqual(self.server.ask("GET", "/upload/photo.jpg").body, DATA)

    def test_options(self) -> None:
        """OPTIONS tells the limits wherever uploads can be taken up again."""
        for target in ("/files", self.client.target(), "/upload", "*"):
            told = self.server.ask("OPTIONS", target).headers
            self.assertEqual(told["upload-limit"], f"max-size={MAX_UPLOAD_SIZE}", target)
        self.assertIn(
            "application/partial-upload",
            self.server.ask("OPTIONS", "/files").headers["accept-patch"],
        )

    def test_lost_answer(self) -> None:
        """A client whose last answer was lost finds its upload complete."""
        target = self.client.broken()
        conversation = self.server.connect()
        headers = ["Content-Type: application/partial-upload", "Upload-Offset: 4"]
        headers = self.client.fields(*headers, "Content-Length: 6", last=True)
        conversation.send(request("PATCH", target, headers) + DATA[4:])
        conversation.lose()
        head = self.client.ask("HEAD", target)
        self.assertEqual((head.status, head.headers["upload-complete"]), (204, "?1"))
        self.assertEqual(head.headers["content-location"], f"{ORIGIN}/upload/{NAME}")
