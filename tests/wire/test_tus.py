"""Tests of hmacfs.wire.tus."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import MalformedRequest, VersionRefused
from hmacfs.wire import tus
from hmacfs.wire.checksums import Checksum

SHA1 = hashlib.sha1(b"hello", usedforsecurity=False).digest()
KEYS = st.text(
    alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","),
    min_size=1,
    max_size=20,
)


class VersionTests(SynchronousTestCase):
    """Tus-Resumable."""

    def test_versions(self) -> None:
        """Only 1.0.0 is spoken; a client that does not tell its version is refused too."""
        tus.check_version("1.0.0")
        for value in (None, "", "1.0", "1.0.1", "0.2.2", "2.0.0", "1.0.0, 1.0.0", " 1.0.0"):
            with self.assertRaises(VersionRefused):
                tus.check_version(value)


class LengthTests(SynchronousTestCase):
    """Upload-Length, Upload-Offset and Upload-Defer-Length."""

    def test_numbers(self) -> None:
        """A number of bytes is a non-negative integer."""
        for value, number in (("0", 0), ("100", 100), ("007", 7), ("9" * 18, 10**18 - 1)):
            self.assertEqual(tus.number("Upload-Offset", value), number)

    def test_no_numbers(self) -> None:
        """Whatever else stands there is refused by the name of the field."""
        for value in ("", "-1", "+1", "1.0", "1e3", "0x10", "1 ", "1, 1", "٣", "1_0", "9" * 19):
            refusal = self.assertRaises(MalformedRequest, tus.number, "Upload-Offset", value)
            self.assertIn("Upload-Offset", refusal.detail)

    def test_declared(self) -> None:
        """The length is told now or deferred."""
        self.assertEqual(tus.declared_length("100", None), 100)
        self.assertEqual(tus.declared_length("0", None), 0)
        self.assertIsNone(tus.declared_length(None, "1"))

    def test_declared_wrongly(self) -> None:
        """Neither, both, or a value other than 1 is refused by the name of the field."""
        for length, deferred, field in (
            (None, None, "Upload-Length"),
            ("100", "1", "exclude"),
            (None, "0", "Upload-Defer-Length"),
            (None, "true", "Upload-Defer-Length"),
            (None, "", "Upload-Defer-Length"),
            ("100", "2", "Upload-Defer-Length"),
            ("-5", None, "Upload-Length"),
        ):
            refusal = self.assertRaises(MalformedRequest, tus.declared_length, length, deferred)
            self.assertIn(field, refusal.detail)


class MetadataTests(SynchronousTestCase):
    """Upload-Metadata."""

    def test_example(self) -> None:
        """The example of the specification, with a value that is left out."""
        read = tus.metadata("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential")
        self.assertEqual(
            dict(read), {"filename": b"world_domination_plan.pdf", "is_confidential": b""}
        )

    def test_read(self) -> None:
        """A value may be empty with and without its space, and any bytes."""
        for value, read in (
            (None, {}),
            ("", {}),
            ("a", {"a": b""}),
            ("a ", {"a": b""}),
            ("a /+8=", {"a": b"\xff\xef"}),
            ("a eA==,b eQ==", {"a": b"x", "b": b"y"}),
            ("a eA==, b eQ==", {"a": b"x", "b": b"y"}),
            ("a=b;c eA==", {"a=b;c": b"x"}),
        ):
            self.assertEqual(dict(tus.metadata(value)), read, value)

    def test_not_read(self) -> None:
        """Empty keys, keys twice, keys beyond ASCII and what is not Base64 are refused."""
        for value in (
            ",",
            "a eA==,",
            ",a eA==",
            "a eA==,a eQ==",
            "a,a",
            "a eA",
            "a eA==x",
            "a e*==",
            "a  eA==",
            "a eA== eQ==",
            "ключ eA==",
            "a é",
            "a\x00b eA==",
            "a\teA==",
            "k eA==," * 64 + "z eA==",
            "a " + "A" * 4096,
        ):
            refusal = self.assertRaises(MalformedRequest, tus.metadata, value)
            self.assertIn("Upload-Metadata", refusal.detail)

    @given(st.dictionaries(KEYS, st.binary(max_size=30), min_size=1, max_size=20))
    def test_any(self, pairs: dict[str, bytes]) -> None:
        """Whatever a client writes by the rules is read as it was meant."""
        value = ",".join(f"{key} {b64encode(data).decode()}" for key, data in pairs.items())
        self.assertEqual(dict(tus.metadata(value)), pairs)

    @given(st.text(max_size=60))
    def test_anything(self, value: str) -> None:
        """Whatever else stands there is read or refused, and nothing else happens."""
        try:
            tus.metadata(value)
        except MalformedRequest as refusal:
            self.assertIn("Upload-Metadata", refusal.detail)


class ChecksumTests(SynchronousTestCase):
    """Upload-Checksum."""

    def test_read(self) -> None:
        """SHA-1, which the specification asks for, SHA-256 and MD5 are taken."""
        for algorithm in ("sha1", "sha256", "md5"):
            digest = hashlib.new(algorithm, b"hello", usedforsecurity=False).digest()
            value = f"{algorithm} {b64encode(digest).decode()}"
            self.assertEqual(tus.checksum(value), Checksum(algorithm, digest))
        self.assertEqual(tus.checksum("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=").digest, SHA1)

    def test_not_read(self) -> None:
        """Other algorithms, other lengths and what is not Base64 are refused."""
        for value in (
            "",
            "sha1",
            "sha1 ",
            "sha1 AAAA",
            "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00",
            "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ0*=",
            "sha1  qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "SHA1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "sha512 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "crc32 AAAAAA==",
            "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        ):
            refusal = self.assertRaises(MalformedRequest, tus.checksum, value)
            self.assertIn("Upload-Checksum", refusal.detail)


class ConcatTests(SynchronousTestCase):
    """Upload-Concat."""

    def test_partial(self) -> None:
        """A part is told by one word."""
        concat = tus.concat("partial")
        self.assertFalse(concat.is_final)
        self.assertIsNone(concat.parts)

    def test_final(self) -> None:
        """URLs may be absolute or paths; the order is the client's."""
        for value, parts in (
            ("final;/files/a /files/b", ("a", "b")),
            ("final; /files/a", ("a",)),
            ("final;https://tus.example.org/files/b https://other/files/a", ("b", "a")),
            ("final;/files/a /files/a", ("a", "a")),
            ("final;a-_9", ("a-_9",)),
        ):
            concat = tus.concat(value)
            self.assertTrue(concat.is_final)
            self.assertEqual(concat.parts, parts)

    def test_not_read(self) -> None:
        """No URL, too many, and URLs without an id are refused."""
        for value in (
            "",
            "Partial",
            "partial;",
            "partial, partial",
            "final",
            "final;",
            "final; ",
            "final /files/a",
            "final;/files/",
            "final;/files/a%2Fb",
            "final;/files/..",
            "final;http://[/files/a",
            "final;/files/" + "a" * 129,
            "final;" + "/files/a " * 1001,
        ):
            refusal = self.assertRaises(MalformedRequest, tus.concat, value)
            self.assertIn("Upload-Concat", refusal.detail)

    @given(st.text(max_size=60))
    def test_anything(self, value: str) -> None:
        """Whatever stands there is read or refused, and nothing else happens."""
        for text in (value, f"final;{value}"):
            try:
                tus.concat(text)
            except MalformedRequest as refusal:
                self.assertIn("Upload-Concat", refusal.detail)
