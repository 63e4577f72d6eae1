"""Download links."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.link import DownloadLink
from hmacfs.auth.mac import V2, QueryMac
from hmacfs.auth.permit import Scope
from hmacfs.base.errors import MalformedRequest, NameRefused, SignatureExpired, SignatureWrong
from tests.auth import scheme_suite
from tests.auth.scheme_suite import NOW, Case, Subject, resign_parameter, with_parameter

SECRET = "secret string"
KEYRING = Keyring.of(SECRET)
SCHEME = DownloadLink(KEYRING)


def get(path: bytes = b"foo/bar.jpg", expires: str = "1800000060") -> RequestFacts:
    """Make a GET by a link."""
    digest = KEYRING.sign(b"GET\0" + expires.encode() + b"\0" + path).hex()
    return RequestFacts("GET", path, {"expires": expires, "get": digest}, {}, None, NOW)


class DownloadLinkSuite(scheme_suite.SchemeTests):
    """The link as a scheme."""

    def make_subject(self) -> Subject:
        """Make a request signed so."""
        return Subject(
            scheme=SCHEME,
            stranger=DownloadLink(Keyring.of("another secret")),
            case=Case(get()),
            signed={
                "path": scheme_suite.flip_path,
                "expires": scheme_suite.flip_parameter("expires"),
            },
            signature=get().parameters["get"],
            resigned=resign_parameter("get"),
            unsigned=evolve(get(), parameters={"expires": "1800000060"}),
            secret=SECRET,
        )


class DownloadLinkTests(SynchronousTestCase):
    """What a link allows and refuses."""

    def test_permit(self) -> None:
        """It allows to download one file, and nothing else."""
        permit = SCHEME.read(get())
        self.assertEqual("foo/bar.jpg", str(permit.name))
        self.assertEqual({Scope.DOWNLOAD}, permit.scopes)

    def test_head(self) -> None:
        """HEAD is covered by the link for GET; no other method is."""
        SCHEME.read(evolve(get(), method="HEAD"))
        for method in ("PUT", "DELETE", "POST", "get"):
            self.assertRaises(SignatureWrong, SCHEME.read, evolve(get(), method=method))

    def test_ends(self) -> None:
        """A link is good until the second in which it ends, and not from then on."""
        SCHEME.read(evolve(get(), now=NOW + 59.999))
        for seconds in (60.0, 61.0):
            self.assertRaises(SignatureExpired, SCHEME.read, evolve(get(), now=NOW + seconds))

    def test_wrong_and_late(self) -> None:
        """Of a MAC that does not fit nothing is told about its time."""
        facts = evolve(with_parameter(get(), "get", "0" * 64), now=NOW + 99)
        self.assertRaises(SignatureWrong, SCHEME.read, facts)

    def test_no_time(self) -> None:
        """A link without its end, or with one that is no number, is malformed."""
        for text in ("", "-1", "01800000060", "1e9", "never", "18000000601234", "٣"):
            facts = with_parameter(get(), "expires", text)
            self.assertRaises(MalformedRequest, SCHEME.read, facts)
        bare = evolve(get(), parameters={"get": "0" * 64})
        self.assertRaises(MalformedRequest, SCHEME.read, bare)

    def test_no_name(self) -> None:
        """A MAC that fits does not make a name of a path that leads outside."""
        self.assertRaises(NameRefused, SCHEME.read, get(b"../etc/passwd"))

    def test_is_no_upload(self) -> None:
        """Whoever has a link cannot upload with it, to a file of any name."""
        facts = get(b"a/b")
        upload = RequestFacts(
            "PUT",
            b"GET",
            {"v2": facts.parameters["get"]},
            {"content-type": "a/b"},
            1_800_000_060,
            NOW,
        )
        self.assertRaises(SignatureWrong, QueryMac(V2, KEYRING).read, upload)

    def test_upload_is_no_link(self) -> None:
        """The MAC of an upload does not open a download."""
        for message in (b"foo/bar.jpg 1048576", b"foo/bar.jpg\0" + b"1800000060\0image/jpeg"):
            facts = with_parameter(get(), "get", KEYRING.sign(message).hex())
            self.assertRaises(SignatureWrong, SCHEME.read, facts)
