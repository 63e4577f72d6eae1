"""The tokens of the V3 API."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.jws import Tokens
from hmacfs.auth.jwt import V3Token, audiences_of
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import (
    NotCovered,
    SignatureExpired,
    SignatureMissing,
    SignatureNotYetValid,
    TokenRefused,
)
from hmacfs.base.names import StoredName
from tests.auth import scheme_suite, tokens
from tests.auth.scheme_suite import NOW, Case, Subject, flip_character, resign_authorization

SECRET = "secret string of tokens"
HOST = "files.example.com"
SCHEME = V3Token(Tokens(Keyring.of(SECRET)), audiences=audiences_of(f"https://{HOST}/"))
PUT = RequestFacts("PUT", b"foo/bar.pdf", {}, {"content-type": "application/pdf"}, 5, NOW)
RESIGN = resign_authorization("Bearer")

DOCUMENTED: dict[str, object] = {
    "iss": "hmac-file-server",
    "sub": "user@example.com",
    "aud": HOST,
    "exp": NOW + 3600,
    "iat": NOW,
    "jti": "550e8400-e29b-41d4-a716-446655440000",
    "scope": ["upload", "download", "delete"],
    "upload_quota": 10737418240,
    "allowed_types": ["image/*", "application/pdf"],
}
"""The payload that the documents show."""


def put(**claims: object) -> RequestFacts:
    """Make a PUT with a token of these claims and an expiry."""
    return RESIGN(PUT, tokens.make({"exp": NOW + 60, **claims}, SECRET))


def read(**claims: object) -> Permit:
    """Read a token of these claims and an expiry."""
    return SCHEME.read(put(**claims))


def flip_token(case: Case, number: int) -> Case:
    """Flip one bit of one character of the token."""
    _, _, token = case.facts.headers["authorization"].partition(" ")
    return Case(RESIGN(case.facts, flip_character(token, number)))


class V3TokenSuite(scheme_suite.SchemeTests):
    """The V3 token as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request with a token."""
        token = tokens.make(DOCUMENTED, SECRET)
        return Subject(
            scheme=SCHEME,
            stranger=V3Token(Tokens(Keyring.of("another secret"))),
            case=Case(RESIGN(PUT, token)),
            signed={"token": flip_token},
            signature=token,
            resigned=RESIGN,
            unsigned=PUT,
            secret=SECRET,
        )


class PermitTests(SynchronousTestCase):
    """What the claims become."""

    def test_documented(self) -> None:
        """The payload of the documents is read in full."""
        permit = SCHEME.read(RESIGN(PUT, tokens.make(DOCUMENTED, SECRET)))
        expected = Permit(
            scheme="jwt",
            scopes=frozenset({Scope.UPLOAD, Scope.DOWNLOAD, Scope.DELETE}),
            owner="user@example.com",
            quota=10737418240,
            allowed_types=("image/*", "application/pdf"),
        )
        self.assertEqual(expected, permit)

    def test_least(self) -> None:
        """A token with nothing but an expiry uploads and downloads, for nobody, without bounds."""
        expected = Permit("jwt", frozenset({Scope.UPLOAD, Scope.DOWNLOAD}))
        self.assertEqual(expected, read())

    def test_scope_as_text(self) -> None:
        """Scopes may be words in one text; those not known are passed over."""
        self.assertEqual({Scope.UPLOAD, Scope.ADMIN}, read(scope="upload  admin openid").scopes)

    def test_no_scope_is_given_by_mistake(self) -> None:
        """An empty or unknown scope allows nothing, and no part of a word is a scope."""
        for scope in ([], "", ["uploads"], "UPLOAD", ["up load"]):
            self.assertEqual(frozenset(), read(scope=scope).scopes)

    def test_types(self) -> None:
        """Patterns are compared in lower case, and bind what is uploaded."""
        permit = read(allowed_types=["Image/*"])
        name = StoredName.parse(b"a")
        self.assertEqual("image/PNG", permit.grant(name, 5, "image/PNG").content_type)
        self.assertRaises(NotCovered, permit.grant, name, 5, "text/html")

    def test_wrong_types(self) -> None:
        """Patterns that are no media types are refused, with the token."""
        for patterns in (["image"], ["image/[a-z]*"], ["a/b/c"], [""], ["image/png; x"], [1], 1):
            self.assertRaises(TokenRefused, read, allowed_types=patterns)

    def test_wrong_claims(self) -> None:
        """A claim of the wrong type voids the token."""
        wrong: dict[str, tuple[object, ...]] = {
            "sub": (1, "", ["a"], None, "a\nb"),
            "upload_quota": ("1", -1, 1.5, True, None),
            "scope": (1, {"upload": 1}, [1], None),
            "exp": ("1900000000", True, None, 1e300, -1),
            "nbf": ("1", None),
            "iat": ("1", None),
            "iss": (1, None, ["hmac-file-server"]),
            "aud": (1, None, [1]),
        }
        for name, values in wrong.items():
            for value in values:
                self.assertRaises(TokenRefused, read, **{name: value})


class AcceptanceTests(SynchronousTestCase):
    """Which tokens are good here and now."""

    def test_issuer(self) -> None:
        """Where an issuer is claimed it must be the configured one."""
        self.assertEqual("jwt", read(iss="hmac-file-server").scheme)
        self.assertRaises(TokenRefused, read, iss="somebody")
        other = evolve(SCHEME, issuer="somebody")
        self.assertEqual("jwt", other.read(put(iss="somebody")).scheme)

    def test_audience(self) -> None:
        """Where an audience is claimed one of it must be this server."""
        for audience in (HOST, f"https://{HOST}", f"https://{HOST}/", ["x", HOST]):
            self.assertEqual("jwt", read(aud=audience).scheme)
        for wrong in ("example.com", f"x{HOST}", f"http://{HOST}", ["x", "y"], [], ""):
            self.assertRaises(TokenRefused, read, aud=wrong)

    def test_no_audience_configured(self) -> None:
        """A server that knows no name of its own is nobody's audience."""
        nameless = V3Token(Tokens(Keyring.of(SECRET)))
        self.assertRaises(TokenRefused, nameless.read, put(aud=HOST))
        self.assertEqual("jwt", nameless.read(put()).scheme)

    def test_times(self) -> None:
        """The times of the token count, with the leeway, edges included."""
        self.assertEqual("jwt", read(exp=NOW - 29.9).scheme)
        self.assertRaises(SignatureExpired, read, exp=NOW - 30)
        self.assertEqual("jwt", read(nbf=NOW + 30).scheme)
        self.assertRaises(SignatureNotYetValid, read, nbf=NOW + 31)
        self.assertRaises(SignatureNotYetValid, read, iat=NOW + 31)

    def test_long_life(self) -> None:
        """A token that is good for longer than allowed is refused, however much of it is left."""
        scheme = evolve(SCHEME, longest_life=1000.0, leeway=30.0)
        for claims, is_good in (
            ({"exp": NOW + 1030}, True),
            ({"exp": NOW + 1031}, False),
            ({"iat": NOW - 900, "exp": NOW + 130}, True),
            ({"iat": NOW - 900, "exp": NOW + 131}, False),
        ):
            if is_good:
                scheme.read(put(**claims))
            else:
                self.assertRaises(TokenRefused, scheme.read, put(**claims))

    def test_no_expiry(self) -> None:
        """A token must say when it expires."""
        facts = RESIGN(PUT, tokens.make({"sub": "alice"}, SECRET))
        self.assertRaises(TokenRefused, SCHEME.read, facts)

    def test_no_time(self) -> None:
        """Facts without a time are those of an expired request."""
        timeless = RESIGN(RequestFacts("PUT", b"a", {}, {}, 5), tokens.make(DOCUMENTED, SECRET))
        self.assertRaises(SignatureExpired, SCHEME.read, timeless)

    def test_slots(self) -> None:
        """The token of an upload slot is never a V3 token, though the secret may be the same."""
        facts = put(slot="abc", filename="a.txt", filesize=5)
        self.assertFalse(SCHEME.is_used_by(facts))
        self.assertRaises(TokenRefused, SCHEME.read, facts)

    def test_no_token(self) -> None:
        """Without a token there is nothing to verify."""
        self.assertRaises(SignatureMissing, SCHEME.read, PUT)


class AudienceTests(SynchronousTestCase):
    """``audiences_of``."""

    def test_url(self) -> None:
        """The URL with and without its slash, the host with and without its port."""
        self.assertEqual(
            (
                "https://files.example.com:8443",
                "https://files.example.com:8443/",
                "files.example.com:8443",
                "files.example.com",
            ),
            audiences_of("https://files.example.com:8443/"),
        )

    def test_path(self) -> None:
        """A path belongs to the URL, and not to the host."""
        self.assertEqual(
            ("https://example.com/files", "https://example.com/files/", "example.com"),
            audiences_of("https://example.com/files/"),
        )

    def test_none(self) -> None:
        """Without a URL there is no audience."""
        self.assertEqual((), audiences_of(""))
