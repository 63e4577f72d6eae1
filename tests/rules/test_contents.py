"""Types of files, declared and found."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from pathlib import Path

from PIL import Image
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import KindRefused, NotCovered, Refusal
from hmacfs.base.values import Grant
from hmacfs.rules.conditions import UNCONDITIONAL, Conditions
from hmacfs.rules.contents import Contents, Types
from hmacfs.rules.programs import HEAD, program
from hmacfs.rules.rule import Rules
from hmacfs.rules.sniffing import sniff
from tests.blobs.samples import named
from tests.flow.awaiting import now
from tests.ingest.bench import Bench, Delivery, MemoryDisk

ELF = Path("/proc/self/exe").read_bytes()[:HEAD]
PE = b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + b"\x64\x86" + bytes(20)
MACH = bytes.fromhex("cffaedfe07000001030000000200000010000000")
FAT_MACH = bytes.fromhex("cafebabe0000000201000007000000030000400000")
JAVA = bytes.fromhex("cafebabe0000003d00220a0002")
DEX = b"dex\n035\0" + bytes(24)
GIF_WITH_PROGRAM = b"GIF89a" + bytes(60) + PE


def picture(kind: str) -> bytes:
    """Make a small picture."""
    made = io.BytesIO()
    Image.new("RGB", (4, 4)).save(made, kind)
    return made.getvalue()


def archive() -> bytes:
    """Make a zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a.txt", "text")
    return made.getvalue()


def encrypted(seed: int) -> bytes:
    """Make what looks like an encrypted file."""
    return random.Random(seed).randbytes(HEAD)


class ProgramTests(SynchronousTestCase):
    """:func:`program`."""

    def test_programs(self) -> None:
        """Executables of all systems are told by their headers."""
        for head in (ELF, PE, MACH, FAT_MACH, DEX):
            self.assertIsNotNone(program(head), head[:8])

    def test_others(self) -> None:
        """What only begins like one is none: also cut short anywhere, or pointing elsewhere."""
        for head in (b"", b"MZ", b"MZ" + bytes(HEAD), b"\x7fELF" + bytes(60), JAVA, b"#!/bin/sh"):
            self.assertIsNone(program(head), head[:8])
        far = b"MZ" + bytes(58) + b"\xff\xff\xff\xff" + bytes(64)
        self.assertIsNone(program(far))
        for whole in (ELF, PE, MACH, FAT_MACH, DEX):
            for length in range(8):
                program(whole[:length])
        for first in (b"MZ", b"\x7fE", b"\xca\xfe", b"\xcf\xfa", b"de"):
            for seed in range(300):
                self.assertIsNone(program(first + encrypted(seed)))


class SniffTests(SynchronousTestCase):
    """:func:`sniff`."""

    def test_types(self) -> None:
        """Common files are known."""
        for head, kind in (
            (picture("PNG"), "image/png"),
            (picture("JPEG"), "image/jpeg"),
            (picture("GIF"), "image/gif"),
            (picture("WEBP"), "image/webp"),
            (b"%PDF-1.4\n", "application/pdf"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video/mp4"),
            (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "video/webm"),
        ):
            self.assertIn(kind, sniff(head).types)

    def test_encrypted(self) -> None:
        """Encrypted files are of no type: hardly one in a thousand is taken for something."""
        mistaken = [seed for seed in range(1000) if sniff(encrypted(seed)).types]
        self.assertLess(len(mistaken), 2)

    def test_text(self) -> None:
        """Text is told from other bytes, also when its last character is cut."""
        for head in (b"words\n", "Grüße".encode(), "Grüße".encode()[:-2], "\ufeffx".encode()):
            self.assertTrue(sniff(head).is_text, head)
        for head in (b"a\0b", b"\xff\xfe\xfd"[2:], encrypted(1)):
            self.assertFalse(sniff(head).is_text, head)


class ContentsTests(SynchronousTestCase):
    """:class:`Contents`."""

    def put(
        self, types: Types, declared: str, data: bytes, conditions: Conditions = UNCONDITIONAL
    ) -> Refusal | None:
        """Upload, and tell what it was refused for."""
        self.bench = Bench(MemoryDisk(), Rules((Contents(types),)))
        self.body = Delivery(data)
        upload = self.bench.upload(
            "a", self.body, len(data), conditions=conditions, content_type=declared
        )
        self.bench.pool.run_all()
        try:
            now(upload)
        except Refusal as refusal:
            return refusal
        return None

    def test_lenient(self) -> None:
        """Only executables that pose as something else are refused."""
        lenient = Types(checks=True)
        for data in (ELF[:900], PE, MACH, FAT_MACH, DEX):
            self.assertIsInstance(self.put(lenient, "image/jpeg", data), KindRefused)
            self.assertIsNone(self.put(lenient, "application/octet-stream", data))
            self.assertIsNone(self.put(lenient, "application/x-executable", data))
        for data in (
            b"",
            b"MZ",
            encrypted(1)[:900],
            b"MZ" + encrypted(2)[:900],
            picture("PNG"),
            GIF_WITH_PROGRAM,
        ):
            self.assertIsNone(self.put(lenient, "image/jpeg", data), data[:9])

    def test_off(self) -> None:
        """Without the switch nothing is compared."""
        self.assertIsNone(self.put(Types(), "image/jpeg", PE))

    def test_strict(self) -> None:
        """The bytes have to be of the declared family."""
        strict = Types(checks=True, strict=True)
        zipped = archive()
        office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        for declared, data in (
            ("image/png", picture("PNG")),
            ("image/jpeg; x=y", picture("PNG")),
            ("IMAGE/JPEG", picture("JPEG")),
            ("text/plain", "Grüße".encode()),
            ("text/plain", b""),
            ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("application/json", b"{}"),
            ("application/zip", zipped),
            (office, zipped),
            ("application/pdf", b"%PDF-1.4\n"),
            ("application/octet-stream", encrypted(1)[:900]),
            ("application/octet-stream", picture("PNG")),
            ("application/x-of-our-own", encrypted(1)[:900]),
            ("image/gif", GIF_WITH_PROGRAM),
        ):
            self.assertIsNone(self.put(strict, declared, data), declared)
        for declared, data in (
            ("image/png", encrypted(1)[:900]),
            ("image/png", b"words"),
            ("image/png", zipped),
            ("video/mp4", picture("PNG")),
            ("text/plain", picture("PNG")),
            ("text/plain", gzip.compress(b"words")),
            ("application/pdf", zipped),
            ("application/json", picture("PNG")),
            ("application/x-of-our-own", picture("PNG")),
            ("application/zip", ELF[:900]),
        ):
            self.assertIsInstance(self.put(strict, declared, data), KindRefused, declared)

    def test_declared(self) -> None:
        """What is declared has to be allowed and not blocked; known before the body."""
        types = Types(allowed=("image/*", "text/plain"), blocked=("image/gif",))
        for declared in ("video/mp4", "image/gif", "Image/GIF; a=b"):
            self.assertIsInstance(self.put(types, declared, b"x"), KindRefused)
            self.assertFalse(self.body.asked)
        self.assertIsNone(self.put(types, "IMAGE/png", b"x"))

    def test_found(self) -> None:
        """What is blocked may not be found either."""
        types = Types(blocked=("image/gif", "application/x-elf"))
        for data in (picture("GIF"), ELF[:900]):
            self.assertIsInstance(self.put(types, "image/png", data), KindRefused)
        self.assertIsNone(self.put(types, "image/png", picture("PNG")))

    def test_token(self) -> None:
        """The types of a token hold for what is found; encrypted bytes are of no type."""
        conditions = Conditions(types=("image/*",))
        self.assertIsInstance(self.put(Types(), "image/png", b"%PDF-1.4\n", conditions), NotCovered)
        for data in (picture("PNG"), encrypted(1)[:900], b"", b"words"):
            self.assertIsNone(self.put(Types(), "image/png", data, conditions))

    def test_early(self) -> None:
        """The first bytes end an upload, whatever would come after them."""
        tap = Contents(Types(checks=True)).tap(self.grant("image/png"), UNCONDITIONAL)
        assert tap is not None
        tap.write(ELF[:100])
        with self.assertRaises(KindRefused):
            tap.write(memoryview(ELF + bytes(HEAD))[100:])
        tap.write(b"more")
        self.assertIsNone(Contents(Types()).tap(self.grant("image/png"), UNCONDITIONAL))

    def grant(self, declared: str) -> Grant:
        """Make a grant."""
        return Grant(named("a"), 5, declared, "v")
