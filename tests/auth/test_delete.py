"""Metronome's signed delete."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.delete import SignedDelete
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.permit import Scope
from hmacfs.base.errors import NameRefused, SignatureWrong
from tests.auth import scheme_suite
from tests.auth.scheme_suite import Case, Subject, resign_parameter, with_parameter

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
SCHEME = SignedDelete(KEYRING, "delete string")


def delete(path: bytes = b"foo/bar.jpg", delete_secret: bytes = b"delete string") -> RequestFacts:
    """Make a signed DELETE."""
    digest = KEYRING.sign(path + b"\0" + delete_secret).hex()
    return RequestFacts("DELETE", path, {"token": digest}, {}, None)


class SignedDeleteSuite(scheme_suite.SchemeTests):
    """The signed delete as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return Subject(
            scheme=SCHEME,
            stranger=SignedDelete(Keyring.of("another secret"), "delete string"),
            case=Case(delete()),
            signed={"path": scheme_suite.flip_path},
            signature=delete().parameters["token"],
            resigned=resign_parameter("token"),
            unsigned=evolve(delete(), parameters={}),
            secret=SECRET,
        )


class SignedDeleteTests(SynchronousTestCase):
    """What a signed delete allows and refuses."""

    def test_permit(self) -> None:
        """It allows to delete one file, whoever owns it, and nothing else."""
        permit = SCHEME.read(delete())
        self.assertEqual({Scope.DELETE}, permit.scopes)
        self.assertEqual("foo/bar.jpg", str(permit.name))
        permit.check_delete("alice")

    def test_delete_secret_counts(self) -> None:
        """The second secret must fit too, and does not show."""
        self.assertRaises(SignatureWrong, SCHEME.read, delete(delete_secret=b"other"))
        self.assertNotIn("delete string", repr(SCHEME))

    def test_other_methods(self) -> None:
        """The token of an upload is not looked at here, nor the token of a delete elsewhere."""
        self.assertFalse(SCHEME.is_used_by(evolve(delete(), method="PUT")))

    def test_upload_token(self) -> None:
        """The token that allowed the upload does not delete it."""
        for message in (b"foo/bar.jpg\0001048576\0image/jpeg", b"foo/bar.jpg 1048576"):
            facts = with_parameter(delete(), "token", KEYRING.sign(message).hex())
            self.assertRaises(SignatureWrong, SCHEME.read, facts)

    def test_no_name(self) -> None:
        """A MAC that fits does not make a name of a path that leads outside."""
        self.assertRaises(NameRefused, SCHEME.read, delete(b"../etc/passwd"))
