"""The header of the V2 API, in both documented messages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.header_v2 import HeaderV2
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
from tests.auth.scheme_suite import (
    NOW,
    UPLOAD_ID,
    Case,
    Change,
    Subject,
    flip_character,
    resign_authorization,
    settle,
    with_header,
)

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
SCHEME = HeaderV2(KEYRING)
RESIGN = resign_authorization("HMAC-SHA256-V2")
PART = PartFacts("document.pdf", "application/pdf", 1048576)
DIGEST = hashlib.sha256(b"content").hexdigest()


def post(
    content: str,
    timestamp: str = "1800000000",
    upload_id: str = UPLOAD_ID,
    uri: str = "/api/v2/upload",
) -> RequestFacts:
    """Make a POST of the documents, signed as their JavaScript client does."""
    message = f"POST{uri}{timestamp}{upload_id}{content}"
    headers = {
        "content-type": "multipart/form-data; boundary=x",
        "x-upload-timestamp": timestamp,
        "x-upload-id": upload_id,
    }
    facts = RequestFacts("POST", b"", {}, headers, 2_000_000, NOW, uri)
    return RESIGN(facts, base64.b64encode(KEYRING.sign(message.encode())).decode())


def post_hash(digest: str = DIGEST, **words: str) -> RequestFacts:
    """Make a POST that is signed with the hash of its content."""
    return with_header(post(digest, **words), "x-content-sha256", digest)


def post_name(part: PartFacts = PART, **words: str) -> RequestFacts:
    """Make a POST that is signed with name and size of its file."""
    return post(f"{part.filename}{part.size}", **words)


def read(facts: RequestFacts, part: PartFacts = PART) -> Permit:
    """Read a request and its file part."""
    return settle(SCHEME, Case(facts, part))


def flip_method(case: Case, number: int) -> Case:
    """Flip one bit of one character of the method."""
    flipped = flip_character(case.facts.method, number)
    return evolve(case, facts=evolve(case.facts, method=flipped))


def flip_uri(case: Case, number: int) -> Case:
    """Flip one bit of one character of the URI."""
    return evolve(case, facts=evolve(case.facts, uri=flip_character(case.facts.uri, number)))


def make_subject(facts: RequestFacts, changes: Mapping[str, Change]) -> Subject:
    """Make the subject of the suite for one of the two messages."""
    return Subject(
        scheme=SCHEME,
        stranger=HeaderV2(Keyring.of("another secret")),
        case=Case(facts, PART),
        signed={
            "method": flip_method,
            "uri": flip_uri,
            "timestamp": scheme_suite.flip_header("x-upload-timestamp"),
            "upload id": scheme_suite.flip_header("x-upload-id"),
            **changes,
        },
        signature=facts.headers["authorization"].partition(" ")[2],
        resigned=RESIGN,
        unsigned=evolve(facts, headers={}),
        secret=SECRET,
    )


class HashSuite(scheme_suite.SchemeTests):
    """The message with the content hash."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        changes = {"hash": scheme_suite.flip_header("x-content-sha256")}
        return make_subject(post_hash(), changes)


class NameSuite(scheme_suite.SchemeTests):
    """The message with file name and size."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        changes: dict[str, Change] = {
            "filename": scheme_suite.flip_filename,
            "size": scheme_suite.flip_size,
        }
        return make_subject(post_name(), changes)


class VectorTests(SynchronousTestCase):
    """A signature made by another program."""

    def test_javascript(self) -> None:
        """What the JavaScript client of the documents sends under the secret "s" is granted."""
        facts = RESIGN(post_name(), "rIJzQJ8A4+UTGumZhNVO6HblzP6Y4wb4lbPYrPEUnko=")
        permit = settle(HeaderV2(Keyring.of("s")), Case(facts, PART))
        self.assertEqual(("document.pdf", 1048576), (permit.filename, permit.size))


class HashTests(SynchronousTestCase):
    """What the first message allows."""

    def test_permit(self) -> None:
        """It is verified before the body, and binds the bytes, not the name."""
        permit = SCHEME.read(post_hash())
        assert isinstance(permit, Permit)
        self.assertEqual(bytes.fromhex(DIGEST), permit.sha256)
        self.assertEqual((None, None), (permit.filename, permit.size))

    def test_upper_case(self) -> None:
        """A hash in upper case is signed as it is sent."""
        permit = read(post_hash(DIGEST.upper()))
        self.assertEqual(bytes.fromhex(DIGEST), permit.sha256)

    def test_no_hash(self) -> None:
        """A header that is no hash is refused, and the other message is not tried instead."""
        for text in ("", "abc", DIGEST[:-1], DIGEST + "0", "g" * 64):
            facts = with_header(post_name(), "x-content-sha256", text)
            self.assertRaises(MalformedRequest, SCHEME.read, facts)

    def test_header_chooses(self) -> None:
        """With the header sent, only the message with the hash is looked at."""
        facts = with_header(post_name(), "x-content-sha256", DIGEST)
        self.assertRaises(SignatureWrong, SCHEME.read, facts)


class NameTests(SynchronousTestCase):
    """What the second message allows."""

    def test_permit(self) -> None:
        """It waits for name and size, and binds both."""
        pending = SCHEME.read(post_name())
        assert isinstance(pending, Pending)
        self.assertEqual({Fact.FILENAME, Fact.SIZE}, pending.needs)
        permit = pending.settle(PART)
        self.assertEqual(("document.pdf", 1048576), (permit.filename, permit.size))
        self.assertIsNone(permit.sha256)

    def test_ambiguous(self) -> None:
        """A genuine signature is refused where name and size cannot be told apart."""
        for part in (PartFacts("img_0001", size=5), PartFacts("a.mp", size=4123)):
            self.assertRaises(SignatureAmbiguous, read, post_name(part), part)

    def test_could_be_a_hash(self) -> None:
        """Name and size that together look like a content hash are refused."""
        digest = "ab" * 30 + "ab12"
        part = PartFacts(digest[:62], size=12)
        self.assertRaises(SignatureAmbiguous, read, post(digest), part)
        self.assertEqual(bytes.fromhex(digest), read(post_hash(digest)).sha256)

    def test_paths(self) -> None:
        """A signed name that is a path, or cannot be a name, is refused."""
        for name in ("../a", "a/b", "", "a\0"):
            part = evolve(PART, filename=name)
            self.assertRaises(NameRefused, read, post_name(part), part)


class BothTests(SynchronousTestCase):
    """What holds for both messages."""

    def test_times(self) -> None:
        """They are good for 300 s either way, edges included."""
        for facts in (post_hash(), post_name()):
            for seconds in (-300, 300):
                read(evolve(facts, now=NOW + seconds))
            self.assertRaises(SignatureNotYetValid, read, evolve(facts, now=NOW - 300.1))
            self.assertRaises(SignatureExpired, read, evolve(facts, now=NOW + 300.1))

    def test_query_is_part_of_the_uri(self) -> None:
        """The URI is signed with its query."""
        facts = post_hash(uri="/api/v3/chunk/1?session=abc")
        read(facts)
        other = evolve(facts, uri="/api/v3/chunk/1?session=abd")
        self.assertRaises(SignatureWrong, SCHEME.read, other)

    def test_once(self) -> None:
        """An upload id counts once for each URI, whatever else is signed with it."""
        first = read(post_hash()).once
        assert first is not None
        self.assertEqual(NOW + 300, first.until)
        for facts in (post_hash(upload_id=UPLOAD_ID.upper()), post_name()):
            self.assertEqual(first, read(facts).once)
        for facts in (post_hash(upload_id="0" + UPLOAD_ID[1:]), post_hash(uri="/api/v3/chunk/1")):
            self.assertNotEqual(first, read(facts).once)

    def test_shapes(self) -> None:
        """Timestamps of other lengths and ids that are no UUID are refused."""
        words = {"timestamp": "180000000"}, {"timestamp": "18000000000"}, {"upload_id": "1"}
        for word in words:
            self.assertRaises(SignatureAmbiguous, SCHEME.read, post_hash(**word))

    def test_missing_header(self) -> None:
        """Both headers must be there."""
        for name in ("x-upload-timestamp", "x-upload-id"):
            facts = post_hash()
            rest = {key: value for key, value in facts.headers.items() if key != name}
            self.assertRaises(MalformedRequest, SCHEME.read, evolve(facts, headers=rest))

    def test_v1_is_another(self) -> None:
        """The V1 scheme's name is not this one's."""
        facts = with_header(post_hash(), "authorization", "HMAC-SHA256 abc")
        self.assertFalse(SCHEME.is_used_by(facts))
        self.assertRaises(SignatureMissing, SCHEME.read, facts)
