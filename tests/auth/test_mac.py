"""The MAC in the query, against what XMPP servers really sent."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth import mac
from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Key, Keyring
from hmacfs.auth.mac import QueryMac, Version
from hmacfs.auth.pending import Fact, Pending
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import LengthRequired, NameRefused, SignatureWrong, SizeMismatch
from hmacfs.base.values import Grant
from tests.auth import scheme_suite
from tests.auth.granting import granted
from tests.auth.scheme_suite import (
    PROPERTY,
    Case,
    Change,
    Subject,
    resign_parameter,
    with_header,
    with_parameter,
)

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
LIVE_NAME = "très cool (1)+a&b.txt"
VERSIONS = (mac.V, mac.V2, mac.TOKEN)
FORM = "multipart/form-data; boundary=x"


def put(
    path: str, length: int | None, content_type: str | None = None, **parameters: str
) -> RequestFacts:
    """Make the facts of a PUT."""
    headers = {} if content_type is None else {"content-type": content_type}
    return RequestFacts("PUT", path.encode(), parameters, headers, length)


def admit(version: Version, facts: RequestFacts, keyring: Keyring = KEYRING) -> Grant:
    """Admit an upload by one version alone."""
    return granted(Door((QueryMac(version, keyring),)), facts)


def signed(
    version: Version, facts: RequestFacts, size: int | None = None, content_type: str | None = None
) -> RequestFacts:
    """Sign a request; size and type are its own unless told."""
    message = version.message(
        facts.path, facts.length or 0 if size is None else size, content_type or facts.content_type
    )
    return with_parameter(facts, version.parameter, KEYRING.sign(message).hex())


def make_subject(version: Version) -> Subject:
    """Make the subject of the suite for one of the three."""
    unsigned = put("foo/bar.jpg", 1048576, "image/jpeg")
    facts = signed(version, unsigned)
    changes: dict[str, Change] = {
        "path": scheme_suite.flip_path,
        "length": scheme_suite.flip_length,
    }
    if version is not mac.V:
        changes["type"] = scheme_suite.flip_header("content-type")
    return Subject(
        scheme=QueryMac(version, KEYRING),
        stranger=QueryMac(version, Keyring.of("another secret")),
        case=Case(facts),
        signed=changes,
        signature=facts.parameters[version.parameter],
        resigned=resign_parameter(version.parameter),
        unsigned=unsigned,
        secret=SECRET,
    )


def make_form_subject(version: Version) -> Subject:
    """Make the subject of the suite for a file in a form."""
    unsigned = RequestFacts("POST", b"foo/bar.jpg", {}, {"content-type": FORM}, 2_000_000)
    facts = signed(version, unsigned, 1048576, "image/jpeg")
    changes: dict[str, Change] = {"path": scheme_suite.flip_path, "size": scheme_suite.flip_size}
    if version is not mac.V:
        changes["type"] = scheme_suite.flip_part_type
    return evolve(
        make_subject(version),
        case=Case(facts, PartFacts("any.name", "image/jpeg", 1048576)),
        signed=changes,
        signature=facts.parameters[version.parameter],
        unsigned=unsigned,
    )


class VTests(scheme_suite.SchemeTests):
    """``v`` as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_subject(mac.V)


class V2Tests(scheme_suite.SchemeTests):
    """``v2`` as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_subject(mac.V2)


class TokenTests(scheme_suite.SchemeTests):
    """``token`` as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_subject(mac.TOKEN)


class VOfFormTests(scheme_suite.SchemeTests):
    """``v`` over a file in a form."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_form_subject(mac.V)


class V2OfFormTests(scheme_suite.SchemeTests):
    """``v2`` over a file in a form."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return make_form_subject(mac.V2)


class VectorTests(SynchronousTestCase):
    """Signatures made by other programs."""

    def assert_granted(self, version: Version, secret: str, facts: RequestFacts) -> None:
        """Fail unless the request is granted as it is."""
        grant = admit(version, facts, Keyring.of(secret))
        self.assertEqual(
            Grant(facts.name, facts.length or 0, facts.content_type, version.parameter), grant
        )

    def test_v_of_the_module_documentation(self) -> None:
        """The path and size of mod_http_upload_external's README, under ``v``."""
        digest = "e6df55a04516617d6a86ad6ca23879819591085a1a8c0041f4da06824f5d2db7"
        self.assert_granted(mac.V, SECRET, put("foo/bar.jpg", 1048576, v=digest))

    def test_v2_of_the_module_documentation(self) -> None:
        """The path, size and type of mod_http_upload_external's README, under ``v2``."""
        digest = "a19d27add075aa60035e27c05e794f13079ba48c508852b3d7160a6bec0f85ab"
        facts = put("foo/bar.jpg", 1048576, "image/jpeg", v2=digest)
        self.assert_granted(mac.V2, SECRET, facts)

    def test_token_is_v2_by_another_name(self) -> None:
        """Metronome's ``token`` is made over the same bytes as ``v2``."""
        digest = "a19d27add075aa60035e27c05e794f13079ba48c508852b3d7160a6bec0f85ab"
        facts = put("foo/bar.jpg", 1048576, "image/jpeg", token=digest)
        self.assert_granted(mac.TOKEN, SECRET, facts)

    def test_v_from_prosody(self) -> None:
        """A URL that Prosody 0.12.3 issued: the MAC is over the decoded UTF-8 path."""
        digest = "0ae81ff8b89ce82090a16b3e76af68ee4eaee94e66b434c5e844ae299ad5b55a"
        path = f"df5da68b-72a0-4880-8f6f-df60d8abbbba/{LIVE_NAME}"
        self.assert_granted(mac.V, "s3cret", put(path, 11, "text/plain", v=digest))

    def test_v2_from_prosody(self) -> None:
        """The same of ``v2``."""
        digest = "801bc50e0212aac70ed7f2a17c25b723edff975eedf1d0fec38d20d6a7432739"
        path = f"a2a3a731-721b-4cab-b7bd-ab2aadb5d794/{LIVE_NAME}"
        self.assert_granted(mac.V2, "s3cret", put(path, 11, "text/plain", v2=digest))


class QueryMacTests(SynchronousTestCase):
    """What ``QueryMac`` takes and refuses."""

    def refuse(self, version: Version, facts: RequestFacts) -> SignatureWrong:
        """Fail unless the signature is refused."""
        refusal: SignatureWrong = self.assertRaises(SignatureWrong, admit, version, facts)
        return refusal

    def test_upper_case(self) -> None:
        """Hexadecimal digits count in either case."""
        facts = signed(mac.V, put("a/b.txt", 5))
        upper = with_parameter(facts, "v", facts.parameters["v"].upper())
        self.assertEqual(5, admit(mac.V, upper).size)

    def test_no_hexadecimal(self) -> None:
        """What is not 64 hexadecimal digits is refused: other digits, other lengths, nothing."""
        for wrong in ("", "0" * 63, "0" * 65, "g" * 64, "٣" * 64, "0x" + "0" * 62, "0" * 64 + "\n"):
            self.refuse(mac.V, put("a/b.txt", 5, v=wrong))

    def test_empty_file(self) -> None:
        """A file of no bytes is signed as length 0."""
        for version in VERSIONS:
            self.assertEqual(0, admit(version, signed(version, put("a/empty", 0))).size)

    def test_length_unknown(self) -> None:
        """Without a length no MAC can be verified, and that is said."""
        facts = evolve(signed(mac.V, put("a/b.txt", 0)), length=None)
        self.assertRaises(LengthRequired, admit, mac.V, facts)

    def test_type_absent(self) -> None:
        """Without Content-Type ``v2`` is made over application/octet-stream."""
        facts = signed(mac.V2, put("a/b.jpg", 5, "application/octet-stream"))
        grant = admit(mac.V2, evolve(facts, headers={}))
        self.assertEqual("application/octet-stream", grant.content_type)

    def test_type_is_not_guessed(self) -> None:
        """The extension says nothing about the type that ``v2`` covers."""
        facts = signed(mac.V2, put("a/b.jpg", 5, "image/jpeg"))
        self.refuse(mac.V2, evolve(facts, headers={}))

    def test_type_keeps_its_parameters(self) -> None:
        """``v2`` covers the header verbatim, parameters included, and it is stored so."""
        facts = signed(mac.V2, put("a/b.txt", 5, "text/plain; charset=utf-8"))
        self.assertEqual("text/plain; charset=utf-8", admit(mac.V2, facts).content_type)
        self.refuse(mac.V2, with_header(facts, "content-type", "text/plain"))

    def test_v_leaves_the_type_open(self) -> None:
        """``v`` does not cover the type: it is stored as the client declares it."""
        facts = signed(mac.V, put("a/b.txt", 5))
        grant = admit(mac.V, with_header(facts, "content-type", "image/png"))
        self.assertEqual("image/png", grant.content_type)
        permit = QueryMac(mac.V, KEYRING).read(facts)
        assert not isinstance(permit, Pending)
        self.assertIsNone(permit.content_type)

    def test_path_alone(self) -> None:
        """A MAC over the path alone, or without the type, is not taken instead."""
        for message in (b"a/b.txt", b"a/b.txt\0005"):
            digest = KEYRING.sign(message).hex()
            for version in VERSIONS:
                self.refuse(version, put("a/b.txt", 5, **{version.parameter: digest}))

    def test_signed_path_that_is_no_name(self) -> None:
        """A MAC that fits does not make a name of a path that leads outside."""
        facts = signed(mac.V, put("../../etc/passwd", 5))
        self.assertRaises(NameRefused, admit, mac.V, facts)

    def test_wrong_path_is_judged_by_the_mac_first(self) -> None:
        """Without a MAC that fits nothing is told about names."""
        for version in VERSIONS:
            wrong = put("../../etc/passwd", 5, **{version.parameter: "0" * 64})
            self.assertRaises(SignatureWrong, QueryMac(version, KEYRING).read, wrong)

    def test_says_what_was_covered(self) -> None:
        """The refusal names the facts that were tried, so that a log tells where to look."""
        self.assertIn("path and size", self.refuse(mac.V, put("a", 5, v="0" * 64)).detail)
        self.assertIn("path, size and type", self.refuse(mac.V2, put("a", 5, v2="0" * 64)).detail)

    def test_old_secret(self) -> None:
        """A URL that was signed before the secret was changed is good while the ring has it."""
        facts = signed(mac.V, put("a/b.txt", 5))
        self.assertEqual(5, admit(mac.V, facts, Keyring.of("new", SECRET)).size)
        self.assertRaises(SignatureWrong, admit, mac.V, facts, Keyring.of("new"))

    def test_retired_secret(self) -> None:
        """A URL is void from the moment at which its key retires."""
        ring = Keyring((Key("old", SECRET.encode(), retire=1000.0),))
        facts = signed(mac.V, put("a/b.txt", 5))
        self.assertEqual(5, admit(mac.V, evolve(facts, now=999.9), ring).size)
        for now in (1000.0, 2000.0):
            self.assertRaises(SignatureWrong, admit, mac.V, evolve(facts, now=now), ring)

    def test_no_path_of_links(self) -> None:
        """A ``v2`` for a file called GET is refused, for it would be made of a download link."""
        for version in (mac.V2, mac.TOKEN):
            self.refuse(version, signed(version, put("GET", 1_800_000_000, "a/b.txt")))
        self.assertEqual(5, admit(mac.V, signed(mac.V, put("GET", 5))).size)

    @PROPERTY
    @given(st.text(min_size=1), st.integers(0, 1 << 50), st.integers(0, 1 << 50))
    def test_messages_differ(self, path: str, length: int, other: int) -> None:
        """Different lengths never make the same message."""
        for message in (mac.message_v, mac.message_v2):
            same = message(path.encode(), length, "a/b") == message(path.encode(), other, "a/b")
            self.assertEqual(length == other, same)


class FormTests(SynchronousTestCase):
    """A MAC over a file in a form."""

    def form(self, version: Version, **parameters: str) -> RequestFacts:
        """Make a signed POST of a form."""
        facts = RequestFacts("POST", b"a/b.txt", parameters, {"content-type": FORM}, 999)
        return signed(version, facts, 5, "text/plain")

    def test_waits(self) -> None:
        """Size and type are those of the part, so they are waited for."""
        pending = QueryMac(mac.V2, KEYRING).read(self.form(mac.V2))
        assert isinstance(pending, Pending)
        self.assertEqual({Fact.SIZE, Fact.CONTENT_TYPE}, pending.needs)
        permit = pending.settle(PartFacts("x", "text/plain", 5))
        self.assertEqual((5, "text/plain"), (permit.size, permit.content_type))
        self.assertEqual("a/b.txt", str(permit.name))

    def test_announced_size(self) -> None:
        """With ``filesize`` in the query ``v`` is verified before the body."""
        permit = QueryMac(mac.V, KEYRING).read(self.form(mac.V, filesize="5"))
        assert not isinstance(permit, Pending)
        self.assertEqual(5, permit.size)
        wrong = self.form(mac.V, filesize="6")
        self.assertRaises(SignatureWrong, QueryMac(mac.V, KEYRING).read, wrong)

    def test_announced_size_holds(self) -> None:
        """The part must have the size that was announced."""
        pending = QueryMac(mac.V2, KEYRING).read(self.form(mac.V2, filesize="5"))
        assert isinstance(pending, Pending)
        self.assertEqual({Fact.CONTENT_TYPE}, pending.missing(PartFacts()))
        self.assertRaises(SizeMismatch, pending.settle, PartFacts("x", "text/plain", 6))

    def test_length_of_the_form_is_not_signed(self) -> None:
        """The length of the whole body is not taken for the file's."""
        facts = RequestFacts("POST", b"a/b.txt", {}, {"content-type": FORM}, 5)
        pending = QueryMac(mac.V, KEYRING).read(signed(mac.V, facts))
        assert isinstance(pending, Pending)
        self.assertRaises(SignatureWrong, pending.settle, PartFacts(size=4))

    def test_malformed_is_said_at_once(self) -> None:
        """A MAC that is none is refused without waiting for the form."""
        facts = with_parameter(self.form(mac.V), "v", "nonsense")
        self.assertRaises(SignatureWrong, QueryMac(mac.V, KEYRING).read, facts)
