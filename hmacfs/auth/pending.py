"""Signatures over facts that come with the file, not with the headers."""

from __future__ import annotations

import enum
from collections.abc import Callable

from attrs import evolve, field, fields, frozen

from hmacfs.auth.facts import PartFacts
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import MalformedRequest, SizeMismatch


class Fact(enum.Enum):
    """A fact of the file, by its name in :class:`~hmacfs.auth.facts.PartFacts`."""

    FILENAME = "filename"
    CONTENT_TYPE = "content_type"
    SIZE = "size"
    TIMESTAMP = "timestamp"


@frozen
class FileFacts:
    """
    The facts of a file as a scheme verifies them.

    They are those of :class:`~hmacfs.auth.facts.PartFacts`; what the signature
    does not cover may be empty.
    """

    filename: str
    content_type: str
    size: int
    timestamp: str

    @classmethod
    def of(cls, part: PartFacts) -> FileFacts:
        """Take the facts that are known."""
        return cls(
            part.filename or "", part.content_type or "", part.size or 0, part.timestamp or ""
        )


Verify = Callable[[FileFacts], Permit]
"""Verifies a signature once the facts that it covers are known; raises a Refusal."""


def _joined(known: PartFacts, part: PartFacts) -> PartFacts:
    if known.size is not None and part.size is not None and known.size != part.size:
        raise SizeMismatch(
            f"the file has {part.size} bytes, not the {known.size} announced",
            expected=known.size,
            received=part.size,
        )
    facts = {}
    for name in (attribute.name for attribute in fields(PartFacts)):
        earlier, later = getattr(known, name), getattr(part, name)
        if None not in (earlier, later) and earlier != later:
            raise MalformedRequest(f"the {name} of the form is not the one announced")
        facts[name] = later if earlier is None else earlier
    return evolve(known, **facts)


@frozen
class Pending:
    """
    A signature that cannot be verified before more is known of the file.

    It is well formed and timely as far as the headers tell; nothing that
    depends on it may become visible before :meth:`settle`.

    :ivar scheme: the name of the signature scheme.
    :ivar needs: what the signature covers of the file.
    :ivar known: what the headers tell of that.
    """

    scheme: str
    needs: frozenset[Fact]
    known: PartFacts
    _verify: Verify = field(eq=False, repr=False)

    def telling(self, accepted: Callable[[Permit], object]) -> Pending:
        """Make one that tells what it allows, once that is known to be genuine."""

        def verify(facts: FileFacts) -> Permit:
            permit = self._verify(facts)
            accepted(permit)
            return permit

        return Pending(self.scheme, self.needs, self.known, verify)

    def missing(self, part: PartFacts) -> frozenset[Fact]:
        """
        Tell which facts are still unknown; without any, :meth:`settle` can be called.

        :raises SizeMismatch: if the size is not the announced one.
        :raises MalformedRequest: if another fact is not the announced one.
        """
        facts = _joined(self.known, part)
        return frozenset(fact for fact in self.needs if getattr(facts, fact.value) is None)

    def settle(self, part: PartFacts) -> Permit:
        """
        Verify the signature.

        :raises MalformedRequest: if the form ended without a fact that it needs.
        :raises Refusal: what the scheme finds wrong.
        """
        if missing := self.missing(part):
            names = ", ".join(sorted(fact.value for fact in missing))
            raise MalformedRequest(f"the signature covers what the request does not tell: {names}")
        return self._verify(FileFacts.of(_joined(self.known, part)))


def settled(
    scheme: str, needs: frozenset[Fact], known: PartFacts, verify: Verify
) -> Permit | Pending:
    """Verify at once if everything needed is known, else wait for it."""
    pending = Pending(scheme, needs, known, verify)
    return pending if pending.missing(PartFacts()) else pending.settle(PartFacts())
