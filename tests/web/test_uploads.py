"""Uploads as the file of a form: ``POST /upload``, and ``PUT`` as the 2.x documents have it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import UploadFailed, UploadStored
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from tests.flow.held_pool import HeldPool
from tests.forms import HEADER, Part, file, form
from tests.web.signing import Credential, credential
from tests.web.wire import MAX_UPLOAD_SIZE, NOW, TERMS, Response, Server, mac_v, mac_v2, request

CONTENT = b"content"


class FormCase(SynchronousTestCase):
    """A server, and forms sent to it."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.server = Server(self.root)
        self.told: list[object] = []
        self.server.events.listen(UploadStored, self.told.append)
        self.server.events.listen(UploadFailed, self.told.append)

    def send(
        self, method: str, made: Credential, body: bytes, *headers: str, kind: str = HEADER
    ) -> Response:
        """Send a form."""
        return self.server.ask(method, made.target, [*made.headers, kind, *headers], body)

    def stored(self, name: str) -> StoredFile | None:
        """Tell what the index knows of a file."""
        known = self.successResultOf(self.server.index.find(StoredName.parse(name.encode())))
        assert known is None or isinstance(known, StoredFile)
        return known

    def stages(self) -> list[Path]:
        """Tell the staged files."""
        return list((self.root / ".hmacfs" / "stage").iterdir())

    def assert_nothing_left(self) -> None:
        """Fail if anything is stored, staged or reserved."""
        self.assertEqual(self.stages(), [])
        self.assertEqual(self.server.unverified.kept, 0)
        self.assertEqual(self.server.intake.space.reserved, 0)
        self.assertEqual(self.server.intake.pending.count, 0)


class PutTests(FormCase):
    """``PUT`` of a form to the URL of the file."""

    def test_curl_line(self) -> None:
        """The curl line of the 2.x documents works: a bearer MAC over the file, sent as a form."""
        made = credential("bearer", "example.txt", 7)
        made = evolve(made, target="/uploads/example.txt")
        body = form(file(CONTENT, "example.txt", "text/plain"))
        self.assertEqual(self.send("PUT", made, body).status, 201)
        self.assertEqual(self.server.ask("GET", "/uploads/example.txt").body, CONTENT)

    def test_described(self) -> None:
        """The answer tells where the file is, and what it is."""
        made = credential("v2", "a/photo.jpg", 7, content_type="image/jpeg")
        response = self.send("PUT", made, form(file(CONTENT, "other.png")))
        self.assertEqual(response.status, 201)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(response.headers["location"], "/upload/a/photo.jpg")
        self.assertEqual(
            json.loads(response.body),
            {
                "success": True,
                "url": "http://files.example.org/download/a/photo.jpg",
                "filename": "photo.jpg",
                "size": 7,
                "content_type": "image/jpeg",
                "checksum": "sha256:" + sha256(CONTENT).hexdigest(),
            },
        )
        self.assertEqual(self.server.ask("GET", "/download/a/photo.jpg").body, CONTENT)
        self.assertEqual([type(each) for each in self.told], [UploadStored])

    def test_schemes(self) -> None:
        """Every scheme for a path takes the size, and the type it covers, from the file."""
        for number, scheme in enumerate(("v", "v2", "token", "bearer", "prosody", "jwt")):
            name = f"d/{number}"
            made = credential(scheme, name, 7, content_type="image/jpeg")
            made = evolve(made, target=made.target if made.target != "/" else f"/upload/{name}")
            body = form(file(CONTENT))
            self.assertEqual(self.send("PUT", made, body).status, 201, scheme)
            stored = self.stored(name)
            assert stored is not None
            self.assertEqual((stored.size, stored.content_type), (7, "image/jpeg"))

    def test_wrong_facts(self) -> None:
        """A file of another size or type than signed is refused, and nothing is left."""
        for scheme, body, status in (
            ("v", form(file(b"content!")), 403),
            ("v2", form(file(CONTENT, content_type="image/png")), 403),
            ("bearer", form(file(b"")), 401),
            ("prosody", form(file(b"content!")), 413),
            ("prosody", form(file(CONTENT, content_type="text/html")), 403),
        ):
            made = credential(scheme, "d/x", 7, content_type="image/jpeg")
            self.assertEqual(self.send("PUT", made, body).status, status, scheme)
            self.assert_nothing_left()
        self.assertIsNone(self.stored("d/x"))
        self.assertEqual(len(self.told), 5)

    def test_announced(self) -> None:
        """A size that is announced is verified before the file comes, and then holds."""
        made = credential("v", "x", 7)
        sized = evolve(made, target=f"{made.target}&filesize=7")
        self.assertEqual(self.send("PUT", sized, form(file(b"content!"))).status, 413)
        wrong = evolve(made, target=f"{made.target}&filesize=8")
        conversation = self.server.connect()
        headers = [HEADER, "Content-Length: 200", "Expect: 100-continue"]
        conversation.send(request("PUT", wrong.target, headers))
        self.assertEqual(conversation.response().status, 403)
        self.assertEqual(self.send("PUT", sized, form(file(CONTENT))).status, 201)
        other = credential("v", "y", 7)
        self.assertEqual(self.send("PUT", other, form(file(CONTENT)), "X-File-Size: 7").status, 201)
        nonsense = self.send("PUT", credential("v", "z", 7), form(file(CONTENT)), "X-File-Size: +7")
        self.assertEqual(nonsense.status, 400)

    def test_again(self) -> None:
        """The same file again is a success, another under the name a conflict."""
        made = credential("v", "x", 7)
        statuses = [
            self.send("PUT", made, form(file(content))).status
            for content in (CONTENT, CONTENT, b"CONTENT")
        ]
        self.assertEqual(statuses, [201, 201, 409])

    def test_metadata(self) -> None:
        """What the form says of the file is kept, before or after it."""
        said = Part("metadata", b'{"a": [1]}')
        for name, parts in (("x", (said, file(CONTENT))), ("y", (file(CONTENT), said))):
            self.assertEqual(self.send("PUT", credential("v", name, 7), form(*parts)).status, 201)
            stored = self.stored(name)
            assert stored is not None
            self.assertEqual(stored.metadata, '{"a":[1]}')
        bad = form(file(CONTENT), Part("metadata", b"[]"))
        self.assertEqual(self.send("PUT", credential("v", "z", 7), bad).status, 400)
        self.assert_nothing_left()


class PostTests(FormCase):
    """``POST /upload``."""

    def test_path(self) -> None:
        """Schemes for a path find it in the parameter ``path``."""
        for scheme in ("v", "v2", "bearer", "jwt"):
            name = f"dir ü/{scheme}+.jpg"
            made = credential(scheme, name, 7, content_type="image/jpeg")
            query = made.target.partition("?")[2]
            target = f"/upload?path=dir%20%C3%BC/{scheme}%2B.jpg&{query}"
            response = self.send("POST", evolve(made, target=target), form(file(CONTENT)))
            self.assertEqual(response.status, 201, response.body)
            self.assertIsNotNone(self.stored(name))

    def test_query(self) -> None:
        """The query signature is over the size of the file."""
        made = credential("query", "photo.jpg", 7)
        response = self.send("POST", made, form(file(CONTENT, "whatever.png")))
        self.assertEqual(response.status, 201)
        self.assertEqual(json.loads(response.body)["filename"], "photo.jpg")
        sized = credential("query", "other.jpg", 7, unique="6" * 8 + "-0000" * 3 + "-" + "6" * 12)
        announced = evolve(sized, target=f"{sized.target}&filesize=7")
        self.assertEqual(self.send("POST", announced, form(file(CONTENT))).status, 201)

    def test_token_names_nothing(self) -> None:
        """Under a token without a path the file has the name that its part says."""
        made = evolve(credential("jwt", "x"), target="/upload")
        response = self.send("POST", made, form(file(CONTENT, "фото.jpg")))
        self.assertEqual(response.status, 201)
        self.assertEqual(
            self.server.ask("GET", "/download/%D1%84%D0%BE%D1%82%D0%BE.jpg").body, CONTENT
        )

    def test_names(self) -> None:
        """A name that leads elsewhere is refused, wherever it stands."""
        made = evolve(credential("jwt", "x"), target="/upload")
        for name in ("../x", "a/b", "", ".hmacfs", "a\x00b", "x" * 256):
            response = self.send("POST", made, form(file(CONTENT, name)))
            self.assertEqual(response.status, 400, name)
        for path in ("..%2Fx", "/x", "a//b", ".hmacfs/x", "%00"):
            target = evolve(made, target=f"/upload?path={path}")
            self.assertEqual(self.send("POST", target, form(file(CONTENT))).status, 400, path)
        self.assert_nothing_left()

    def test_no_credential(self) -> None:
        """Without a credential it is 401; with a wrong one in the URL 403."""
        body = form(file(CONTENT))
        self.assertEqual(self.send("POST", Credential("/upload"), body).status, 401)
        target = f"/upload?path=x&v={mac_v('x', 8)}"
        self.assertEqual(self.send("POST", Credential(target), body).status, 403)

    def test_no_form(self) -> None:
        """Another body than a form is refused with 415, before it comes."""
        made = evolve(credential("jwt", "x"), target="/upload")
        for kind in ("Content-Type: application/json", "X: y"):
            conversation = self.server.connect()
            conversation.send(
                request("POST", made.target, [*made.headers, kind, "Content-Length: 9"])
            )
            self.assertEqual(conversation.response().status, 415)

    def test_chunked(self) -> None:
        """A form may come chunked, if the size of the file is known, or its signature must wait."""
        body = form(file(CONTENT))
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        token = evolve(credential("jwt", "x"), target="/upload")
        for made, headers, status in (
            (token, (), 411),
            (token, ("X-File-Size: 7",), 201),
            (credential("query", "y.jpg", 7), (), 201),
        ):
            conversation = self.server.connect()
            lines = [*made.headers, HEADER, "Transfer-Encoding: chunked", *headers]
            conversation.send(request("POST", made.target, lines) + chunked)
            self.assertEqual(conversation.response().status, status)


class BadFormTests(FormCase):
    """Forms that are none, and forms that are too much."""

    def refused(self, body: bytes, status: int = 400, kind: str = HEADER) -> None:
        """Fail unless a form is refused, and nothing is left of it."""
        made = credential("v", "x", 7)
        self.assertEqual(self.send("PUT", made, body, kind=kind).status, status)
        self.assert_nothing_left()

    def test_no_file(self) -> None:
        """A form without a file, or with a field in its place, is refused."""
        self.refused(form())
        self.refused(form(Part("file", CONTENT)))

    def test_two_files(self) -> None:
        """A form with two files is refused, the first good or not."""
        self.refused(form(file(CONTENT), file(CONTENT)))

    def test_many_parts(self) -> None:
        """Ten thousand parts are refused, before the file and after it."""
        self.refused(form(*[Part("x")] * 10_000, file(CONTENT)))
        self.refused(form(file(CONTENT), *[Part("x")] * 10_000))

    def test_broken(self) -> None:
        """Broken boundaries, and none, are refused."""
        good = form(file(CONTENT))
        self.refused(good, kind="Content-Type: multipart/form-data")
        self.refused(good, kind="Content-Type: multipart/form-data; boundary=other")
        self.refused(good[:-10])
        self.refused(good.replace(b"\r\n\r\n", b"\n\n"))
        self.refused(b"")
        self.refused(b"x" * 100_000)

    def test_long_type(self) -> None:
        """The type of a file has to fit in a header again."""
        self.refused(form(file(CONTENT, content_type="x/" + "y" * 300)))

    def test_content_range(self) -> None:
        """A part of a file cannot be told from the whole, and is refused."""
        made = credential("v", "x", 7)
        response = self.send("PUT", made, form(file(CONTENT)), "Content-Range: bytes 0-6/7")
        self.assertEqual(response.status, 400)

    @given(st.lists(st.integers(1, 400), max_size=5), st.binary(max_size=200))
    @settings(max_examples=30, deadline=None)
    def test_any_chopping(self, cuts: list[int], content: bytes) -> None:
        """The pieces in which a form comes make no difference."""
        server = Server(Path(self.mktemp()))
        made = credential("v", "x", len(content))
        raw = request("PUT", made.target, [HEADER], form(Part("a", b"b"), file(content)))
        conversation = server.connect()
        for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True):
            conversation.send(raw[start:stop])
        self.assertEqual(conversation.response().status, 201)
        self.assertEqual(server.ask("GET", "/x").body, content)


class UnverifiedTests(FormCase):
    """Bytes whose signature is known only with the last of them: at most 1,000,000 a request."""

    def begin(self, name: str, length: int, *headers: str) -> Any:
        """Begin a form of so many bytes, whose file begins."""
        conversation = self.server.connect()
        made = credential("v", name, 7)
        head = request("PUT", made.target, [HEADER, f"Content-Length: {length}", *headers])
        conversation.send(head + form(file(b"x" * 10))[:150])
        return conversation

    def test_too_long(self) -> None:
        """A form that must hold a larger file is refused before it comes."""
        conversation = self.server.connect()
        target = credential("v", "x", 7).target
        conversation.send(
            request("PUT", target, [HEADER, "Content-Length: 3000000", "Expect: 100-continue"])
        )
        response = conversation.response()
        self.assertEqual(response.status, 413)
        self.assertIn(b"signature", response.body)

    def test_too_large(self) -> None:
        """A file that turns out larger is refused when it does, and nothing is left."""
        body = form(file(b"x" * 1_000_001))
        self.assertEqual(self.send("PUT", credential("v", "x", 1_000_001), body).status, 413)
        self.assert_nothing_left()

    def test_just(self) -> None:
        """A file of just so many bytes is taken."""
        body = form(file(b"x" * 1_000_000))
        self.assertEqual(self.send("PUT", credential("v", "x", 1_000_000), body).status, 201)

    def test_announced(self) -> None:
        """With an announced size the signature is verified first, and the file may be larger."""
        made = credential("v", "x", 1_500_000)
        sized = evolve(made, target=f"{made.target}&filesize=1500000")
        body = form(file(b"x" * 1_500_000))
        self.assertEqual(self.send("PUT", sized, body).status, 201)
        largest = MAX_UPLOAD_SIZE + 1
        made = credential("v", "y", largest)
        target = f"{made.target}&filesize={largest}"
        response = self.send("PUT", evolve(made, target=target), form(file(CONTENT)))
        self.assertEqual(response.status, 413)

    def test_all_together(self) -> None:
        """When others have all the room it is 413, with a time to come again."""
        waiting = [self.begin(f"x{n}", 1_000_000) for n in range(3)]
        response = self.send("PUT", credential("v", "y", 7), form(file(CONTENT)))
        self.assertEqual(response.status, 413)
        self.assertEqual(response.headers["retry-after"], "10")
        for conversation in waiting:
            conversation.lose()
        self.assert_nothing_left()
        self.assertEqual(self.send("PUT", credential("v", "y", 7), form(file(CONTENT))).status, 201)

    def test_verified_is_not_counted(self) -> None:
        """Who was let in needs none of that room."""
        waiting = [self.begin(f"x{n}", 1_000_000) for n in range(3)]
        made = evolve(credential("jwt", "x"), target="/upload/y")
        self.assertEqual(self.send("PUT", made, form(file(CONTENT))).status, 201)
        for conversation in waiting:
            conversation.lose()


class FlowTests(FormCase):
    """The disk sets the pace."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.told: list[object] = []
        self.pool = HeldPool()
        with self.pool.at_once():
            self.server = Server(self.root, pool=self.pool)
        self.server.events.listen(UploadFailed, self.told.append)

    def test_pressure(self) -> None:
        """While the disk is behind the socket is not read, and memory does not grow."""
        size = 5_000_000
        made = credential("v2", "x", size, content_type="image/jpeg")
        raw = request(
            "PUT",
            f"{made.target}&filesize={size}",
            [HEADER],
            form(file(b"x" * size)),
        )
        conversation = self.server.connect()
        sent = 0
        while sent < len(raw):
            if conversation.wire.producerState == "producing":
                conversation.send(raw[sent : sent + 65536])
                sent += 65536
            else:
                self.assertTrue(self.pool.busy)
                self.pool.step()
            held = sum(len(chunk) for chunk in conversation.channel.requests[0].body._held)
            self.assertLessEqual(held, 65536)
        self.pool.run_all()
        self.assertEqual(conversation.response().status, 201)

    def test_lost_client(self) -> None:
        """A client that vanishes leaves nothing, and is counted."""
        conversation = self.server.connect()
        made = credential("v", "x", 7)
        raw = request("PUT", made.target, [HEADER], form(file(CONTENT)))
        conversation.send(raw[:-30])
        self.pool.run_all()
        conversation.lose()
        self.pool.run_all()
        self.assert_nothing_left()
        self.assertEqual(self.told, [UploadFailed("aborted")])

    def test_lost_after_the_last_byte(self) -> None:
        """A file that was being stored when its client vanished is stored."""
        conversation = self.server.connect()
        made = credential("v", "x", 7)
        conversation.send(request("PUT", made.target, [HEADER], form(file(CONTENT))))
        while self.server.intake.turns.count == 0:
            self.pool.step()
        conversation.lose()
        self.pool.run_all()
        self.assertEqual((self.root / "x").read_bytes(), CONTENT)
        self.assertEqual(self.told, [])


class ConditionsTests(FormCase):
    """What a token demands of a file in a form."""

    def test_types(self) -> None:
        """A type that is not allowed is refused before the file comes."""
        made = credential("jwt", "x", allowed_types=("image/*",))
        made = evolve(made, target="/upload")
        bad = form(file(CONTENT, "x.html", "text/html"))
        self.assertEqual(self.send("POST", made, bad).status, 403)
        self.assertEqual(self.send("POST", made, form(file(CONTENT))).status, 201)

    def test_quota(self) -> None:
        """A file over the quota is refused with 413."""
        made = evolve(credential("jwt", "x", quota=10, owner="romeo"), target="/upload")
        self.assertEqual(self.send("POST", made, form(file(CONTENT))).status, 201)
        more = form(file(CONTENT, "other.jpg"))
        other = self.send("POST", made, more, "Accept: application/json")
        self.assertEqual(other.status, 413)
        kind = json.loads(other.body)["type"]
        self.assertEqual(kind, "urn:hmac-file-server:problem:quota-exceeded")
        self.assert_nothing_left()

    def test_v2_covers_the_part(self) -> None:
        """``v2`` of a form is over the type of the file, not that of the form."""
        mac = mac_v2("x", 7, "image/jpeg")
        made = Credential(f"/upload/x?v2={mac}")
        self.assertEqual(self.send("PUT", made, form(file(CONTENT))).status, 201)

    def test_switched_off(self) -> None:
        """A scheme that is off takes no forms either."""
        self.server = Server(Path(self.mktemp()), terms=evolve(TERMS, enabled=frozenset({"v2"})))
        self.assertEqual(self.send("PUT", credential("v", "x", 7), form(file(CONTENT))).status, 403)

    def test_once(self) -> None:
        """A query signature that was used leads to the same file, or nowhere."""
        made = credential("query", "photo.jpg", 7, now=NOW)
        statuses = [
            self.send("POST", made, form(file(content))).status
            for content in (CONTENT, CONTENT, b"CONTENT")
        ]
        self.assertEqual(statuses, [201, 201, 409])
