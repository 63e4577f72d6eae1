"""Uploads whose body is the file, under every scheme that may sign them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Scope
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from tests.forms import HEADER, Part, form
from tests.web.signing import UUID, Credential, credential
from tests.web.wire import NOW, TERMS, Response, Server, mac_v, request

KIND = "Content-Type: image/jpeg"
CHUNKED = ["Transfer-Encoding: chunked", "X-File-Size: 7"]
OF_CONTENT = b"7\r\ncontent\r\n0\r\n\r\n"


class SchemeCase(SynchronousTestCase):
    """A server, and requests to it."""

    def setUp(self) -> None:
        self.server = Server(Path(self.mktemp()))

    def put(self, made: Credential, body: bytes = b"content", *headers: str) -> Response:
        """Upload bytes with a credential."""
        return self.server.ask("PUT", made.target, [*made.headers, *headers], body)

    def stored(self, name: str) -> StoredFile | None:
        """Tell what the index knows of a file."""
        known = self.successResultOf(self.server.index.find(StoredName.parse(name.encode())))
        assert known is None or isinstance(known, StoredFile)
        return known


class QueryTests(SchemeCase):
    """``PUT /upload?filename&timestamp&uploadid&signature``."""

    def test_stored(self) -> None:
        """The file is stored under its name, and served under the URLs of the documents."""
        response = self.put(credential("query", "photo.jpg", 7), b"content", KIND)
        self.assertEqual((response.status, response.body), (201, b""))
        self.assertEqual(response.headers["location"], "/upload/photo.jpg")
        for place in ("/upload/", "/download/", "/uploads/", "/"):
            got = self.server.ask("GET", f"{place}photo.jpg")
            self.assertEqual((got.status, got.body), (200, b"content"), place)
            self.assertEqual(got.headers["content-type"], "image/jpeg")

    def test_plus_as_it_stands(self) -> None:
        """A plus of the base64 that was not escaped arrives as a space, and is a plus."""
        for number in range(50):
            made = credential("query", f"photo{number}x.jpg", 7)
            if "%2B" in made.target:
                break
        else:
            raise AssertionError("none of the signatures has a plus")
        plain = evolve(made, target=made.target.replace("%2B", "+"))
        self.assertEqual(self.put(plain).status, 201)

    def test_wherever_the_prefix_is(self) -> None:
        """The URL is /upload or the prefix, whatever that is; nowhere else."""
        server = Server(Path(self.mktemp()), prefix="share")
        query = credential("query", "photo.jpg", 7).target.partition("?")[2]
        for place, status in (("share", 201), ("upload", 201), ("other", 403), ("share/x", 403)):
            self.assertEqual(
                server.ask("PUT", f"/{place}?{query}", (), b"content").status, status, place
            )

    def test_wrong_facts(self) -> None:
        """Another name, size, time or id is refused with 403, and asks for no credential."""
        target = credential("query", "photo.jpg", 7).target
        for wrong in (
            target.replace("photo.jpg", "photo.png"),
            target.replace("timestamp=18", "timestamp=17"),
            target.replace("uploadid=5", "uploadid=6"),
            target.replace("signature=", "signature=A"),
            target.partition("&signature")[0],
        ):
            response = self.put(Credential(wrong))
            self.assertEqual(response.status, 403, wrong)
            self.assertNotIn("www-authenticate", response.headers)
        self.assertEqual(self.put(Credential(target), b"content!").status, 403)
        self.assertIsNone(self.stored("photo.jpg"))

    def test_time(self) -> None:
        """It is good from 300 seconds before its time to an hour after."""
        for offset, status in ((-3600, 201), (-3601, 403), (300, 201), (301, 403)):
            unique = f"{UUID[:-4]}{abs(offset):04}"
            made = credential("query", "photo.jpg", 7, now=NOW + offset, unique=unique)
            self.assertEqual(self.put(made).status, status, offset)

    def test_ambiguous(self) -> None:
        """What could be split in another way is malformed, genuine or not."""
        made = credential("query", "photox", 17)
        changed = made.target.replace("photox", "photox1")
        self.assertEqual(self.put(Credential(changed)).status, 400)
        self.assertEqual(self.put(made, b"1" * 17).status, 201)

    def test_replay(self) -> None:
        """The same upload again is a success, another under the same id a conflict."""
        made = credential("query", "photo.jpg", 7)
        self.assertEqual([self.put(made).status for _ in range(2)], [201, 201])
        self.assertEqual(self.put(made, b"CONTENT").status, 409)
        self.assertEqual(self.put(credential("query", "other.jpg", 7)).status, 409)
        self.assertIsNone(self.stored("other.jpg"))

    def test_no_folders(self) -> None:
        """A name with a slash is no name here."""
        made = credential("query", "photo.jpg", 7)
        wrong = made.target.replace("photo.jpg", "a%2Fphoto.jpg")
        self.assertEqual(self.put(Credential(wrong)).status, 403)

    def test_chunked(self) -> None:
        """A chunked body tells its size in X-File-Size, or else is refused with 411."""
        made = credential("query", "photo.jpg", 7)
        for headers, status in ((CHUNKED[:1], 411), (CHUNKED, 201)):
            conversation = self.server.connect()
            conversation.send(request("PUT", made.target, headers) + OF_CONTENT)
            self.assertEqual(conversation.response().status, status)


class BearerTests(SchemeCase):
    """``Authorization: Bearer MAC``, of the 2.x documents."""

    def test_stored(self) -> None:
        """The MAC is over path and size; the URL is that of any file."""
        made = credential("bearer", "a/photo.jpg", 7)
        self.assertEqual(self.put(made, b"content", KIND).status, 201)
        self.assertEqual(self.server.ask("GET", "/uploads/a/photo.jpg").body, b"content")

    def test_wrong(self) -> None:
        """A wrong one is refused with 401, and a better one asked for."""
        made = credential("bearer", "a/photo.jpg", 7)
        for response in (
            self.put(made, b"content!"),
            self.put(evolve(made, target="/upload/a/other.jpg")),
            self.put(evolve(made, headers=("Authorization: Bearer zzz",))),
        ):
            self.assertEqual(response.status, 401)
            self.assertEqual(
                response.headers["www-authenticate"],
                'Bearer realm="hmac-file-server", error="invalid_token"',
            )

    def test_early(self) -> None:
        """It is refused before the body, of which nothing is asked for."""
        conversation = self.server.connect()
        headers = ["Authorization: Bearer x.y.z", "Expect: 100-continue", "Content-Length: 7"]
        conversation.send(request("PUT", "/upload/x", headers))
        response = conversation.response()
        self.assertEqual((response.status, response.headers["connection"]), (401, "close"))


class TokenTests(SchemeCase):
    """``Authorization: Bearer JWT``, of the V3 documents."""

    def token(self, **facts: Any) -> Credential:
        """Make a token for a file of romeo's."""
        made = credential("jwt", "x", owner="romeo@example.org", **facts)
        return Credential("/upload/a/photo.jpg", made.headers)

    def test_stored(self) -> None:
        """Who has the scope may upload under any name, and owns what is stored."""
        self.assertEqual(self.put(self.token()).status, 201)
        file = self.stored("a/photo.jpg")
        assert file is not None
        self.assertEqual(file.owner, "romeo@example.org")

    def test_scope(self) -> None:
        """Without the scope it is refused with 403, which names what is missing."""
        response = self.put(self.token(scopes=frozenset({Scope.DOWNLOAD})))
        self.assertEqual(response.status, 403)
        self.assertIn('scope="upload"', response.headers["www-authenticate"])

    def test_expired(self) -> None:
        """An expired token is refused with 401."""
        self.assertEqual(self.put(self.token(now=NOW - 3600 - 31)).status, 401)

    def test_types(self) -> None:
        """Types that the token does not allow are refused with 403."""
        made = self.token(allowed_types=("image/*", "application/pdf"))
        for kind, status in (("text/html", 403), ("application/pdf", 201)):
            response = self.put(made, b"content", f"Content-Type: {kind}")
            self.assertEqual(response.status, status, kind)

    def test_quota(self) -> None:
        """More than the quota is refused with 413 before the body, with the numbers."""
        made = self.token(quota=10)
        self.assertEqual(self.put(made).status, 201)
        conversation = self.server.connect()
        headers = [*made.headers, "Content-Length: 4", "Accept: application/json"]
        conversation.send(request("PUT", "/upload/b", headers))
        response = conversation.response()
        self.assertEqual(response.status, 413)
        self.assertIn(b'"type": "urn:hmac-file-server:problem:quota-exceeded"', response.body)
        self.assertIn(b'"used": 7, "limit": 10, "requested": 4', response.body)

    def test_off(self) -> None:
        """Without a secret for tokens there are none."""
        server = Server(Path(self.mktemp()), terms=evolve(TERMS, jwt=None))
        made = self.token()
        got = server.ask("PUT", made.target, made.headers, b"content")
        self.assertEqual(got.status, 401)

    def test_reserved_names(self) -> None:
        """Names that could not be downloaded again are refused for any scheme."""
        server = Server(Path(self.mktemp()), prefix="")
        headers = [*self.token().headers, HEADER]
        body = form(Part("file", b"content", "x", "text/plain"))
        got = server.ask("POST", "/upload?path=files/x", headers, body)
        self.assertEqual((got.status, got.body[:19]), (400, b"names below files/ "))

    def test_length(self) -> None:
        """A chunked body has to tell its size: 411 else."""
        made = self.token()
        for headers, status in ((CHUNKED[:1], 411), (CHUNKED, 201)):
            conversation = self.server.connect()
            conversation.send(request("PUT", made.target, [*made.headers, *headers]) + OF_CONTENT)
            self.assertEqual(conversation.response().status, status)


class ProsodyTests(SchemeCase):
    """The tokens of mod_http_file_share."""

    def slot(self, **facts: Any) -> Credential:
        """Make a slot for seven bytes of an image."""
        facts = {"content_type": "image/jpeg", "owner": "romeo@example.org", **facts}
        return credential("prosody", "s1o7/photo.jpg", 7, **facts)

    def test_stored(self) -> None:
        """The file has the owner that the token names."""
        self.assertEqual(self.put(self.slot(), b"content", KIND).status, 201)
        file = self.stored("s1o7/photo.jpg")
        assert file is not None
        self.assertEqual((file.owner, file.content_type), ("romeo@example.org", "image/jpeg"))

    def test_without_a_type(self) -> None:
        """A client may leave the type to the token."""
        self.assertEqual(self.put(self.slot()).status, 201)
        got = self.server.ask("GET", "/upload/s1o7/photo.jpg")
        self.assertEqual(got.headers["content-type"], "image/jpeg")

    def test_bounds(self) -> None:
        """Another path or type is refused with 403, another size with 413, no token with 403."""
        made = self.slot()
        other = evolve(made, target="/upload/s1o7/other.jpg")
        self.assertEqual(self.put(other, b"content", KIND).status, 403)
        self.assertEqual(self.put(made, b"content", "Content-Type: text/html").status, 403)
        self.assertEqual(self.put(made, b"content!", KIND).status, 413)
        self.assertEqual(self.put(Credential(made.target), b"content", KIND).status, 403)

    def test_no_v3_token(self) -> None:
        """It deletes nothing, lists nothing, and opens no other door."""
        made = self.slot()
        self.put(made, b"content", KIND)
        self.assertEqual(self.server.ask("DELETE", made.target, made.headers).status, 401)
        path = "/api/v3/download/s1o7/photo.jpg"
        self.assertEqual(self.server.ask("GET", path, made.headers).status, 401)


class SwitchTests(SchemeCase):
    """``security.schemes``."""

    def test_off(self) -> None:
        """A scheme that is switched off is not looked for, and another may do."""
        terms = evolve(TERMS, enabled=frozenset({"v2", "jwt"}))
        self.server = Server(Path(self.mktemp()), terms=terms)
        mac = f"?v={mac_v('x', 7)}"
        self.assertEqual(self.put(Credential(f"/upload/x{mac}")).status, 403)
        token = credential("jwt", "x").headers
        self.assertEqual(self.put(Credential(f"/upload/x{mac}", token)).status, 201)
        self.assertEqual(self.put(credential("v2", "y", 7)).status, 201)
        self.assertEqual(self.put(credential("query", "z", 7)).status, 403)
