"""The query signature of the 3.x documents."""

from __future__ import annotations

import base64
from urllib.parse import quote

from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit
from hmacfs.auth.query import QuerySignature
from hmacfs.base.errors import (
    LengthRequired,
    MalformedRequest,
    NameRefused,
    SignatureAmbiguous,
    SignatureExpired,
    SignatureNotYetValid,
    SignatureWrong,
)
from tests.auth import scheme_suite
from tests.auth.scheme_suite import (
    NOW,
    PROPERTY,
    UPLOAD_ID,
    Case,
    Subject,
    resign_parameter,
    settle,
    with_parameter,
)

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
SCHEME = QuerySignature(KEYRING)
FORM = {"content-type": "multipart/form-data; boundary=x"}


def put(
    filename: str = "document.pdf",
    size: int = 1048576,
    timestamp: str = "1800000000",
    upload_id: str = UPLOAD_ID,
) -> RequestFacts:
    """Make the PUT of the documents, signed as their issuers do."""
    message = f"{filename}{size}{timestamp}{upload_id}"
    parameters = {
        "filename": filename,
        "timestamp": timestamp,
        "uploadid": upload_id,
        "signature": base64.b64encode(KEYRING.sign(message.encode())).decode(),
    }
    headers = {"content-type": "application/pdf"}
    return RequestFacts("PUT", b"", parameters, headers, size, now=NOW)


def read(facts: RequestFacts) -> Permit:
    """Read a request whose facts are all in its headers."""
    permit = SCHEME.read(facts)
    assert isinstance(permit, Permit)
    return permit


class QuerySignatureSuite(scheme_suite.SchemeTests):
    """The query signature as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        facts = put()
        return Subject(
            scheme=SCHEME,
            stranger=QuerySignature(Keyring.of("another secret")),
            case=Case(facts),
            signed={
                "filename": scheme_suite.flip_parameter("filename"),
                "length": scheme_suite.flip_length,
                "timestamp": scheme_suite.flip_parameter("timestamp"),
                "uploadid": scheme_suite.flip_parameter("uploadid"),
            },
            signature=facts.parameters["signature"],
            resigned=resign_parameter("signature"),
            unsigned=evolve(facts, parameters={"filename": "document.pdf"}),
            secret=SECRET,
        )


class PermitTests(SynchronousTestCase):
    """What a query signature allows."""

    def test_permit(self) -> None:
        """It names file and size, and leaves the type open; its id counts once."""
        permit = read(put())
        self.assertEqual(("document.pdf", 1048576), (permit.filename, permit.size))
        self.assertIsNone(permit.content_type)
        assert permit.once is not None
        self.assertEqual(NOW + 3600, permit.once.until)

    def test_once(self) -> None:
        """The id alone is what counts once: case, name and size make it no other."""
        ids = [UPLOAD_ID, UPLOAD_ID.upper(), "0" + UPLOAD_ID[1:]]
        keys = [read(put(upload_id=text)).once for text in ids]
        self.assertEqual(keys[0], keys[1])
        self.assertNotEqual(keys[0], keys[2])
        self.assertEqual(keys[0], read(put("other.pdf", 5)).once)

    def test_empty_file(self) -> None:
        """A file of no bytes is signed as size 0."""
        self.assertEqual(0, read(put(size=0)).size)

    def test_length_unknown(self) -> None:
        """Without a length the signature cannot be verified."""
        self.assertRaises(LengthRequired, SCHEME.read, evolve(put(size=0), length=None))


class PlusTests(SynchronousTestCase):
    """A plus that arrives as a space."""

    @PROPERTY
    @given(st.integers(0, 10**6))
    def test_signature(self, size: int) -> None:
        """A signature whose plus signs arrive as spaces is the same signature."""
        facts = put(size=size)
        signature = facts.parameters["signature"]
        assume("+" in signature)
        self.assertEqual(
            size, read(with_parameter(facts, "signature", signature.replace("+", " "))).size
        )

    def test_raw_name(self) -> None:
        """A name that its issuer put into the URL as it is keeps its plus signs."""
        facts = put("a+b c.txt")
        raw = evolve(
            with_parameter(facts, "filename", "a b c.txt"), uri="/upload?x&filename=a+b%20c.txt&y=z"
        )
        self.assertEqual("a+b c.txt", read(raw).filename)

    def test_encoded_name(self) -> None:
        """A name whose spaces were encoded as a form does it has spaces."""
        facts = evolve(put("a b.txt"), uri="/upload?filename=a+b.txt")
        self.assertEqual("a b.txt", read(facts).filename)

    def test_neither(self) -> None:
        """A name that was signed in neither reading is refused."""
        facts = evolve(
            with_parameter(put("a-b.txt"), "filename", "a b.txt"), uri="/upload?filename=a+b.txt"
        )
        self.assertRaises(SignatureWrong, SCHEME.read, facts)

    def test_other_parameters(self) -> None:
        """What another parameter of the query holds is no reading of the name."""
        facts = evolve(
            with_parameter(put("other.txt"), "filename", "a b.txt"),
            uri="/upload?x=other.txt&xfilename=other.txt&filename=a+b.txt",
        )
        self.assertRaises(SignatureWrong, SCHEME.read, facts)

    @PROPERTY
    @given(st.text(alphabet="a +ü%&=?#/.", min_size=1).map(lambda name: f"{name}.txt"))
    def test_any_name(self, name: str) -> None:
        """A name is read back however its issuer encoded it, or is none for its slash."""
        facts = evolve(put(name), uri=f"/upload?filename={quote(name, safe='+')}")
        arrived = with_parameter(facts, "filename", name.replace("+", " "))
        if "/" in name:
            self.assertRaises(NameRefused, SCHEME.read, arrived)
        else:
            self.assertEqual(name, read(arrived).filename)


class TimeTests(SynchronousTestCase):
    """When a query signature is good."""

    def at(self, seconds: float) -> RequestFacts:
        """Make a request that comes so long after its timestamp."""
        return evolve(put(), now=NOW + seconds)

    def test_good(self) -> None:
        """From 300 s before its timestamp to the slot's time after it, edges included."""
        for seconds in (-300.0, 0.0, 3600.0):
            self.assertEqual(1048576, read(self.at(seconds)).size)

    def test_early(self) -> None:
        """Earlier it is not valid yet."""
        self.assertRaises(SignatureNotYetValid, SCHEME.read, self.at(-300.1))

    def test_late(self) -> None:
        """Later it has expired."""
        self.assertRaises(SignatureExpired, SCHEME.read, self.at(3600.1))

    def test_configured(self) -> None:
        """The slot's time is the configured one."""
        scheme = QuerySignature(KEYRING, slot_ttl=10.0)
        scheme.read(self.at(10.0))
        self.assertRaises(SignatureExpired, scheme.read, self.at(10.1))

    def test_wrong_and_late(self) -> None:
        """Of a signature that does not fit nothing is told about its time."""
        facts = with_parameter(self.at(9999.0), "filename", "other.pdf")
        self.assertRaises(SignatureWrong, SCHEME.read, facts)

    def test_no_time(self) -> None:
        """Facts without a time are those of an expired request."""
        facts = put()
        timeless = RequestFacts("PUT", b"", facts.parameters, {}, facts.length)
        self.assertRaises(SignatureExpired, SCHEME.read, timeless)


class AmbiguityTests(SynchronousTestCase):
    """Genuine signatures that could mean something else."""

    def assert_ambiguous(self, facts: RequestFacts) -> None:
        """Fail unless the request is refused as ambiguous."""
        self.assertRaises(SignatureAmbiguous, SCHEME.read, facts)

    def test_name_ends_in_a_digit(self) -> None:
        """A name that could end later or earlier is refused; known extensions are not."""
        self.assert_ambiguous(put("img_0001", 5))
        self.assertEqual("a.mp4", read(put("a.mp4", 5)).filename)

    def test_moved_digit(self) -> None:
        """A signature cannot be used for a shorter name and a larger size."""
        facts = put("photo.mp4", 123)
        self.assertEqual(123, read(facts).size)
        self.assert_ambiguous(evolve(with_parameter(facts, "filename", "photo.mp"), length=4123))

    def test_shapes(self) -> None:
        """Timestamps of other lengths and ids that are no UUID are refused."""
        self.assert_ambiguous(put(timestamp="180000000"))
        self.assert_ambiguous(put(timestamp="18000000000"))
        self.assert_ambiguous(put(upload_id=UPLOAD_ID.replace("-", "")))
        self.assert_ambiguous(put(upload_id="0" + UPLOAD_ID))

    def test_leading_zero(self) -> None:
        """The size of a form with a leading zero is refused."""
        facts = with_parameter(evolve(put(size=5), headers=FORM), "filesize", "05")
        self.assertRaises(MalformedRequest, SCHEME.read, facts)


class FormTests(SynchronousTestCase):
    """A query signature over a file in a form."""

    def test_announced(self) -> None:
        """With ``filesize`` it is verified before the body."""
        facts = with_parameter(evolve(put(size=5), headers=FORM, length=99), "filesize", "5")
        self.assertEqual(5, read(facts).size)
        wrong = with_parameter(facts, "filesize", "99")
        self.assertRaises(SignatureWrong, SCHEME.read, wrong)

    def test_late(self) -> None:
        """Without, it waits for the size of the part; the part's name does not count."""
        case = Case(evolve(put(size=5), headers=FORM, length=99), PartFacts("x", "a/b", 5))
        self.assertIsInstance(SCHEME.read(case.facts), Pending)
        self.assertEqual("document.pdf", settle(SCHEME, case).filename)


class MalformedTests(SynchronousTestCase):
    """Requests that are not signed well."""

    def test_missing(self) -> None:
        """Every parameter must be there."""
        for name in ("filename", "timestamp", "uploadid"):
            facts = put()
            rest = {key: value for key, value in facts.parameters.items() if key != name}
            refusal = self.assertRaises(
                MalformedRequest, SCHEME.read, evolve(facts, parameters=rest)
            )
            self.assertIn(name, refusal.detail)

    def test_paths(self) -> None:
        """A signed name that is a path, or none at all, is refused."""
        for name in ("../x.txt", "a/b.txt", "/etc/x", "..", ".hmacfs", "a\0.txt", ""):
            self.assertRaises(NameRefused, SCHEME.read, put(name))

    def test_hexadecimal(self) -> None:
        """The signature is base64, not hexadecimal."""
        facts = put()
        digest = base64.b64decode(facts.parameters["signature"]).hex()
        self.assertRaises(SignatureWrong, SCHEME.read, with_parameter(facts, "signature", digest))
