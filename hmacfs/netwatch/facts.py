"""What there is of a network: interfaces and their addresses, and how one state became another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from hmacfs.base.addresses import Address
from hmacfs.base.network_events import NetworkChanged

Key = tuple[int, Address | None]
"""The kernel's number of an interface; and of one of its addresses, that."""


@frozen
class Link:
    """
    An interface.

    :ivar up: whether it is switched on and can carry something.
    """

    name: str
    up: bool


@frozen
class Assigned:
    """An address that can be used; the kernel keeps it once for each length of its network."""

    prefixes: frozenset[int]


Fact = Link | Assigned

Facts = Mapping[Key, Fact]
"""All of a network."""


def steps(
    name: str, address: Address | None, before: Fact | None, after: Fact | None
) -> Iterator[NetworkChanged]:
    """
    Tell what happened between two states of an interface, or of an address.

    An interface that goes while it is up goes down first, so that for each name the
    ups and the downs alternate.

    :param name: of the interface of an address.
    """
    if address is not None:
        if (before is None) != (after is None):
            kind = "address_added" if before is None else "address_removed"
            yield NetworkChanged(kind, name, str(address))
        return
    old = before if isinstance(before, Link) else None
    new = after if isinstance(after, Link) else None
    if old is not None and new is not None and old.name != new.name:
        yield from steps(name, None, old, None)
        yield from steps(name, None, None, new)
        return
    named = (new or old or Link(name, up=False)).name
    if old is None and new is not None:
        yield NetworkChanged("interface_added", named)
    was_up, is_up = old is not None and old.up, new is not None and new.up
    if was_up != is_up:
        yield NetworkChanged("interface_up" if is_up else "interface_down", named)
    if old is not None and new is None:
        yield NetworkChanged("interface_removed", named)


def addresses(facts: Facts) -> frozenset[Address]:
    """Tell all addresses that this machine has."""
    return frozenset(address for _, address in facts if address is not None)


def name_of(facts: Facts, index: int) -> str:
    """Tell the name of an interface; empty if there is none of this number."""
    link = facts.get((index, None))
    return link.name if isinstance(link, Link) else ""


def interfaces(facts: Facts) -> dict[Address, str]:
    """Tell the interface of each address."""
    return {address: name_of(facts, index) for index, address in facts if address is not None}
