"""Tests of hmacfs.web.challenges: which credential is asked for, by place and by what there was."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from tests.web.signing import credential
from tests.web.wire import Server

REALM = 'realm="hmac-file-server"'
BAD = 'error="invalid_token"'
WRONG = ("Authorization: Bearer x.y.z",)


class ChallengeTests(SynchronousTestCase):
    """``WWW-Authenticate``."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()), require_auth=True)

    def asked(self, method: str, target: str, headers: tuple[str, ...] = ()) -> str | None:
        """Tell what a refused client is asked for."""
        response = self.server.ask(method, target, headers)
        challenge = response.headers.get("www-authenticate")
        self.assertEqual(response.status, 403 if challenge is None else 401)
        return challenge

    def test_api(self) -> None:
        """Each version asks for its own, whatever there was."""
        form = ("Content-Type: multipart/form-data; boundary=x",)
        for headers in ((), WRONG):
            asked = [
                self.asked("POST", f"/api/{version}/upload", (*form, *headers))
                for version in ("v1", "v2")
            ]
            self.assertEqual(asked, [f"HMAC-SHA256 {REALM}", f"HMAC-SHA256-V2 {REALM}"])

    def test_v3(self) -> None:
        """V3 takes two kinds, and says of a token that it is bad."""
        target = "/api/v3/download/x?v=1"
        both = f"Bearer {REALM}, HMAC-SHA256-V2 {REALM}"
        self.assertEqual(self.asked("GET", target), both)
        bad = f"Bearer {REALM}, {BAD}, HMAC-SHA256-V2 {REALM}"
        self.assertEqual(self.asked("GET", target, WRONG), bad)

    def test_files(self) -> None:
        """At the URLs of files a token is asked for, of who brings nothing or a token."""
        for method in ("GET", "HEAD", "DELETE"):
            self.assertEqual(self.asked(method, "/upload/x"), f"Bearer {REALM}")
            self.assertEqual(self.asked(method, "/upload/x", WRONG), f"Bearer {REALM}, {BAD}")

    def test_signed_urls(self) -> None:
        """Whose credential is in the URL, or should be, is asked for none."""
        for parameter in ("v", "v2", "token", "get", "signature"):
            for method in ("PUT", "DELETE"):
                self.assertIsNone(self.asked(method, f"/upload/x?{parameter}={'0' * 64}"))
        self.assertIsNone(self.asked("PUT", "/upload/x"))
        self.assertEqual(self.asked("PUT", "/upload/x", WRONG), f"Bearer {REALM}, {BAD}")

    def test_scope(self) -> None:
        """A scope that is missing is named; that is 403, for the token is good."""
        made = credential("jwt", "x", scopes=frozenset({Scope.UPLOAD})).headers
        response = self.server.ask("DELETE", "/upload/x", made)
        self.assertEqual(response.status, 403)
        self.assertEqual(
            response.headers["www-authenticate"],
            f'Bearer {REALM}, error="insufficient_scope", scope="delete"',
        )
