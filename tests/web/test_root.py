"""The tree of URLs: methods, CORS, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.web.health import Part
from tests.web.wire import NOW, Server, mac_v, request


class BrokenIndex:
    """An index that fails."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def find(self, name: StoredName) -> Deferred[StoredFile | Tombstone | None]:
        """Fail."""
        return fail(self._failure)


class RootTests(SynchronousTestCase):
    """Any request to any path."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))

    def test_options(self) -> None:
        """OPTIONS on anything tells browsers what they may send."""
        for target in ("/", "/health", "/upload/a/b.txt?v=x", "/a//b", "*"):
            got = self.server.ask("OPTIONS", target)
            self.assertEqual((got.status, got.body), (200, b""), target)
            self.assertEqual(got.headers["access-control-allow-origin"], "*")
        got = self.server.ask("OPTIONS", "/upload/x")
        self.assertEqual(got.headers["allow"], "GET, HEAD, PUT, DELETE, OPTIONS")
        got = self.server.ask("OPTIONS", "/upload")
        self.assertEqual(got.headers["allow"], "GET, HEAD, PUT, DELETE, OPTIONS, POST")
        for method in ("PUT", "GET", "HEAD", "OPTIONS"):
            self.assertIn(method, got.headers["access-control-allow-methods"])
        for name in ("Authorization", "Content-Type", "Upload-Offset", "Tus-Resumable"):
            self.assertIn(name, got.headers["access-control-allow-headers"])

    def test_methods(self) -> None:
        """A method that is not there is 405 with Allow; methods are case-sensitive."""
        allowed = "GET, HEAD, PUT, DELETE, OPTIONS"
        for method in ("POST", "PATCH", "TRACE", "BREW", "put", "Get", "post", "delete"):
            got = self.server.ask(method, "/upload/x")
            self.assertEqual((got.status, got.headers["allow"]), (405, allowed))
        for method in ("post", "PATCH"):
            got = self.server.ask(method, "/upload")
            self.assertEqual((got.status, got.headers["allow"]), (405, f"{allowed}, POST"))

    def test_routes(self) -> None:
        """Where nobody could get it again, nothing is stored: 405, and OPTIONS says so before."""
        read = "GET, HEAD, OPTIONS"
        for path, allowed in (
            ("/health", read),
            ("/thumbnail/x", read),
            ("/download/x", "GET, HEAD, DELETE, OPTIONS"),
        ):
            name = path[1:]
            got = self.server.ask("PUT", f"{path}?v={mac_v(name, 1)}", (), b"1")
            self.assertEqual((got.status, got.headers["allow"]), (405, allowed))
            self.assertEqual(self.server.ask("OPTIONS", path).headers["allow"], allowed)
        for method, path in (("get", "/health"), ("DELETE", "/health"), ("PUT", "/files/x")):
            self.assertEqual(self.server.ask(method, path, (), b"").status, 405)
        below = Server(Path(self.mktemp()), prefix="download")
        target = f"/download/x?v={mac_v('x', 1)}"
        self.assertEqual(below.ask("PUT", target, (), b"1").status, 201)

    def test_forced_scheme(self) -> None:
        """Where https is required, only TLS or a trusted proxy's word will do."""
        server = Server(Path(self.mktemp()), force_protocol="https")
        said = ["X-Forwarded-Proto: https"]
        self.assertEqual(server.ask("GET", "/x").status, 403)
        self.assertEqual(server.ask("GET", "/x", said).status, 403)
        for headers, status in ((said, 404), (["X-Forwarded-Proto: http"], 403), ([], 403)):
            conversation = server.connect("10.0.0.1")
            conversation.send(request("GET", "/x", headers))
            self.assertEqual(conversation.response().status, status)
        self.assertEqual(server.ask("GET", "/health").status, 200, "who watches is on this machine")
        server = Server(Path(self.mktemp()), force_protocol="http")
        self.assertEqual(server.ask("GET", "/x").status, 404)

    def test_client_behind_a_proxy(self) -> None:
        """Details of /health are for this machine, also through a trusted proxy, not for others."""
        for peer, noted, told in (
            ("10.0.0.1", "127.0.0.1", True),
            ("10.0.0.1", "192.0.2.7", False),
            ("192.0.2.1", "127.0.0.1", False),
        ):
            conversation = self.server.connect(peer)
            headers = ["Accept: application/json", f"X-Forwarded-For: {noted}"]
            conversation.send(request("GET", "/health", headers))
            self.assertEqual("parts" in json.loads(conversation.response().body), told)

    def test_absolute_form(self) -> None:
        """A target in absolute form, as proxies send it, means its path."""
        path = f"/upload/a/b?v={mac_v('a/b', 1)}"
        got = self.server.ask("PUT", f"http://files.example.org{path}", (), b"1")
        self.assertEqual(got.status, 201)
        self.assertEqual(self.server.ask("GET", "HTTPS://files.example.org/a/b").body, b"1")

    def test_targets_that_are_not_text(self) -> None:
        """A path or query that is no UTF-8 is an answer to the client, and none to the log."""
        self.assertEqual(self.server.ask("GET", "/%ff").status, 400)
        self.assertEqual(self.server.ask("GET", "/x?%ff").status, 400)
        self.assertEqual(self.server.ask("GET", "/%").status, 400)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_problem_document(self) -> None:
        """A client that accepts JSON gets a problem document (RFC 9457)."""
        got = self.server.ask("GET", "/x", ["Accept: application/problem+json, */*;q=0.1"])
        self.assertEqual(
            (got.status, got.headers["content-type"]), (404, "application/problem+json")
        )
        self.assertEqual(
            json.loads(got.body),
            {
                "type": "urn:hmac-file-server:problem:not-found",
                "title": "Not Found",
                "status": 404,
                "detail": "there is no such file",
            },
        )

    def test_plain_errors(self) -> None:
        """Everybody else gets a sentence that no browser takes for a page."""
        got = self.server.ask("GET", "/x")
        self.assertEqual(got.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(got.headers["x-content-type-options"], "nosniff")
        self.assertEqual(got.body, b"there is no such file\n")

    def test_incident(self) -> None:
        """What nobody foresaw is a 500 with an id that is in the log, and tells nothing else."""
        index = BrokenIndex(ZeroDivisionError("s3cret"))
        object.__setattr__(self.server.intake.publication, "index", index)
        got = self.server.ask("PUT", f"/upload/x?v={mac_v('x', 1)}", (), b"1")
        self.assertEqual(got.status, 500)
        self.assertNotIn(b"s3cret", got.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_store_away(self) -> None:
        """While a store cannot be asked, clients are told when to come again, and no more."""
        index = BrokenIndex(StoreFailed("the disk is on fire: s3cret"))
        object.__setattr__(self.server.intake.publication, "index", index)
        got = self.server.ask("PUT", f"/upload/x?v={mac_v('x', 1)}", (), b"1")
        self.assertEqual((got.status, got.headers["retry-after"]), (503, "5"))
        self.assertNotIn(b"s3cret", got.body)

    def test_error_after_an_upload_keeps_the_connection(self) -> None:
        """A refusal between two requests disturbs neither."""
        conversation = self.server.connect()
        conversation.send(request("GET", "/nothing"))
        self.assertEqual(conversation.response().status, 404)
        conversation.send(request("GET", "/health"))
        self.assertEqual(conversation.response().body, b"OK\n")


class HealthTests(SynchronousTestCase):
    """``/health``."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))

    def test_text(self) -> None:
        """It is OK while uploads and downloads can work, and 503 when they cannot."""
        got = self.server.ask("GET", "/health")
        self.assertEqual((got.status, got.body), (200, b"OK\n"))
        self.server.parts["storage"] = Part("degraded", "full")
        self.assertEqual(self.server.ask("GET", "/health").status, 200)
        self.server.parts["storage"] = Part("failing", "gone")
        self.assertEqual(self.server.ask("GET", "/health").status, 503)
        self.assertEqual(self.server.ask("HEAD", "/health").status, 503)

    def test_json(self) -> None:
        """Programs get JSON; details are for this machine only."""
        accept = ["Accept: application/json"]
        self.server.parts["storage"] = Part("degraded", "full")
        got = self.server.ask("GET", "/health", accept)
        self.assertEqual(json.loads(got.body), {"status": "degraded"})
        conversation = self.server.connect("127.0.0.1")
        conversation.send(request("GET", "/health", accept))
        document = json.loads(conversation.response().body)
        self.assertEqual(
            document["parts"],
            {"storage": {"status": "degraded", "detail": "full", "since": int(NOW)}},
        )
        self.assertEqual(document["uptime_seconds"], 1.5)

    def test_it_is_no_file(self) -> None:
        """A file named health is not served in its place."""
        self.server.ask("PUT", f"/upload/health?v={mac_v('health', 1)}", (), b"1")
        self.assertEqual(self.server.ask("GET", "/health").body, b"OK\n")
        self.assertEqual(self.server.ask("GET", "/upload/health").body, b"1")
