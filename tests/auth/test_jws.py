"""Tokens: their signature, and what they may look like."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.jws import MAX_TOKEN, Tokens, bearer_token, required_token, unverified_claims
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.base.errors import Refusal, SignatureMissing, SignatureWrong, TokenRefused
from tests.auth import tokens
from tests.auth.scheme_suite import NOW, PROPERTY, UPLOAD_ID

SECRET = "secret string"
TOKENS = Tokens(Keyring.of(SECRET))
HEADER = b'{"alg":"HS256","typ":"JWT"}'


class SignatureTests(SynchronousTestCase):
    """``Tokens.read``: whose tokens are read."""

    def refuse(self, token: str, reader: Tokens = TOKENS) -> None:
        """Fail unless the token's signature is refused."""
        self.assertRaises(SignatureWrong, reader.read, token)

    def test_vector(self) -> None:
        """The token of RFC 7515, A.1, is read."""
        secret = base64.urlsafe_b64decode(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
        )
        token = (
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
            ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
            "Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        )
        claims = Tokens(Keyring((Key("rfc", secret),))).read(token)
        self.assertEqual(("joe", 1300819380.0), (claims.text("iss"), claims.time("exp")))

    def test_each_algorithm(self) -> None:
        """The configured algorithm is taken, and no other, whatever the token says."""
        for configured in tokens.HASHES:
            reader = Tokens(Keyring.of(SECRET), configured)
            for used in tokens.HASHES:
                token = tokens.make({"a": 1}, SECRET, used)
                if used == configured:
                    self.assertEqual({"a": 1}, reader.read(token).values)
                else:
                    self.refuse(token, reader)

    def test_unknown_algorithm(self) -> None:
        """Only HMAC can be configured: neither "none" nor a public key."""
        for algorithm in ("none", "RS256", "ES256", "hs256", ""):
            self.assertRaises(ValueError, Tokens, Keyring.of(SECRET), algorithm)

    def test_none(self) -> None:
        """A token without a signature is refused, in every spelling of "none"."""
        payload = tokens.encode(b'{"a":1}')
        for algorithm in ("none", "None", "NONE", "nOnE", ""):
            header = tokens.encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
            self.refuse(f"{header}.{payload}.")
            self.refuse(tokens.sign_segments(f"{header}.{payload}", SECRET))
            self.refuse(tokens.sign_segments(f"{header}.{payload}", ""))

    def test_key_confusion(self) -> None:
        """Algorithms of public keys are refused, also where the secret signed as HMAC."""
        for algorithm in ("RS256", "ES256", "PS256", "EdDSA", "HS1"):
            self.refuse(tokens.make({"a": 1}, SECRET, alg=algorithm))

    def test_keys_in_the_header(self) -> None:
        """A key that the token brings along is not believed."""
        jwk = {"kty": "oct", "k": tokens.encode(b"mine")}
        self.refuse(tokens.make({"a": 1}, "mine", jwk=jwk, kid="1", jku="http://localhost/"))

    def test_algorithm_missing(self) -> None:
        """A header without an algorithm, or with one that is no text, is refused."""
        for header in (
            b"{}",
            b'{"typ":"JWT"}',
            b'{"alg":1}',
            b'{"alg":["HS256"]}',
            b'{"alg":null}',
        ):
            self.refuse(tokens.make_raw(header, b'{"a":1}', SECRET))

    def test_every_key_of_the_ring(self) -> None:
        """A token of an older key is good until the key retires."""
        ring = Keyring((Key("new", b"new"), Key("old", b"old", retire=100.0)))
        token = tokens.make({"a": 1}, "old")
        self.assertEqual({"a": 1}, Tokens(ring).read(token, 99.9).values)
        self.assertRaises(SignatureWrong, Tokens(ring).read, token, 100.0)

    def test_shape(self) -> None:
        """Three parts of base64url without padding, each with something in it."""
        token = tokens.make({"a": 1}, SECRET)
        header, payload, signature = token.split(".")
        for wrong in (
            "",
            "..",
            f"{header}.{payload}",
            f"{header}.{payload}.",
            f".{payload}.{signature}",
            f"{header}..{signature}",
            f"{token}.{signature}",
            f"{token}=",
            f"{token}\n",
            f" {token}",
            token.replace(".", ".\n"),
            token.replace("-", "+").replace("_", "/") + "+",
        ):
            self.refuse(wrong)

    def test_huge(self) -> None:
        """A token longer than the limit is refused, genuine or not; one of that length is not."""
        longest, longer = (
            tokens.make_raw(HEADER, b'{"a":"%s"}' % (b"x" * length), SECRET)
            for length in (6075, 6076)
        )
        self.assertEqual([MAX_TOKEN, MAX_TOKEN + 1], [len(longest), len(longer)])
        TOKENS.read(longest)
        self.refuse(longer)
        self.assertIn("a", unverified_claims(longest))
        self.assertEqual({}, unverified_claims(longer))

    def test_query_signature_is_none(self) -> None:
        """The signature of a query, whose file name may look like a token, makes no token."""
        name = f"{tokens.encode(HEADER)}.{tokens.encode(b'{')}"
        signed = tokens.sign_segments(f"{name}51800000000{UPLOAD_ID}", SECRET)
        refusal = self.assertRaises(SignatureWrong, TOKENS.read, signed)
        self.assertIn("not a signed JWT", refusal.detail)

    @PROPERTY
    @given(st.text(alphabet="eyJhbGciOiJI.-_ {}", max_size=60))
    def test_anything(self, token: str) -> None:
        """Whatever comes as a token is refused, never an error of ours."""
        self.assertRaises(Refusal, TOKENS.read, token)


class ContentTests(SynchronousTestCase):
    """``Tokens.read``: genuine tokens that are refused."""

    def refuse(self, token: str) -> None:
        """Fail unless the genuine token is refused."""
        self.assertRaises(TokenRefused, TOKENS.read, token)

    def test_type(self) -> None:
        """The type, where it is told, is JWT, in any case."""
        for typ in ("JWT", "jwt", "Jwt"):
            TOKENS.read(tokens.make({"a": 1}, SECRET, typ=typ))
        TOKENS.read(tokens.make_raw(b'{"alg":"HS256"}', b'{"a":1}', SECRET))
        for wrong in ("at+jwt", "JWE", "", 1, None, ["JWT"]):
            self.refuse(tokens.make({"a": 1}, SECRET, typ=wrong))

    def test_extensions(self) -> None:
        """What the header asks for beyond a signature is not understood, and refused."""
        for extension in ({"crit": ["exp"]}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"b64": True}):
            token = tokens.make({"a": 1}, SECRET, **extension)
            self.assertRaises(Refusal, TOKENS.read, token)

    def test_no_claims(self) -> None:
        """A payload that is no JSON object in UTF-8 is refused."""
        for payload in (
            b"",
            b"x",
            b"[]",
            b'"text"',
            b"1",
            b"null",
            b'{"a":1',
            b'{"a":NaN}',
            b'{"a":Infinity}',
            b'{"a":' + b"9" * 5000 + b"}",
            '{"a":1}'.encode("utf-16"),
            b'{"a":"\xff"}',
            b"[" * 5000,
        ):
            token = tokens.make_raw(HEADER, payload, SECRET)
            self.assertRaises(Refusal, TOKENS.read, token)

    def test_deep_header(self) -> None:
        """A header nested deeper than can be read is refused before any signature."""
        header = b'{"alg":"HS256","a":' + b"[" * 4000 + b"]" * 1000
        self.assertRaises(Refusal, TOKENS.read, tokens.make_raw(header, b"{}", "other"))


class WriteTests(SynchronousTestCase):
    """``Tokens.write``."""

    def test_round_trip(self) -> None:
        """What is written is read back, under every algorithm."""
        claims = {"sub": "älice", "exp": 5, "list": ["a", "b"]}
        for algorithm in tokens.HASHES:
            both = Tokens(Keyring.of(SECRET), algorithm)
            self.assertEqual(claims, both.read(both.write(claims, NOW)).values)

    def test_others_read_it(self) -> None:
        """The token is the one that RFC 7515 describes."""
        header, payload, _ = TOKENS.write({"a": 1}, NOW).split(".")
        again = tokens.sign_segments(f"{header}.{payload}", SECRET)
        self.assertEqual(again, TOKENS.write({"a": 1}, NOW))

    def test_newest_key_signs(self) -> None:
        """The key that signs is the ring's newest."""
        ring = Keyring((Key("old", b"old", created=1.0), Key("new", b"new", created=2.0)))
        Tokens(Keyring.of("new")).read(Tokens(ring).write({"a": 1}, NOW))

    def test_repr_tells_nothing(self) -> None:
        """No secret shows."""
        self.assertNotIn(SECRET, repr(TOKENS))


class BearerTests(SynchronousTestCase):
    """Bearer tokens, and what they claim before they are verified."""

    def request(self, value: str) -> RequestFacts:
        """Make a request with this Authorization."""
        return RequestFacts("PUT", b"a", {}, {"authorization": value}, 1)

    def test_shape(self) -> None:
        """A bearer token with a dot is taken for a JWT."""
        self.assertEqual("a.b.c", bearer_token(self.request("Bearer a.b.c")))
        for value in ("Bearer abc", "Basic a.b.c", ""):
            self.assertIsNone(bearer_token(self.request(value)))

    def test_required(self) -> None:
        """Where a token is needed its absence is a refusal."""
        self.assertRaises(SignatureMissing, required_token, self.request("Bearer abc"))

    def test_unverified(self) -> None:
        """The claims are told, whoever signed them, so that the right scheme verifies them."""
        for claims in ({"a": 1}, {"ab": 12}, {"abc": 123}):
            self.assertEqual(claims, unverified_claims(tokens.make(claims, "anybody")))

    def test_no_token(self) -> None:
        """What is no token claims nothing."""
        deep = tokens.make_raw(HEADER, b"[" * 5000, "anybody")
        long = tokens.make({"a": "x" * MAX_TOKEN}, "anybody")
        for token in ("", "a.b.c", "....", tokens.make([1], "anybody"), deep, long):
            self.assertEqual({}, unverified_claims(token))
