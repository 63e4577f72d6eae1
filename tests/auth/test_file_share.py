"""The tokens of Prosody's mod_http_file_share."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.file_share import SlotToken, is_slot
from hmacfs.auth.jws import Tokens
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import (
    NameRefused,
    NotCovered,
    SignatureExpired,
    SignatureMissing,
    SignatureNotYetValid,
    SignatureWrong,
    SizeMismatch,
    TokenRefused,
)
from hmacfs.base.values import Grant
from tests.auth import scheme_suite, tokens
from tests.auth.granting import granted
from tests.auth.scheme_suite import (
    NOW,
    Case,
    Subject,
    resign_authorization,
    with_header,
)

SECRET = "it-is-secret-it-is-secret-it-is-secret"
SCHEME = SlotToken(Tokens(Keyring.of(SECRET)))
SLOT = "cFI2aim2iYOdZbUwlH_60Hlm"
PUT = RequestFacts(
    "PUT", f"{SLOT}/hello.txt".encode(), {}, {"content-type": "text/plain"}, 1234, NOW
)
RESIGN = resign_authorization("Bearer")
ISSUED: dict[str, object] = {
    "iat": NOW,
    "exp": NOW + 300,
    "sub": "alice@localhost",
    "slot": SLOT,
    "filename": "hello.txt",
    "filesize": 1234,
    "filetype": "text/plain",
    "expires": NOW + 604800,
}
"""Claims as Prosody 0.12.3 issued them."""


def put(**claims: object) -> RequestFacts:
    """Make the PUT of a slot; claims that are ``None`` are left out."""
    told = {name: value for name, value in {**ISSUED, **claims}.items() if value is not None}
    return RESIGN(PUT, tokens.make(told, SECRET))


def admit(facts: RequestFacts) -> Grant:
    """Admit an upload by its slot's token."""
    return granted(Door((SCHEME,)), facts)


def flip_type(case: Case, number: int) -> Case:
    """Put another letter into the declared type."""
    kind = case.facts.headers["content-type"]
    place = number % len(kind)
    changed = f"{kind[:place]}q{kind[place + 1 :]}"
    return evolve(case, facts=with_header(case.facts, "content-type", changed))


class SlotTokenSuite(scheme_suite.SchemeTests):
    """The token of a slot as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request with a token."""
        token = tokens.make(ISSUED, SECRET)
        return Subject(
            scheme=SCHEME,
            stranger=SlotToken(Tokens(Keyring.of("another secret"))),
            case=Case(RESIGN(PUT, token)),
            signed={
                "path": scheme_suite.flip_path,
                "length": scheme_suite.flip_length,
                "type": flip_type,
            },
            signature=token,
            resigned=RESIGN,
            unsigned=PUT,
            secret=SECRET,
        )


class VectorTests(SynchronousTestCase):
    """A token made by another program."""

    def test_prosody(self) -> None:
        """A token that Prosody 0.12.3 signed, with a name of many kinds of letters."""
        token = (
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3OTUyMjAzODksInN1YiI6ImFsaWNlQGxvY2Fs"
            "aG9zdCIsImZpbGVzaXplIjoxMSwic2xvdCI6ImNGSTJhaW0yaVlPZFpiVXdsSF82MEhsbSIsImV4cGlyZXMiOj"
            "E3OTU4MjUxODksImZpbGVuYW1lIjoidHLDqHMgY29vbCAoMSkrYSZiLnR4dCIsImZpbGV0eXBlIjoidGV4dC9w"
            "bGFpbiIsImV4cCI6MTc5NTIyMDY4OX0.G9ysf70g1S2SGc8vuh5NrDKEGdb-kzhI25LhdOSRKoo"
        )
        path = f"{SLOT}/très cool (1)+a&b.txt".encode()
        facts = RequestFacts("PUT", path, {}, {"content-type": "text/plain"}, 11, 1795220389.0)
        door = Door((SlotToken(Tokens(Keyring.of("it-is-secret"))),))
        expected = Grant(facts.name, 11, "text/plain", "prosody", "alice@localhost", 1795825189.0)
        self.assertEqual(expected, granted(door, RESIGN(facts, token)))


class GrantTests(SynchronousTestCase):
    """What the token of a slot allows."""

    def test_issued(self) -> None:
        """Owner, type and expiry of the file are those that Prosody claims."""
        expected = Grant(PUT.name, 1234, "text/plain", "prosody", "alice@localhost", NOW + 604800)
        self.assertEqual(expected, admit(put()))

    def test_least(self) -> None:
        """A file that never expires, of nobody and of any type, is a file all the same."""
        facts = put(expires=None, sub=None, filetype=None)
        grant = admit(with_header(facts, "content-type", "image/png"))
        self.assertEqual((None, None), (grant.owner, grant.expires_at))
        self.assertEqual("image/png", grant.content_type)

    def test_names(self) -> None:
        """Names of all scripts, with spaces, plus signs and joiners, are those of the path."""
        for name in ("très cool (1)+a&b.txt", "日本.txt", "a\u202fPM 👩\u200d🚀.png", "%41"):
            facts = evolve(put(filename=name), path=f"{SLOT}/{name}".encode())
            self.assertEqual(name, admit(facts).name.leaf)

    def test_type_absent(self) -> None:
        """A client that declares no type gets the one of its slot."""
        facts = put(filetype="image/png")
        bare = {"authorization": facts.headers["authorization"]}
        self.assertEqual("image/png", admit(evolve(facts, headers=bare)).content_type)

    def test_type_with_parameters(self) -> None:
        """Parameters and case of the declared type do not count; the slot's type is stored."""
        for declared in ("text/plain; charset=utf-8", "Text/Plain"):
            grant = admit(with_header(put(), "content-type", declared))
            self.assertEqual("text/plain", grant.content_type)

    def test_length_unknown(self) -> None:
        """A chunked body needs no announced length: the token tells it."""
        self.assertEqual(1234, admit(evolve(put(), length=None)).size)

    def test_empty_file(self) -> None:
        """A file of no bytes can be uploaded."""
        self.assertEqual(0, admit(evolve(put(filesize=0), length=0)).size)


class RefusalTests(SynchronousTestCase):
    """What the token of a slot does not allow."""

    def test_other_path(self) -> None:
        """Another slot, another name, a folder more or less is not what it is for."""
        for path in (f"{SLOT}/other.txt", "other/hello.txt", "hello.txt", f"{SLOT}/a/hello.txt"):
            facts = evolve(put(), path=path.encode())
            self.assertRaises(NotCovered, SCHEME.read, facts)

    def test_other_size(self) -> None:
        """Another size is refused, larger or smaller."""
        for length in (0, 1233, 1235):
            self.assertRaises(SizeMismatch, admit, evolve(put(), length=length))

    def test_other_type(self) -> None:
        """Another type is refused."""
        facts = with_header(put(), "content-type", "text/html")
        self.assertRaises(NotCovered, admit, facts)

    def test_times(self) -> None:
        """The token is good from ``iat`` to ``exp``, with the leeway."""
        SCHEME.read(evolve(put(), now=NOW + 329.9))
        self.assertRaises(SignatureExpired, SCHEME.read, evolve(put(), now=NOW + 330))
        SCHEME.read(evolve(put(), now=NOW - 30))
        self.assertRaises(SignatureNotYetValid, SCHEME.read, evolve(put(), now=NOW - 30.1))

    def test_missing_claims(self) -> None:
        """A token without slot, name, size or expiry is refused."""
        for name in ("slot", "filename", "filesize", "exp"):
            self.assertRaises(TokenRefused, SCHEME.read, put(**{name: None}))

    def test_wrong_claims(self) -> None:
        """A claim of the wrong type voids the token."""
        wrong: dict[str, tuple[object, ...]] = {
            "slot": (1, "", ["a"]),
            "filename": (1, "", "a\0b", "\ud800"),
            "filesize": ("1234", -1, 1.5, True),
            "filetype": (1, "", "a\nb"),
            "expires": ("1", True),
            "sub": (1, ""),
            "exp": ("1", True),
        }
        for name, values in wrong.items():
            for value in values:
                self.assertRaises(TokenRefused, SCHEME.read, put(**{name: value}))

    def test_paths_that_are_no_names(self) -> None:
        """A genuine slot does not lead outside."""
        for claims in ({"slot": ".."}, {"filename": "../x"}, {"slot": ".hmacfs"}):
            self.assertRaises(NameRefused, SCHEME.read, put(**claims))

    def test_algorithm(self) -> None:
        """Prosody signs with HS256; nothing else is taken."""
        for algorithm in ("HS384", "HS512"):
            facts = RESIGN(PUT, tokens.make(ISSUED, SECRET, algorithm))
            self.assertRaises(SignatureWrong, SCHEME.read, facts)

    def test_other_tokens(self) -> None:
        """A token that claims no slot is not of this scheme."""
        facts = RESIGN(PUT, tokens.make({"exp": NOW + 60, "sub": "alice"}, SECRET))
        self.assertFalse(SCHEME.is_used_by(facts))
        self.assertRaises(TokenRefused, SCHEME.read, facts)
        self.assertRaises(SignatureMissing, SCHEME.read, PUT)

    def test_is_slot(self) -> None:
        """Both claims together make a slot."""
        self.assertTrue(is_slot(ISSUED))
        self.assertFalse(is_slot({"slot": "a"}) or is_slot({"filename": "a"}) or is_slot({}))
