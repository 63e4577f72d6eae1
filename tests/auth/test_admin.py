"""How administrators are recognised."""

from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.admin import Credential, Login, Token
from hmacfs.auth.permit import Scope
from hmacfs.base.errors import SignatureMissing, SignatureWrong

SECRET = "the secret of these tests, \u00e9"


def basic(text: str) -> str:
    """Write what a browser sends."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


class CredentialTests(SynchronousTestCase):
    """Tokens, and names with passwords."""

    def assert_refused(self, kind: type[Exception], credential: Credential, *headers: str) -> None:
        """Fail unless each of these is refused so."""
        for header in headers:
            error = self.assertRaises(kind, credential.verify, header)
            self.assertNotIn(SECRET, str(error))

    def test_token(self) -> None:
        """The token is taken whatever the case of its scheme, and nothing else is."""
        credential = Token(SECRET)
        for header in (f"Bearer {SECRET}", f"bearer  {SECRET}"):
            self.assertEqual(frozenset({Scope.ADMIN}), credential.verify(header).scopes)
        wrong = (f"Bearer {SECRET[:-1]}", f"Bearer {SECRET} ", f"Bearer {SECRET.upper()}")
        self.assert_refused(
            SignatureWrong, credential, *wrong, "Bearer \udcff", "Bearer x, Bearer y"
        )
        self.assert_refused(
            SignatureMissing, credential, "", "Bearer", SECRET, basic(f"a:{SECRET}")
        )
        self.assertRaises(SignatureMissing, credential.verify, None)

    def test_login(self) -> None:
        """Name and password have to be right, and the password may have colons (RFC 7617, 2)."""
        credential = Login("r\u00f3meo", f"{SECRET}:")
        self.assertEqual("r\u00f3meo", credential.verify(basic(f"r\u00f3meo:{SECRET}:")).owner)
        wrong = (f"r\u00f3meo:{SECRET}", f"juliet:{SECRET}:", "r\u00f3meo", f":{SECRET}:")
        self.assert_refused(SignatureWrong, credential, *map(basic, wrong))
        self.assert_refused(SignatureWrong, credential, "Basic ***", "Basic /w==")
        self.assert_refused(SignatureMissing, credential, f"Bearer {SECRET}", "Basic")

    def test_nobody(self) -> None:
        """Where there is no secret nobody is recognised, whatever the request says."""
        self.assert_refused(SignatureWrong, Token(""), "Bearer x", 'Bearer ""')
        self.assert_refused(SignatureWrong, Login("", ""), basic(":"), basic("x"))

    def test_challenge(self) -> None:
        """A client is told what is wanted; of an error only where it brought a token (RFC 6750)."""
        missing, wrong = SignatureMissing("x"), SignatureWrong("x")
        realm = 'realm="hmac-file-server administration"'
        self.assertEqual(f"Bearer {realm}", Token(SECRET).challenge(missing))
        self.assertEqual(f'Bearer {realm}, error="invalid_token"', Token(SECRET).challenge(wrong))
        for refusal in (missing, wrong):
            asked = Login("x", SECRET).challenge(refusal)
            self.assertEqual(f'Basic {realm}, charset="UTF-8"', asked)

    def test_hidden(self) -> None:
        """No secret is shown with the rest."""
        self.assertNotIn(SECRET, repr(Token(SECRET)) + repr(Login("x", SECRET)))
