"""
A form that holds one file, read while it comes in.

Fields that stand before the file are known before its bytes are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Self

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer

from hmacfs.base.errors import MalformedRequest
from hmacfs.flow.incoming import Chunks, Incoming, Valve
from hmacfs.wire.form import FormEvent, FormParser, PartHead

FIELDS: Final = frozenset({"timestamp", "metadata"})
"""The fields that mean something; others are read and dropped."""

MAX_FIELD: Final = 64 * 1024
"""Most bytes of a field."""

MAX_OVERHEAD: Final = 1024 * 1024
"""Most bytes that all of a form but its file needs."""


class Form:
    """
    One form; a context manager, at whose end nothing more is wanted of it.

    :param content_type: that of the form, with its boundary.
    :raises MalformedRequest: if it has none.
    :ivar fields: the known fields that came so far, by name.
    """

    def __init__(self, body: Incoming, content_type: str) -> None:
        self._parser = FormParser(content_type)
        self._chunks = Chunks(body)
        self._events: Iterator[FormEvent] = iter(())
        self._over = False
        self._fields_size = 0
        self.fields: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._chunks.stop()

    async def file(self) -> FilePart:
        """
        Read up to the bytes of the file, which are the next to be taken.

        :raises MalformedRequest: if there is no file in the form, or it cannot be read.
        """
        head = await self._next_file()
        if head is None:
            raise MalformedRequest("the form holds no file: no part has a file name")
        return FilePart(self, head)

    async def finish(self) -> None:
        """
        Read what comes after the file, to the end.

        :raises MalformedRequest: if there is another file, or it cannot be read.
        """
        if await self._next_file() is not None:
            raise MalformedRequest("the form holds more than one file")

    async def event(self) -> FormEvent:
        """Wait for some bytes of the part that is being read, or its end."""
        event = await self._next_event()
        if isinstance(event, PartHead):
            raise RuntimeError("a part begins within a part")
        return event

    async def _next_file(self) -> PartHead | None:
        while True:
            head = await self._next_event()
            if self._over:
                return None
            if not isinstance(head, PartHead):
                raise RuntimeError("the bytes of a part come before its head")
            if head.filename is not None:
                return head
            await self._read_field(head.field)

    async def _read_field(self, name: str) -> None:
        read = bytearray()
        while isinstance(data := await self._next_event(), bytes):
            read += data
            self._fields_size += len(data)
            if len(read) > MAX_FIELD or self._fields_size > MAX_OVERHEAD:
                raise MalformedRequest(f"a field of the form is longer than {MAX_FIELD} bytes")
        if name not in FIELDS:
            return
        if name in self.fields:
            raise MalformedRequest(f"the form has the field {name!r} more than once")
        try:
            self.fields[name] = read.decode()
        except UnicodeDecodeError:
            raise MalformedRequest(f"the field {name!r} is not UTF-8") from None

    async def _next_event(self) -> FormEvent:
        while True:
            for event in self._events:
                return event
            data = await self._chunks.next()
            if not data:
                self._parser.end()
                self._over = True
                return None
            self._events = self._parser.parse(data)


class FilePart:
    """
    The part of a form that is its file.

    :ivar head: what the form says of it.
    """

    def __init__(self, form: Form, head: PartHead) -> None:
        self._form = form
        self.head = head

    @property
    def filename(self) -> str:
        """The name that the client gave the file."""
        return self.head.filename or ""

    def deliver_to(self, consumer: IConsumer) -> Deferred[int]:
        """Hand the bytes to a push consumer; see :class:`~hmacfs.flow.incoming.Incoming`."""
        return Deferred.fromCoroutine(self._deliver(consumer))

    async def _deliver(self, consumer: IConsumer) -> int:
        valve = Valve()
        size = 0
        consumer.registerProducer(valve, True)
        try:
            while not valve.stopped and isinstance(data := await self._form.event(), bytes):
                size += len(data)
                consumer.write(data)
                await valve.open()
        finally:
            consumer.unregisterProducer()
        return size
