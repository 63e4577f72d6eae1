"""What every rule for uploads is: three places at which it may refuse one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from hmacfs.base.values import Grant
from hmacfs.blobs.interfaces import StagedBlob
from hmacfs.flow.stage import Sink
from hmacfs.rules.conditions import Conditions


class Material(Protocol):
    """Bytes that came in whole, and that nobody can fetch yet."""

    @property
    def blob(self) -> StagedBlob:
        """Where they can be read."""

    @property
    def size(self) -> int:
        """How many they are."""

    @property
    def sha256(self) -> bytes:
        """Their digest, 32 bytes."""


class Rule:
    """
    Something that uploads have to meet.  Each of its methods lets everything pass.

    An upload may come in one body or in many requests, and before its grant is
    known: :meth:`judge` is asked for every one, the others only where they can
    be.  So :meth:`judge` decides, and the others spare the client the way there.
    """

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """
        Refuse what can be refused before the first byte.

        :raises Refusal: if it does.
        """

    def tap(self, grant: Grant, conditions: Conditions) -> Sink | None:
        """
        Make what is given the bytes as they come, on a thread and in their order.

        It may raise a :class:`Refusal`, which ends the upload.
        """
        return None

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """
        Refuse what must not be published.

        :raises Refusal: if it does.
        """


@frozen
class Rules:
    """The rules of a server, in the order in which they are asked."""

    ordered: Sequence[Rule] = ()

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """Ask each before the body; the first that refuses decides."""
        for rule in self.ordered:
            await rule.before(grant, conditions)

    def tapped(self, sink: Sink, grant: Grant, conditions: Conditions) -> Sink:
        """Make a sink whose bytes the rules see before ``sink`` gets them."""
        taps = [tap for rule in self.ordered if (tap := rule.tap(grant, conditions)) is not None]
        return _Tapped((*taps, sink)) if taps else sink

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """Ask each about the bytes; the first that refuses decides."""
        for rule in self.ordered:
            await rule.judge(material, grant, conditions)


@frozen
class _Tapped:
    sinks: tuple[Sink, ...]

    def write(self, data: bytes | memoryview) -> None:
        for sink in self.sinks:
            sink.write(data)
