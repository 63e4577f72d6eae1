"""Downloads that need a credential."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from hmacfs.base.events import DownloadFailed
from tests.web.signing import credential
from tests.web.wire import NOW, Response, Server, mac_v, mac_v2


class GuardTests(SynchronousTestCase):
    """``downloads.require_auth``."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()), require_auth=True)
        self.server.ask("PUT", f"/upload/a/b?v={mac_v('a/b', 7)}", (), b"content")

    def get(self, target: str, *headers: str, method: str = "GET") -> Response:
        """Download."""
        return self.server.ask(method, target, headers)

    def test_nothing(self) -> None:
        """Without a credential it is 401, whether there is a file or not."""
        for target in ("/upload/a/b", "/download/a/b", "/a/b", "/upload/none"):
            response = self.get(target)
            self.assertEqual(response.status, 401, target)
            self.assertEqual(
                response.headers["www-authenticate"], 'Bearer realm="hmac-file-server"'
            )

    def test_token(self) -> None:
        """A token with the scope downloads any file, which no cache may give to others."""
        made = credential("jwt", "x").headers
        for method in ("GET", "HEAD"):
            response = self.get("/upload/a/b", *made, method=method)
            self.assertEqual(response.status, 200)
            self.assertIn("private", response.headers["cache-control"])
        self.assertEqual(self.get("/upload/none", *made).status, 404)

    def test_scope(self) -> None:
        """Without the scope it is 403."""
        made = credential("jwt", "x", scopes=frozenset({Scope.UPLOAD})).headers
        self.assertEqual(self.get("/upload/a/b", *made).status, 403)

    def test_link(self) -> None:
        """A link is good for its file, for GET and HEAD, until it ends, at every place."""
        made = credential("get", "a/b", lifetime=60)
        for method in ("GET", "HEAD"):
            self.assertEqual(self.get(made.target, method=method).status, 200)
        for place in ("/download/", "/uploads/", "/"):
            self.assertEqual(self.get(made.target.replace("/upload/", place)).status, 200)
        self.assertEqual(self.get(made.target.replace("a/b", "a/c")).status, 403)
        self.assertEqual(self.get(made.target.replace("expires=1", "expires=2")).status, 403)
        self.assertEqual(
            self.get(credential("get", "a/b", now=NOW - 60, lifetime=60).target).status, 403
        )

    def test_macs_of_uploads(self) -> None:
        """The MAC of an upload is no credential for a download."""
        for query in (
            f"v={mac_v('a/b', 7)}",
            f"v2={mac_v2('a/b', 7, 'application/octet-stream')}",
            f"expires={NOW:.0f}&get={mac_v('a/b', 7)}",
        ):
            self.assertEqual(self.get(f"/upload/a/b?{query}").status, 403, query)
        self.assertEqual(
            self.get("/upload/a/b", *credential("bearer", "a/b", 7).headers).status, 401
        )

    def test_ranges(self) -> None:
        """Who may download may do so in parts."""
        made = credential("get", "a/b")
        response = self.get(made.target, "Range: bytes=2-3")
        self.assertEqual((response.status, response.body), (206, b"nt"))

    def test_events(self) -> None:
        """Who may not download is counted as a download that failed."""
        told: list[object] = []
        self.server.events.listen(DownloadFailed, told.append)
        self.get("/upload/a/b")
        self.assertEqual(told, [DownloadFailed("signature-missing")])


class OpenTests(SynchronousTestCase):
    """Without ``downloads.require_auth``."""

    def test_open(self) -> None:
        """Everybody may download, whatever credential they bring."""
        server = Server(Path(self.mktemp()))
        server.ask("PUT", f"/upload/a/b?v={mac_v('a/b', 7)}", (), b"content")
        for made in (
            credential("get", "a/b"),
            evolve(credential("get", "a/b"), target="/upload/a/b?get=x"),
            evolve(credential("jwt", "a/b"), target="/upload/a/b"),
        ):
            response = server.ask("GET", made.target, made.headers)
            self.assertEqual(response.status, 200)
            self.assertIn("public", response.headers["cache-control"])
