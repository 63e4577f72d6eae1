"""The header of the V1 API."""

from __future__ import annotations

import base64

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.header_v1 import HeaderV1
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Fact, Pending
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import (
    MalformedRequest,
    NameRefused,
    SignatureAmbiguous,
    SignatureExpired,
    SignatureMissing,
    SignatureNotYetValid,
    SignatureWrong,
)
from tests.auth import scheme_suite
from tests.auth.scheme_suite import NOW, Case, Subject, resign_authorization, settle, with_header

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
SCHEME = HeaderV1(KEYRING)
RESIGN = resign_authorization("HMAC-SHA256")
PART = PartFacts("document.pdf", "application/pdf", 1048576)


def post(part: PartFacts = PART, timestamp: str = "1800000000") -> RequestFacts:
    """Make the POST of the documents."""
    message = f"{part.filename}{part.content_type}{timestamp}"
    headers = {
        "content-type": "multipart/form-data; boundary=x",
        "x-upload-timestamp": timestamp,
    }
    facts = RequestFacts("POST", b"", {}, headers, 2_000_000, NOW, "/api/v1/upload")
    return RESIGN(facts, base64.b64encode(KEYRING.sign(message.encode())).decode())


def read(facts: RequestFacts, part: PartFacts = PART) -> Permit:
    """Read a request and its file part."""
    return settle(SCHEME, Case(facts, part))


class HeaderV1Suite(scheme_suite.SchemeTests):
    """The V1 header as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        facts = post()
        return Subject(
            scheme=SCHEME,
            stranger=HeaderV1(Keyring.of("another secret")),
            case=Case(facts, PART),
            signed={
                "filename": scheme_suite.flip_filename,
                "type": scheme_suite.flip_part_type,
                "timestamp": scheme_suite.flip_header("x-upload-timestamp"),
            },
            signature=facts.headers["authorization"].partition(" ")[2],
            resigned=RESIGN,
            unsigned=evolve(facts, headers={}),
            secret=SECRET,
        )


class HeaderV1Tests(SynchronousTestCase):
    """What the V1 header allows and refuses."""

    def test_permit(self) -> None:
        """It names file and type, and leaves the size open; the signature counts once."""
        permit = read(post())
        self.assertEqual(
            ("document.pdf", "application/pdf"), (permit.filename, permit.content_type)
        )
        self.assertIsNone(permit.size)
        assert permit.once is not None
        self.assertEqual(NOW + 300, permit.once.until)
        self.assertNotEqual(permit.once, read(post(timestamp="1800000001")).once)

    def test_head_of_the_part_is_enough(self) -> None:
        """It can be verified before the first byte of the file."""
        pending = SCHEME.read(post())
        assert isinstance(pending, Pending)
        self.assertEqual(set(), pending.missing(evolve(PART, size=None)))

    def test_field(self) -> None:
        """The timestamp may stand in a form field before the file."""
        facts = post()
        bare = {key: value for key, value in facts.headers.items() if key != "x-upload-timestamp"}
        pending = SCHEME.read(evolve(facts, headers=bare))
        assert isinstance(pending, Pending)
        self.assertEqual({Fact.TIMESTAMP}, pending.missing(PART))
        permit = pending.settle(evolve(PART, timestamp="1800000000"))
        self.assertEqual("document.pdf", permit.filename)

    def test_field_and_header(self) -> None:
        """Header and field must not tell two times."""
        self.assertEqual("v1", read(post(), evolve(PART, timestamp="1800000000")).scheme)
        self.assertRaises(MalformedRequest, read, post(), evolve(PART, timestamp="1800000001"))

    def test_times(self) -> None:
        """It is good for 300 s either way, edges included."""
        for seconds in (-300, 300):
            read(evolve(post(), now=NOW + seconds))
        self.assertRaises(SignatureNotYetValid, read, evolve(post(), now=NOW - 300.1))
        self.assertRaises(SignatureExpired, read, evolve(post(), now=NOW + 300.1))

    def test_configured_time(self) -> None:
        """Another time can be configured."""
        case = Case(evolve(post(), now=NOW + 11), PART)
        self.assertRaises(SignatureExpired, settle, HeaderV1(KEYRING, max_age=10.0), case)

    def test_ambiguous(self) -> None:
        """A genuine signature is refused where name and type cannot be told apart."""
        for part in (
            PartFacts("a", "ttext/plain"),
            PartFacts("a", "x-world/vrml"),
            PartFacts("a", "plain"),
        ):
            self.assertRaises(SignatureAmbiguous, read, post(part), part)
        self.assertRaises(SignatureAmbiguous, read, post(timestamp="180000000"))

    def test_moved_end(self) -> None:
        """A signature cannot be used for a longer name and a shorter type."""
        facts = post(PartFacts("a.tx", "text/plain"))
        moved = PartFacts("a.txt", "ext/plain")
        self.assertRaises(SignatureAmbiguous, read, facts, moved)

    def test_paths(self) -> None:
        """A signed name that is a path, or cannot be a name, is refused."""
        for name in ("../a", "a/b", "", "a\0"):
            part = evolve(PART, filename=name)
            self.assertRaises(NameRefused, read, post(part), part)

    def test_v2_is_another(self) -> None:
        """The V2 scheme's name is not this one's."""
        facts = with_header(post(), "authorization", "HMAC-SHA256-V2 abc")
        self.assertFalse(SCHEME.is_used_by(facts))
        self.assertRaises(SignatureMissing, SCHEME.read, facts)

    def test_other_alphabets(self) -> None:
        """Hexadecimal is not taken."""
        self.assertRaises(SignatureWrong, SCHEME.read, RESIGN(post(), "ab" * 32))
