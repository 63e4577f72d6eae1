"""``DELETE``: who may, and what is left."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from tests.web.signing import credential
from tests.web.wire import TERMS, Response, Server, mac_v, request

DELETES = frozenset({Scope.DELETE})


class DeletionTests(SynchronousTestCase):
    """A file of romeo's, and one of nobody's."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.server = Server(self.root)
        self.put("a/b", self.token("romeo"))
        self.server.ask("PUT", f"/upload/nobodys?v={mac_v('nobodys', 7)}", (), b"content")

    def put(self, name: str, headers: tuple[str, ...]) -> Response:
        """Upload with a token."""
        return self.server.ask("PUT", f"/upload/{name}", headers, b"content")

    def token(
        self, owner: str, scopes: frozenset[Scope] = frozenset({Scope.UPLOAD})
    ) -> tuple[str, ...]:
        """Make somebody's token."""
        return credential("jwt", "x", owner=owner, scopes=scopes).headers

    def delete(self, target: str, headers: tuple[str, ...] = ()) -> Response:
        """Delete."""
        return self.server.ask("DELETE", target, headers)

    def test_own(self) -> None:
        """The owner deletes a file: 204, then it is gone, and its name stays taken."""
        romeo = self.token("romeo", DELETES)
        response = self.delete("/upload/a/b", romeo)
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertNotIn("content-length", response.headers)
        self.assertEqual(self.server.ask("GET", "/upload/a/b").status, 410)
        self.assertFalse((self.root / "a/b").exists())
        self.assertEqual(self.put("a/b", self.token("romeo")).status, 409)
        self.assertEqual(self.delete("/upload/a/b", romeo).status, 410)

    def test_every_place(self) -> None:
        """A file is deleted wherever it can be downloaded."""
        for place in ("/upload/", "/download/", "/uploads/", "/"):
            self.put("x" + place.strip("/"), self.token("romeo"))
            target = f"{place}x{place.strip('/')}"
            self.assertEqual(self.delete(target, self.token("romeo", DELETES)).status, 204)

    def test_connection_goes_on(self) -> None:
        """After a 204 the next request on the connection is answered."""
        conversation = self.server.connect()
        conversation.send(request("DELETE", "/upload/a/b", self.token("romeo", DELETES)))
        self.assertEqual(conversation.response().status, 204)
        conversation.send(request("GET", "/health"))
        self.assertEqual(conversation.response().body, b"OK\n")

    def test_others(self) -> None:
        """Whose file it is not is told that there is none, and so it is with nobody's."""
        juliet = self.token("juliet", DELETES)
        for target in (
            "/upload/a/b",
            "/upload/nobodys",
            "/upload/none",
            "/upload/a//b",
            "/upload/",
        ):
            response = self.delete(target, juliet)
            self.assertEqual(
                (response.status, response.body), (404, b"there is no such file\n"), target
            )
        self.assertEqual(self.server.ask("GET", "/upload/a/b").status, 200)

    def test_admin(self) -> None:
        """The scope admin deletes any file."""
        admin = self.token("admin", frozenset({Scope.ADMIN}))
        for target in ("/upload/a/b", "/upload/nobodys"):
            self.assertEqual(self.delete(target, admin).status, 204)

    def test_scope(self) -> None:
        """Without the scope it is 403, whether there is a file or not."""
        for target in ("/upload/a/b", "/upload/none"):
            response = self.delete(target, self.token("romeo"))
            self.assertEqual(response.status, 403)
            self.assertIn('error="insufficient_scope"', response.headers["www-authenticate"])

    def test_no_credential(self) -> None:
        """Without a credential, or with one for uploads, it is 401."""
        response = self.delete("/upload/a/b")
        self.assertEqual(response.status, 401)
        self.assertEqual(response.headers["www-authenticate"], 'Bearer realm="hmac-file-server"')
        self.assertEqual(
            self.delete("/upload/a/b", credential("bearer", "a/b", 7).headers).status, 401
        )
        self.assertEqual(self.delete(f"/upload/a/b?v={mac_v('a/b', 7)}").status, 403)

    def test_metronome(self) -> None:
        """A signed delete is for one file, whoever uploaded it."""
        made = credential("delete", "a/b")
        other = made.target.replace("a/b", "nobodys")
        self.assertEqual(self.delete(other).status, 403)
        self.assertEqual(self.delete(made.target).status, 204)
        self.assertEqual(self.delete(made.target).status, 410)

    def test_metronome_is_off(self) -> None:
        """Without its secret there is no signed delete."""
        target = credential("delete", "a/b").target
        self.server = Server(Path(self.mktemp()), terms=evolve(TERMS, delete_secret=""))
        self.assertEqual(self.delete(target).status, 403)
