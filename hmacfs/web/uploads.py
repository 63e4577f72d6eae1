"""Uploads, as a body or as the file of a form, whatever face they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from attrs import evolve, frozen

from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.pending import Fact, Pending
from hmacfs.auth.permit import Permit, flat_name
from hmacfs.auth.schemes import Door
from hmacfs.base.errors import LengthRequired, TooLarge, TypeRefused
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant
from hmacfs.ingest.form import MAX_OVERHEAD, FilePart, Form
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.publication import Receipt
from hmacfs.ingest.unverified import Unverified
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.quota import owner_of
from hmacfs.web.paths import Paths
from hmacfs.web.peers import Peers
from hmacfs.web.request import StreamingRequest
from hmacfs.wire import content_type
from hmacfs.wire.metadata import compact

Named = Callable[[], StoredName | None]
"""Tells which name the request gives the file, if it does; raises NameRefused."""

_TOO_LONG: Final = "the signature cannot be checked before the file has come, which is too large"


@frozen
class Uploads:
    """
    Takes uploads in, once their door has let them.

    What the headers tell is judged before the first byte of the body is asked
    for, what the head of a form's file tells before the first byte of the file.
    """

    intake: Intake
    unverified: Unverified
    paths: Paths
    peers: Peers

    async def body(
        self, request: StreamingRequest, door: Door, facts: RequestFacts, named: Named
    ) -> Receipt:
        """Take an upload whose body is the file."""
        with self.intake.admission():
            grant, conditions = self.granted(door, facts, named)
            await self.count(request, grant.owner, grant.name)
        return await self.intake.receive(grant, request.body, conditions)

    async def count(
        self, request: StreamingRequest, owner: str | None, name: StoredName | None
    ) -> None:
        """
        Count an upload that a request begins.

        :raises RateLimited: if there are too many of its client, or of its owner.
        """
        client = self.peers.client_of(request)
        await self.intake.rates.begin(owner_of(owner, name), client)

    def granted(self, door: Door, facts: RequestFacts, named: Named) -> tuple[Grant, Conditions]:
        """
        Tell what may be uploaded, and what besides it has to meet.

        :param facts: those of a file that comes by itself; their length is the file's.
        :raises Refusal: if nothing may.
        """
        content_type.checked(facts.content_type)
        permit = door.read(facts)
        if isinstance(permit, Pending):
            raise TypeRefused("this signature is for a file in a form")
        name = self._name(permit, named, "")
        grant = permit.grant(name, facts.length, facts.headers.get("content-type"))
        return grant, Conditions.of(permit)

    async def form(
        self, request: StreamingRequest, door: Door, facts: RequestFacts, named: Named
    ) -> Receipt:
        """Take an upload whose body is a form that holds the file."""
        length = request.body.length
        with self.intake.admission():
            if not facts.is_form:
                raise TypeRefused("a multipart/form-data body with one file is expected here")
            permit = door.read(facts)
            if isinstance(permit, Pending):
                self._check_length(permit, length)
            form = Form(request.body, facts.content_type)
        with form, ExitStack() as stack:
            with self.intake.admission():
                part = await form.file()
                known = _known(part, form, facts)
                if isinstance(permit, Pending) and not permit.missing(known):
                    permit = permit.settle(known)
                if isinstance(permit, Permit):
                    # Before the bytes, of which there may be many.
                    name = self._name(permit, named, part.filename)
                    await self.count(request, permit.owner, name)
                else:
                    await self.count(request, None, None)
                limit = stack.enter_context(self._room(permit, known, length))
            async with self.intake.staged(part, limit) as staged:
                if isinstance(permit, Pending):
                    permit = permit.settle(evolve(known, size=staged.size))
                await form.finish()
                name = self._name(permit, named, part.filename)
                grant = permit.grant(name, staged.size, part.head.content_type)
                metadata = form.fields.get("metadata")
                if metadata is not None:
                    grant = evolve(grant, metadata=compact(metadata))
                return await self.intake.store(staged, grant, Conditions.of(permit))

    def _name(self, permit: Permit, named: Named, filename: str) -> StoredName:
        if permit.name is not None:
            name = permit.name
        elif permit.filename is not None:
            name = flat_name(permit.filename)
        else:
            name = named() or flat_name(filename)
        self.paths.check_stored(name)
        return name

    def _check_length(self, pending: Pending, length: int | None) -> None:
        # Of such a signature the whole file is unverified.
        if length is None or Fact.SIZE not in pending.missing(PartFacts()):
            return
        if length > self.unverified.each + MAX_OVERHEAD:
            raise TooLarge(_TOO_LONG, limit=self.unverified.each)

    @contextmanager
    def _room(
        self, permit: Permit | Pending, known: PartFacts, length: int | None
    ) -> Iterator[int]:
        # Tells how many bytes of the file are taken at most.
        if isinstance(permit, Pending):
            with self.unverified.room(length) as limit:
                yield limit
            return
        largest = self.intake.max_upload_size
        size = permit.size if known.size is None else known.size
        if size is not None and size > largest:
            raise TooLarge(f"at most {largest} bytes are taken", limit=largest)
        if size is None and length is None:
            raise LengthRequired("the size of the file must be announced: send X-File-Size")
        yield min(largest if each is None else each for each in (size, length, largest))


def _known(part: FilePart, form: Form, facts: RequestFacts) -> PartFacts:
    return PartFacts(
        filename=part.filename,
        content_type=content_type.checked(part.head.content_type),
        size=facts.announced.size,
        timestamp=form.fields.get("timestamp"),
    )
