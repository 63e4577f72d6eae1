"""Tests of hmacfs.wire.byteranges."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.spans import Span
from hmacfs.wire.byteranges import ByteRanges

FRAMING = ByteRanges("THIS_STRING_SEPARATES", "application/pdf", 8000)


class ByteRangesTests(SynchronousTestCase):
    """Tests of ByteRanges."""

    def test_example(self) -> None:
        """The body is that of the RFC's example (RFC 9110, 15.3.7.2)."""
        self.assertEqual(
            FRAMING.body((Span(500, 1000), Span(7000, 8000))),
            (
                b"--THIS_STRING_SEPARATES\r\n"
                b"Content-Type: application/pdf\r\n"
                b"Content-Range: bytes 500-999/8000\r\n"
                b"\r\n",
                Span(500, 1000),
                b"\r\n"
                b"--THIS_STRING_SEPARATES\r\n"
                b"Content-Type: application/pdf\r\n"
                b"Content-Range: bytes 7000-7999/8000\r\n"
                b"\r\n",
                Span(7000, 8000),
                b"\r\n--THIS_STRING_SEPARATES--\r\n",
            ),
        )

    def test_media_type(self) -> None:
        """The boundary is told without quotes, which some clients read wrongly (14.6)."""
        self.assertEqual(FRAMING.media_type, "multipart/byteranges; boundary=THIS_STRING_SEPARATES")

    def test_overhead(self) -> None:
        """No part costs more than the overhead, and the one with the largest numbers that."""
        one = framing_bytes(FRAMING.body((Span(0, 1),)))
        costs = [
            framing_bytes(FRAMING.body((Span(0, 1), span))) - one
            for span in (Span(0, 1), Span(9, 99), Span(7998, 8000))
        ]
        self.assertEqual((costs[-1], max(costs)), (FRAMING.overhead, FRAMING.overhead))
        self.assertLess(costs[0], FRAMING.overhead)

    def test_a_mail_parser_reads_it(self) -> None:
        """A parser of MIME that is not ours finds the parts, their fields and their bytes."""
        content = b"0123456789" * 800
        body = b"".join(
            content[piece.start : piece.stop] if isinstance(piece, Span) else piece
            for piece in FRAMING.body((Span(5, 10), Span(20, 23)))
        )
        head = f"Content-Type: {FRAMING.media_type}\r\n\r\n".encode()
        parts = message_from_bytes(head + body).get_payload()
        assert isinstance(parts, list)
        seen = []
        for part in parts:
            assert isinstance(part, Message)
            seen.append((part["Content-Type"], part["Content-Range"], part.get_payload()))
        self.assertEqual(
            seen,
            [
                ("application/pdf", "bytes 5-9/8000", "56789"),
                ("application/pdf", "bytes 20-22/8000", "012"),
            ],
        )


def framing_bytes(body: tuple[bytes | Span, ...]) -> int:
    """Count the bytes of a body that are not the file's."""
    return sum(len(piece) for piece in body if isinstance(piece, bytes))
