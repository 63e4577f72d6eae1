"""The bearer MAC of the 2.x documents."""

from __future__ import annotations

import base64

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.bearer import BearerMac
from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Pending
from hmacfs.base.errors import LengthRequired, NameRefused, SignatureMissing, SignatureWrong
from tests.auth import scheme_suite
from tests.auth.scheme_suite import Case, Subject, resign_authorization, with_header

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
PUT = RequestFacts("PUT", b"example.txt", {}, {"content-type": "text/plain"}, 11)
DIGEST = KEYRING.sign(b"example.txt 11")
RESIGN = resign_authorization("Bearer")


def make_subject(signature: str) -> Subject:
    """Make the subject of the suite for one way of writing the MAC."""
    return Subject(
        scheme=BearerMac(KEYRING),
        stranger=BearerMac(Keyring.of("another secret")),
        case=Case(RESIGN(PUT, signature)),
        signed={"path": scheme_suite.flip_path, "length": scheme_suite.flip_length},
        signature=signature,
        resigned=RESIGN,
        unsigned=PUT,
        secret=SECRET,
    )


class HexadecimalTests(scheme_suite.SchemeTests):
    """The MAC in hexadecimal."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_subject(DIGEST.hex())


class Base64Tests(scheme_suite.SchemeTests):
    """The MAC in base64."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_subject(base64.b64encode(DIGEST).decode())


class BearerMacTests(SynchronousTestCase):
    """What ``BearerMac`` takes and refuses."""

    def setUp(self) -> None:
        self.scheme = BearerMac(KEYRING)
        self.facts = RESIGN(PUT, DIGEST.hex())

    def test_form(self) -> None:
        """The upload of the documents: a PUT of a form, whose file is signed, not the form."""
        facts = with_header(self.facts, "content-type", "multipart/form-data; boundary=x")
        pending = self.scheme.read(evolve(facts, length=999))
        assert isinstance(pending, Pending)
        permit = pending.settle(PartFacts("other.txt", "text/plain", 11))
        self.assertEqual(("example.txt", 11), (str(permit.name), permit.size))
        self.assertRaises(SignatureWrong, pending.settle, PartFacts("example.txt", None, 12))

    def test_not_a_jwt(self) -> None:
        """A token with a dot is a JWT, and none of this scheme."""
        self.assertFalse(self.scheme.is_used_by(RESIGN(PUT, "a.b.c")))
        self.assertTrue(self.scheme.is_used_by(RESIGN(PUT, "abc")))

    def test_length_unknown(self) -> None:
        """Without a length the MAC cannot be verified."""
        self.assertRaises(LengthRequired, self.scheme.read, evolve(self.facts, length=None))

    def test_no_token(self) -> None:
        """Without a token there is nothing to verify."""
        self.assertRaises(SignatureMissing, self.scheme.read, PUT)

    def test_no_name(self) -> None:
        """A MAC that fits does not make a name of a path that leads outside."""
        path = b"../example.txt"
        facts = RESIGN(evolve(PUT, path=path), KEYRING.sign(path + b" 11").hex())
        self.assertRaises(NameRefused, self.scheme.read, facts)
