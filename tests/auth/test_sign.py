"""Signing: what is signed is admitted, by its own scheme and by no other."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from attrs import evolve, frozen
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.permit import Permit, Scope
from hmacfs.auth.schemes import SCHEMES, Terms
from hmacfs.auth.sign import SIGNERS, CannotSign, Order, Signed, sign
from hmacfs.base.errors import NameRefused, Refusal, SignatureAmbiguous
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant
from tests.auth.scheme_suite import NOW, PROPERTY, UPLOAD_ID, Case, admit

TERMS = Terms(
    Keyring.of("secret string"),
    jwt=Keyring.of("jwt secret"),
    delete_secret="delete secret",
    jwt_audiences=("https://files.example.com",),
)
ORDER = Order(
    name=StoredName.parse(b"document.pdf"),
    size=1048576,
    now=NOW,
    unique=UPLOAD_ID,
    content_type="application/pdf",
    base_url="https://files.example.com/upload",
    owner="alice@example.com",
)
SLOT = evolve(ORDER, name=StoredName.parse(b"slot/document.pdf"))
ALL = tuple(row.name for row in SCHEMES)
FLAT = frozenset({"query", "v1", "v2-header"})
FORMS = frozenset({"v1", "v2-header"})
METHODS = {"get": "GET", "delete": "DELETE", "v1": "POST", "v2-header": "POST"}


@frozen
class Sent:
    """What a client makes of a signature."""

    order: Order
    signed: Signed
    method: str = "PUT"
    is_form: bool = False

    @property
    def case(self) -> Case:
        """The request as it arrives."""
        url = urlsplit(self.signed.url or f"{self.order.base_url}/{self.order.name}")
        kind = "multipart/form-data; boundary=x" if self.is_form else self.order.content_type
        headers = {name.lower(): value for name, value in self.signed.headers.items()}
        facts = RequestFacts(
            method=self.method,
            path=unquote_to_bytes(url.path.removeprefix("/upload").removeprefix("/")),
            parameters=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={"content-type": kind, **headers},
            length=self.order.size,
            now=self.order.now,
            uri=self.order.uri if self.is_form else f"{url.path}?{url.query}",
        )
        part = PartFacts(self.order.name.leaf, self.order.content_type, self.order.size)
        return Case(facts, part if self.is_form else PartFacts())


def send(scheme: str, order: Order, terms: Terms = TERMS) -> Case:
    """Sign an order and make the request."""
    signed = sign(scheme, terms, order)
    return Sent(order, signed, METHODS.get(scheme, "PUT"), scheme in FORMS).case


def receive(scheme: str, case: Case, terms: Terms = TERMS) -> Permit | Grant:
    """Judge a request by one scheme alone."""
    (row,) = [row for row in SCHEMES if row.name == scheme]
    made = row.make(terms)
    assert made is not None
    return admit(made, case)


def order_for(scheme: str) -> Order:
    """Tell an order that a scheme can sign."""
    return ORDER if scheme in FLAT else SLOT


class SignTests(SynchronousTestCase):
    """``sign``."""

    def test_every_scheme(self) -> None:
        """Whatever can be verified can be signed."""
        self.assertEqual(set(ALL), set(SIGNERS))

    def test_admitted(self) -> None:
        """What is signed is admitted, with name, size and type of the order."""
        for scheme in ALL:
            order = order_for(scheme)
            granted = receive(scheme, send(scheme, order))
            self.assertEqual(scheme, granted.scheme)
            if isinstance(granted, Grant):
                facts = (granted.name, granted.size, granted.content_type)
                self.assertEqual((order.name, order.size, order.content_type), facts)
            else:
                self.assertEqual(order.name, granted.name)

    def test_by_no_other(self) -> None:
        """A signature of one scheme, put where another looks for it, is refused."""
        carried = {scheme: self.bare(scheme) for scheme in ALL}
        for scheme, case in [(scheme, send(scheme, order_for(scheme))) for scheme in ALL]:
            for other, (hexadecimal, encoded) in carried.items():
                if {scheme, other} in ({"v2", "token"}, {"v", "bearer"}) or scheme == other:
                    # The same message by another name.
                    continue
                text = hexadecimal if self.is_hexadecimal(scheme) else encoded
                with self.assertRaises(Refusal, msg=f"{other} as {scheme}"):
                    receive(scheme, self.with_signature(scheme, case, text))

    def bare(self, scheme: str) -> tuple[str, str]:
        """Tell a signature's bytes in hexadecimal and base64, or the token."""
        if scheme in ("jwt", "prosody"):
            token = sign(scheme, TERMS, order_for(scheme)).headers["Authorization"]
            return token.split()[1], token.split()[1]
        case = send(scheme, order_for(scheme))
        carriers = {"query": "signature", "get": "get", "delete": "token"}
        text = case.facts.parameters.get(carriers.get(scheme, scheme)) or ""
        text = text or case.facts.headers["authorization"].split()[1]
        digest = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text)
        return digest.hex(), base64.b64encode(digest).decode()

    def is_hexadecimal(self, scheme: str) -> bool:
        """Tell how a scheme's signature is written."""
        return scheme in ("v", "v2", "token", "get", "delete", "bearer")

    def with_signature(self, scheme: str, case: Case, text: str) -> Case:
        """Put another signature in place of a scheme's own."""
        carriers = {"v": "v", "v2": "v2", "token": "token", "get": "get", "delete": "token"}
        carriers["query"] = "signature"
        facts = case.facts
        if scheme in carriers:
            changed: Mapping[str, str] = {**facts.parameters, carriers[scheme]: text}
            return evolve(case, facts=evolve(facts, parameters=changed))
        words = facts.headers["authorization"].split()[0]
        changed = {**facts.headers, "authorization": f"{words} {text}"}
        return evolve(case, facts=evolve(facts, headers=changed))

    def test_content_hash(self) -> None:
        """With a digest the V2 header covers the bytes instead of name and size."""
        order = evolve(ORDER, sha256=hashlib.sha256(b"content").digest())
        signed = sign("v2-header", TERMS, order)
        self.assertEqual(order.sha256, bytes.fromhex(signed.headers["X-Content-SHA256"]))
        self.assertIsInstance(receive("v2-header", send("v2-header", order)), Grant)

    def test_claims(self) -> None:
        """A token says who may do what with which bounds."""
        order = evolve(
            ORDER,
            scopes=frozenset({Scope.UPLOAD, Scope.DELETE}),
            quota=99,
            allowed_types=("image/*", "application/pdf"),
        )
        (row,) = [row for row in SCHEMES if row.name == "jwt"]
        scheme = row.make(TERMS)
        assert scheme is not None
        permit = scheme.read(send("jwt", order).facts)
        expected = Permit(
            scheme="jwt",
            scopes=order.scopes,
            owner="alice@example.com",
            quota=99,
            allowed_types=order.allowed_types,
        )
        self.assertEqual(expected, permit)

    def test_no_audience(self) -> None:
        """A token for a server without a public URL names no audience."""
        terms = evolve(TERMS, jwt_audiences=())
        self.assertIsInstance(receive("jwt", send("jwt", ORDER, terms), terms), Grant)

    def test_secret_of_slots(self) -> None:
        """Slots are signed with their own secret where there is one."""
        terms = evolve(TERMS, file_share=Keyring.of("own secret"))
        case = send("prosody", SLOT, terms)
        self.assertIsInstance(receive("prosody", case, terms), Grant)
        self.assertRaises(Refusal, receive, "prosody", case)

    def test_newest_key_signs(self) -> None:
        """The key in use at the time of the order signs, and is good while it is in the ring."""
        old, new = Key("old", b"old", retire=NOW + 60), Key("new", b"new", created=NOW)
        terms = evolve(TERMS, shared=Keyring((old, new)))
        for now, name in ((NOW - 1, "old"), (NOW, "new")):
            order = evolve(ORDER, now=now)
            only = evolve(terms, shared=Keyring.of(name))
            self.assertIsInstance(receive("v", send("v", order, terms), only), Grant)

    @PROPERTY
    @given(
        st.text(min_size=1, max_size=40),
        st.integers(0, 1 << 40),
        st.sampled_from(["v", "v2", "token", "query", "bearer", "prosody", "get", "delete"]),
    )
    def test_any_name(self, name: str, size: int, scheme: str) -> None:
        """Names of all kinds survive the way through a URL, or are refused when signed."""
        try:
            path = f"slot/{name}" if scheme not in FLAT else name
            order = evolve(ORDER, name=StoredName.parse(path.encode()), size=size)
            case = send(scheme, order)
        except (NameRefused, SignatureAmbiguous):
            assume(False)
        granted = receive(scheme, case)
        self.assertEqual(order.name, granted.name)


class RefusalTests(SynchronousTestCase):
    """What cannot be signed."""

    def test_unknown_scheme(self) -> None:
        """A scheme that there is not is named."""
        error = self.assertRaises(CannotSign, sign, "v9", TERMS, ORDER)
        self.assertIn("'v9'", str(error))

    def test_no_secret(self) -> None:
        """Without their secrets tokens and deletes cannot be signed, and the option is named."""
        bare = Terms(Keyring.of("secret string"))
        for scheme, option in (("jwt", "jwtsecret"), ("delete", "delete_secret")):
            error = self.assertRaises(CannotSign, sign, scheme, bare, ORDER)
            self.assertIn(option, str(error))

    def test_folders(self) -> None:
        """Schemes that know no folders do not sign for one; a slot needs one."""
        for scheme in FLAT:
            self.assertRaises(NameRefused, sign, scheme, TERMS, SLOT)
        self.assertRaises(CannotSign, sign, "prosody", TERMS, ORDER)

    def test_ambiguous(self) -> None:
        """What would be refused as ambiguous is not signed."""
        digit = evolve(ORDER, name=StoredName.parse(b"img_0001"))
        for scheme in ("query", "v2-header"):
            self.assertRaises(SignatureAmbiguous, sign, scheme, TERMS, digit)
        kind = evolve(ORDER, content_type="chemical/x-pdb")
        self.assertRaises(SignatureAmbiguous, sign, "v1", TERMS, kind)
        digest = evolve(ORDER, name=StoredName.parse(b"ab" * 31), size=12)
        self.assertRaises(CannotSign, sign, "v2-header", TERMS, digest)

    def test_path_of_links(self) -> None:
        """A ``v2`` that could be made of a download link is not signed."""
        link = evolve(ORDER, name=StoredName.parse(b"GET"))
        for scheme in ("v2", "token"):
            self.assertRaises(CannotSign, sign, scheme, TERMS, link)
        self.assertIn("/GET?v=", sign("v", TERMS, link).url)


class LineTests(SynchronousTestCase):
    """``Signed.line``."""

    def test_url(self) -> None:
        """A URL has the file's path, percent-encoded, below the base."""
        order = evolve(ORDER, name=StoredName.parse("sl ot/ü+&.pdf".encode()))
        line = sign("v", TERMS, order).line
        self.assertTrue(
            line.startswith("https://files.example.com/upload/sl%20ot/%C3%BC%2B%26.pdf?v="), line
        )

    def test_query(self) -> None:
        """The query names the file; plus signs and slashes of the signature are encoded."""
        line = sign("query", TERMS, ORDER).line
        start = "https://files.example.com/upload?filename=document.pdf&timestamp=1800000000"
        self.assertTrue(line.startswith(f"{start}&uploadid={UPLOAD_ID}&signature="), line)
        self.assertNotIn("+", line)

    def test_no_base(self) -> None:
        """Without a base URL the line begins with the path."""
        self.assertTrue(sign("v", TERMS, evolve(ORDER, base_url="")).line.startswith("/document"))

    def test_header(self) -> None:
        """One header is shown as it is sent."""
        for scheme in ("bearer", "jwt"):
            line = sign(scheme, TERMS, ORDER).line
            self.assertTrue(line.startswith("Authorization: Bearer "), line)

    def test_place(self) -> None:
        """Where a header is for one file, its URL is told too."""
        self.assertEqual(
            "https://files.example.com/upload/document.pdf", sign("bearer", TERMS, ORDER).url
        )
        self.assertEqual("", sign("jwt", TERMS, ORDER).url)

    def test_headers(self) -> None:
        """Several headers are options of curl, in one line."""
        line = sign("v1", TERMS, ORDER).line
        self.assertTrue(line.startswith("-H 'Authorization: HMAC-SHA256 "), line)
        self.assertTrue(line.endswith("' -H 'X-Upload-Timestamp: 1800000000'"), line)
        self.assertEqual(4, line.count("'"))

    def test_link(self) -> None:
        """A link says when it ends."""
        self.assertIn("?expires=1800003600&get=", sign("get", TERMS, ORDER).line)
        short = evolve(ORDER, lifetime=60.5)
        self.assertIn("?expires=1800000060&get=", sign("get", TERMS, short).line)
