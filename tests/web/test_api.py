"""``/api``: V1, V2, downloads of V3, and what is where."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from hmacfs.base.events import RequestEnded
from hmacfs.base.version import VERSION
from tests.forms import HEADER, Part, file, form
from tests.web.signing import UUID, Credential, credential
from tests.web.wire import NOW, Response, Server, mac_v, request

CONTENT = b"content"
ORIGIN = "http://files.example.org"


class ApiCase(SynchronousTestCase):
    """A server, and requests to its API."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))

    def post(self, target: str, made: Credential, *parts: Part, kind: str = HEADER) -> Response:
        """Send a form."""
        return self.server.ask("POST", target, [*made.headers, kind], form(*parts))

    def assert_problem(self, response: Response, status: int, code: str) -> None:
        """Fail unless a response is the problem document of a refusal."""
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(response.headers["content-type"], "application/problem+json")
        document = json.loads(response.body)
        self.assertEqual(document["type"], f"urn:hmac-file-server:problem:{code}")
        self.assertEqual(document["status"], status)


class V1Tests(ApiCase):
    """``POST /api/v1/upload``."""

    def signed(self, name: str = "document.pdf", **facts: Any) -> Credential:
        """Sign the name and the type of a file."""
        return credential("v1", name, **{"content_type": "application/pdf", **facts})

    def test_answer(self) -> None:
        """The answer has the four facts of the documents."""
        response = self.post(
            "/api/v1/upload", self.signed(), file(CONTENT, "document.pdf", "application/pdf")
        )
        self.assertEqual(response.status, 201)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(
            json.loads(response.body),
            {
                "success": True,
                "url": f"{ORIGIN}/download/document.pdf",
                "filename": "document.pdf",
                "size": 7,
            },
        )
        got = self.server.ask("GET", "/download/document.pdf")
        self.assertEqual((got.body, got.headers["content-type"]), (CONTENT, "application/pdf"))

    def test_timestamp_in_the_form(self) -> None:
        """The timestamp may be a field before the file; after it is too late."""
        made = evolve(self.signed(), headers=self.signed().headers[:1])
        stamp = Part("timestamp", f"{NOW:.0f}".encode())
        document = file(CONTENT, "document.pdf", "application/pdf")
        self.assert_problem(
            self.post("/api/v1/upload", made, document, stamp), 400, "malformed-request"
        )
        self.assertEqual(self.post("/api/v1/upload", made, stamp, document).status, 201)

    def test_wrong(self) -> None:
        """Another name, type or time is refused with 401 and the challenge of V1."""
        good = file(CONTENT, "document.pdf", "application/pdf")
        for made, part in (
            (self.signed(), evolve(good, filename="other.pdf")),
            (self.signed(), evolve(good, content_type="image/png")),
            (self.signed(now=NOW - 301), good),
            (self.signed(now=NOW + 301), good),
            (Credential("/"), good),
            (credential("v2-header", "document.pdf", 7), good),
            (credential("jwt", "document.pdf"), good),
        ):
            response = self.post("/api/v1/upload", made, part)
            self.assertEqual(response.status, 401, response.body)
            self.assertEqual(response.headers["content-type"], "application/problem+json")
            challenge = 'HMAC-SHA256 realm="hmac-file-server"'
            self.assertEqual(response.headers["www-authenticate"], challenge)

    def test_large(self) -> None:
        """All that is signed comes with the head of the file, so it may be as large as any."""
        large = file(b"x" * 2_000_000, "document.pdf", "application/pdf")
        self.assertEqual(self.post("/api/v1/upload", self.signed(), large).status, 201)

    def test_replay(self) -> None:
        """The same file again is a success, another under the signature a conflict."""
        statuses = [
            self.post(
                "/api/v1/upload", self.signed(), file(content, "document.pdf", "application/pdf")
            ).status
            for content in (CONTENT, CONTENT, b"CONTENT")
        ]
        self.assertEqual(statuses, [201, 201, 409])

    def test_ambiguous(self) -> None:
        """Where the end of the name is moved into the type it is 400, though the signature fits."""
        made = self.signed("document.pdf", content_type="application/pdf")
        part = file(CONTENT, "document.pdfapp", "lication/pdf")
        response = self.post("/api/v1/upload", made, part)
        self.assert_problem(response, 400, "signature-ambiguous")


class V2Tests(ApiCase):
    """``POST /api/v2/upload``."""

    def by_name(self, name: str = "document.pdf", size: int = 7, **facts: Any) -> Credential:
        """Sign name and size, as the JavaScript client of the documents does."""
        return credential("v2-header", name, size, **facts)

    def by_digest(self, content: bytes = CONTENT, **facts: Any) -> Credential:
        """Sign the content hash."""
        return credential("v2-header", "x", sha256=sha256(content).digest(), **facts)

    def test_answer(self) -> None:
        """The answer has the facts of the documents, of those that there are."""
        said = Part("metadata", b'{"title":"My Document","tags":["important"]}')
        part = file(CONTENT, "document.pdf", "application/pdf")
        response = self.post("/api/v2/upload", self.by_name(), part, said)
        self.assertEqual(response.status, 201)
        self.assertEqual(
            json.loads(response.body),
            {
                "success": True,
                "version": "v2",
                "upload_id": UUID,
                "url": f"{ORIGIN}/download/document.pdf",
                "filename": "document.pdf",
                "size": 7,
                "content_type": "application/pdf",
                "checksum": "sha256:" + sha256(CONTENT).hexdigest(),
                "metadata": {"title": "My Document", "tags": ["important"]},
            },
        )

    def test_again(self) -> None:
        """The same upload again is answered as the first time, metadata and all."""
        parts = (file(CONTENT, "document.pdf", "application/pdf"), Part("metadata", b'{"a":1}'))
        first = self.post("/api/v2/upload", self.by_name(), *parts)
        again = self.post("/api/v2/upload", self.by_name(), parts[0])
        self.assertEqual((again.status, again.body), (first.status, first.body))

    def test_digest(self) -> None:
        """A signature over the hash is verified before the file, and the hash with its end."""
        part = file(b"x" * 2_000_000, "any name 7.bin")
        self.assertEqual(
            self.post("/api/v2/upload", self.by_digest(part.content), part).status, 201
        )
        other = self.by_digest(unique=UUID.replace("5", "6"))
        response = self.post("/api/v2/upload", other, file(b"CONTENT"))
        self.assert_problem(response, 422, "digest-mismatch")

    def test_wrong(self) -> None:
        """Whatever else is signed is refused with 401 and the challenge of V2."""
        for made, part in (
            (self.by_name(), file(CONTENT, "other.pdf")),
            (self.by_name(), file(b"content!", "document.pdf")),
            (self.by_name(method="PUT"), file(CONTENT, "document.pdf")),
            (self.by_name(uri="/api/v3/upload"), file(CONTENT, "document.pdf")),
            (self.by_name(now=NOW - 301), file(CONTENT, "document.pdf")),
            (credential("v1", "document.pdf"), file(CONTENT, "document.pdf")),
            (Credential("/"), file(CONTENT, "document.pdf")),
        ):
            response = self.post("/api/v2/upload", made, part)
            self.assertEqual(response.status, 401, response.body)
            challenge = 'HMAC-SHA256-V2 realm="hmac-file-server"'
            self.assertEqual(response.headers["www-authenticate"], challenge)

    def test_the_uri_is_signed(self) -> None:
        """The URI is signed as it was sent, query and all."""
        made = self.by_name(uri="/api/v2/upload?x=y")
        part = file(CONTENT, "document.pdf")
        self.assertEqual(self.post("/api/v2/upload?x=z", made, part).status, 401)
        self.assertEqual(self.post("/api/v2/upload?x=y", made, part).status, 201)

    def test_missing_headers(self) -> None:
        """Without timestamp or id it is malformed."""
        made = self.by_name()
        for missing in ("X-Upload-Timestamp", "X-Upload-ID"):
            headers = tuple(line for line in made.headers if not line.startswith(missing))
            part = file(CONTENT, "document.pdf")
            response = self.post("/api/v2/upload", evolve(made, headers=headers), part)
            self.assert_problem(response, 400, "malformed-request")

    def test_unverified(self) -> None:
        """Under name and size alone the signature waits for the end: the file has to be small."""
        size = 1_000_001
        response = self.post(
            "/api/v2/upload", self.by_name(size=size), file(b"x" * size, "document.pdf")
        )
        self.assert_problem(response, 413, "too-large")

    def test_one_id_one_upload(self) -> None:
        """Another file under the id of an upload is a conflict."""
        self.post("/api/v2/upload", self.by_name("a.pdf"), file(CONTENT, "a.pdf"))
        response = self.post("/api/v2/upload", self.by_name("b.pdf"), file(CONTENT, "b.pdf"))
        self.assert_problem(response, 409, "replayed")

    def test_metadata(self) -> None:
        """Metadata that is no JSON object, or is huge, is refused, and nothing is stored."""
        part = file(CONTENT, "document.pdf")
        for text in (b"[]", b"{", b'{"a": NaN}', b"x" * 200_000, b'{"a":"%s"}' % (b"x" * 3000)):
            response = self.post("/api/v2/upload", self.by_name(), part, Part("metadata", text))
            self.assert_problem(response, 400, "malformed-request")
        self.assertEqual(self.server.ask("GET", "/download/document.pdf").status, 404)

    def test_base_url(self) -> None:
        """The public base URL is told where there is one."""
        server = Server(Path(self.mktemp()), base_url="https://share.example.org")
        part = file(CONTENT, "document.pdf")
        headers = [*self.by_name().headers, HEADER]
        response = server.ask("POST", "/api/v2/upload", headers, form(part))
        url = json.loads(response.body)["url"]
        self.assertEqual(url, "https://share.example.org/download/document.pdf")

    def test_behind_tls(self) -> None:
        """A trusted proxy's word on the scheme counts for the URL, and nobody else's."""
        for host, scheme in (("10.0.0.1", "https"), ("192.0.2.1", "http")):
            conversation = self.server.connect(host)
            headers = [*self.by_name().headers, HEADER, "X-Forwarded-Proto: https"]
            part = file(CONTENT, "document.pdf")
            conversation.send(request("POST", "/api/v2/upload", headers, form(part)))
            url = json.loads(conversation.response().body)["url"]
            self.assertEqual(url, f"{scheme}://files.example.org/download/document.pdf")


class DownloadTests(ApiCase):
    """``GET /api/v3/download/PATH``."""

    def setUp(self) -> None:
        super().setUp()
        self.server.ask("PUT", f"/upload/a/b?v={mac_v('a/b', 7)}", (), CONTENT)

    def get(self, *headers: str, path: str = "a/b", method: str = "GET") -> Response:
        """Download."""
        return self.server.ask(method, f"/api/v3/download/{path}", headers)

    def test_token(self) -> None:
        """A token with the scope downloads, whole or in parts, and no cache keeps it for others."""
        made = credential("jwt", "x").headers
        for method, body in (("GET", CONTENT), ("HEAD", b"")):
            response = self.get(*made, method=method)
            self.assertEqual((response.status, response.body), (200, body))
            self.assertIn("private", response.headers["cache-control"])
        self.assertEqual(self.get(*made, "Range: bytes=0-1").body, b"co")
        self.assert_problem(self.get(*made, path="none"), 404, "not-found")
        self.assert_problem(self.get(*made, path="a//b"), 404, "not-found")

    def test_signed(self) -> None:
        """A V2 signature over the hash of no bytes downloads, and may be used again."""
        facts: dict[str, Any] = {"method": "GET", "uri": "/api/v3/download/a/b"}
        nothing = sha256(b"").digest()
        made = credential("v2-header", "x", sha256=nothing, **facts).headers
        self.assertEqual([self.get(*made).status for _ in range(2)], [200, 200])
        self.assertEqual(self.get(*made, path="a/c").status, 401)
        of_bytes = credential("v2-header", "x", sha256=bytes(32), **facts).headers
        self.assert_problem(self.get(*of_bytes), 422, "digest-mismatch")
        of_name = credential("v2-header", "b", 7, **facts).headers
        self.assertEqual(self.get(*of_name).status, 401)

    def test_without(self) -> None:
        """Without a credential it is 401, and both are asked for."""
        response = self.get()
        self.assert_problem(response, 401, "signature-missing")
        self.assertEqual(
            response.headers["www-authenticate"],
            'Bearer realm="hmac-file-server", HMAC-SHA256-V2 realm="hmac-file-server"',
        )

    def test_scope(self) -> None:
        """Without the scope it is 403."""
        made = credential("jwt", "x", scopes=frozenset({Scope.UPLOAD})).headers
        self.assert_problem(self.get(*made), 403, "scope-missing")

    def test_link(self) -> None:
        """A link is for the URLs of files, and not for the API."""
        query = credential("get", "a/b").target.partition("?")[2]
        self.assertEqual(self.get(path=f"a/b?{query}").status, 401)


class PlaceTests(ApiCase):
    """What is where."""

    def test_description(self) -> None:
        """The description names every place and method that there is, and no other."""
        got = self.server.ask("GET", "/api/openapi.json")
        self.assertEqual((got.status, got.headers["content-type"]), (200, "application/json"))
        described = {
            path: {method.upper() for method in place if method != "parameters"}
            for path, place in json.loads(got.body)["paths"].items()
        }
        api = self.server.root_of_urls._api
        served = {
            endpoint.path: {*endpoint.methods} - {"OPTIONS", "HEAD"} for endpoint in api.endpoints
        }
        self.assertEqual({p: m for p, m in described.items() if p.startswith("/api/")}, served)

    def test_version(self) -> None:
        """The description is that of this release."""
        got = self.server.ask("GET", "/api/openapi.json")
        self.assertEqual(json.loads(got.body)["info"]["version"], VERSION)

    def test_incident(self) -> None:
        """What nobody foresaw is a problem document too."""
        object.__setattr__(self.server.intake, "publication", None)
        part = file(CONTENT, "document.pdf", "application/pdf")
        made = credential("v1", "document.pdf", content_type="application/pdf")
        response = self.post("/api/v1/upload", made, part)
        self.assert_problem(response, 500, "error")
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_huge_body(self) -> None:
        """A hundred megabytes of JSON are refused before they come."""
        conversation = self.server.connect()
        headers = ["Content-Type: application/json", "Content-Length: 104857600"]
        conversation.send(request("POST", "/api/v3/upload", [*headers, "Expect: 100-continue"]))
        self.assertEqual(conversation.response().status, 401)
        for version in ("v1", "v2"):
            conversation = self.server.connect()
            conversation.send(request("POST", f"/api/{version}/upload", headers))
            self.assert_problem(conversation.response(), 415, "type-refused")

    def test_nothing(self) -> None:
        """Elsewhere there is nothing, whatever the method, and no file."""
        self.server.ask("PUT", f"/upload/api/x?v={mac_v('api/x', 7)}", (), CONTENT)
        for target in ("/api", "/api/", "/api/x", "/api/v1", "/api/v1/upload/", "/api//v1/upload"):
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"):
                response = self.server.ask(method, target)
                self.assertEqual(response.status, 404, f"{method} {target}")
        self.assertEqual(self.server.ask("GET", "/upload/api/x").body, CONTENT)

    def test_unreadable(self) -> None:
        """What cannot be read is a problem document too."""
        for target in ("/api/%", "/api/v1/upload?%ff", "/api/v1/upload?a=1&a=2"):
            self.assert_problem(self.server.ask("GET", target), 400, "malformed-request")

    def test_methods(self) -> None:
        """Another method is 405 and told which there are; OPTIONS is answered everywhere."""
        for method in ("GET", "PUT", "DELETE", "PATCH", "post"):
            response = self.server.ask(method, "/api/v1/upload")
            self.assert_problem(response, 405, "method-not-allowed")
            self.assertEqual(response.headers["allow"], "POST, OPTIONS")
        allowed = self.server.ask("PUT", "/api/v3/download/x").headers["allow"]
        self.assertEqual(allowed, "GET, HEAD, OPTIONS")
        for target, methods in (("/api/v2/upload", "POST, OPTIONS"), ("/api/x", "OPTIONS")):
            response = self.server.ask("OPTIONS", target)
            self.assertEqual((response.status, response.headers["allow"]), (200, methods))

    def test_routes(self) -> None:
        """Requests are counted by place, never by the path of a file."""
        routes: list[str] = []
        self.server.events.listen(RequestEnded, lambda event: routes.append(event.route))
        self.server.ask("GET", "/api/v3/download/secret/name")
        self.server.ask("GET", "/api/secret")
        self.assertEqual(routes, ["/api/v3/download/{path}", "/api/{path}"])
