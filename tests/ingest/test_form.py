"""Tests of hmacfs.ingest.form."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from hmacfs.base.errors import MalformedRequest
from hmacfs.ingest.form import MAX_FIELD, MAX_OVERHEAD, FilePart, Form
from hmacfs.wire.form import PartHead
from tests.flow.awaiting import begun, now
from tests.forms import CONTENT_TYPE, Part, file, form
from tests.ingest.bench import Delivery


@implementer(IConsumer)
class Bucket:
    """Takes bytes, and as much as the test lets it."""

    def __init__(self) -> None:
        self.content = b""
        self.producer: IPushProducer | None = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take a producer."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Let go of it."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.content += data


def opened(*parts: Part, step: int = 1000) -> Form:
    """Open a form that comes in pieces of so many bytes."""
    body = form(*parts)
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    return Form(Delivery(*pieces), CONTENT_TYPE)


class FormTests(SynchronousTestCase):
    """A form and its file."""

    def test_file(self) -> None:
        """Fields before the file are known before its bytes, those after it at the end."""
        with opened(
            Part("timestamp", b"17"), file(b"content"), Part("metadata", "{ü}".encode()), step=7
        ) as made:
            part = now(made.file())
            self.assertEqual(part.head, PartHead("file", "photo.jpg", "image/jpeg"))
            self.assertEqual(part.filename, "photo.jpg")
            self.assertEqual(made.fields, {"timestamp": "17"})
            bucket = Bucket()
            self.assertEqual(now(part.deliver_to(bucket)), 7)
            self.assertEqual((bucket.content, bucket.producer), (b"content", None))
            now(made.finish())
            self.assertEqual(made.fields, {"timestamp": "17", "metadata": "{ü}"})

    def test_empty_file(self) -> None:
        """A file may have no bytes."""
        with opened(file(b"")) as made:
            bucket = Bucket()
            self.assertEqual(now(now(made.file()).deliver_to(bucket)), 0)
            now(made.finish())

    def test_other_fields(self) -> None:
        """Fields that mean nothing are dropped."""
        with opened(Part("a", b"1"), file(b""), Part("b", b"\xff")) as made:
            now(now(made.file()).deliver_to(Bucket()))
            now(made.finish())
            self.assertEqual(made.fields, {})

    def test_no_file(self) -> None:
        """A form without a file is refused."""
        for parts in ((), (Part("file", b"content"),)):
            with opened(*parts) as made, self.assertRaises(MalformedRequest):
                now(made.file())

    def test_two_files(self) -> None:
        """A form with two files is refused, when the second comes."""
        with opened(file(b"1"), file(b"2", "other.jpg")) as made:
            now(now(made.file()).deliver_to(Bucket()))
            with self.assertRaises(MalformedRequest):
                now(made.finish())

    def test_repeated_field(self) -> None:
        """A field that means something is there once, wherever it stands."""
        with opened(Part("metadata", b"{}"), file(b"1"), Part("metadata", b"{}")) as made:
            now(now(made.file()).deliver_to(Bucket()))
            with self.assertRaises(MalformedRequest):
                now(made.finish())

    def test_field_that_is_no_text(self) -> None:
        """A field that means something is UTF-8."""
        fields = Part("timestamp", b"\xff")
        with opened(fields, file(b"1")) as made, self.assertRaises(MalformedRequest):
            now(made.file())

    def test_long_fields(self) -> None:
        """A field, known or not, is bounded, and so are all together."""
        just = Part("x", b"x" * MAX_FIELD)
        with opened(just, file(b"1")) as made:
            now(made.file())
        for parts in (
            [Part("x", b"x" * (MAX_FIELD + 1))],
            [just] * (MAX_OVERHEAD // MAX_FIELD + 1),
        ):
            with opened(*parts, file(b"1")) as made, self.assertRaises(MalformedRequest):
                now(made.file())

    def test_ends_in_the_middle(self) -> None:
        """A form that ends within its file fails whoever takes the file."""
        body = form(file(b"content" * 100))[:-200]
        with Form(Delivery(body), CONTENT_TYPE) as made:
            part = now(made.file())
            self.failureResultOf(part.deliver_to(Bucket()), MalformedRequest)

    def test_not_before_it_is_wanted(self) -> None:
        """The body is not asked for before the file is."""
        body = Delivery(form(file(b"1")))
        with Form(body, CONTENT_TYPE) as made:
            self.assertFalse(body.asked)
            now(made.file())
        self.assertTrue(body.asked)

    def test_no_boundary(self) -> None:
        """A form without a boundary is refused before its body."""
        with self.assertRaises(MalformedRequest):
            Form(Delivery(), "multipart/form-data")


class FlowTests(SynchronousTestCase):
    """Whoever takes the file sets the pace of the whole form."""

    def setUp(self) -> None:
        body = form(file(b"abcdefgh"))
        start = body.index(b"abc")
        self.body = Delivery(
            body[: start + 2], body[start + 2 : start + 4], body[start + 4 :], held=True
        )
        self.form = Form(self.body, CONTENT_TYPE)
        file_ = begun(self.form.file())
        self.body.come()
        self.part: FilePart = now(file_)
        self.bucket = Bucket()

    def deliver(self) -> Deferred[int]:
        """Begin to take the file."""
        return self.part.deliver_to(self.bucket)

    def test_nobody_takes_it(self) -> None:
        """While nobody takes the file, at most one more piece comes."""
        self.body.come()
        self.assertFalse(self.body.ready)

    def test_pause(self) -> None:
        """A consumer that pauses gets nothing more, and the body is paused."""
        result = self.deliver()
        self.assertEqual(self.bucket.content, b"ab")
        assert self.bucket.producer is not None
        self.bucket.producer.pauseProducing()
        self.body.come()
        self.assertEqual(self.bucket.content, b"abcd")
        self.body.come()
        self.assertFalse(self.body.ready)
        self.assertEqual(self.bucket.content, b"abcd")
        self.bucket.producer.resumeProducing()
        self.assertEqual(self.bucket.content, b"abcdefgh")
        self.assertEqual(self.successResultOf(result), 8)

    def test_stop(self) -> None:
        """A consumer that stops gets nothing more, and whoever waits for the end is told."""
        result = self.deliver()
        assert self.bucket.producer is not None
        self.bucket.producer.stopProducing()
        self.body.come()
        self.successResultOf(result)
        self.assertIsNone(self.bucket.producer)

    def test_lost(self) -> None:
        """When the body breaks whoever takes the file is told why."""
        result = self.deliver()
        self.body.break_off()
        self.failureResultOf(result, ConnectionLost)
        self.assertIsNone(self.bucket.producer)

    def test_left(self) -> None:
        """At the end of the form its body is let go, read or not."""
        with self.form:
            self.assertTrue(self.body.ready)
        self.assertFalse(self.body.ready)
