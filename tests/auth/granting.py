"""What a door grants, as the server finds it out for uploads whose body is the file."""

from __future__ import annotations

from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.permit import Permit
from hmacfs.auth.schemes import Door
from hmacfs.base.values import Grant


def granted(door: Door, facts: RequestFacts) -> Grant:
    """Read the signature of an upload and turn what it allows into the grant."""
    permit = door.read(facts)
    assert isinstance(permit, Permit), permit
    return permit.grant(facts.name, facts.length, facts.headers.get("content-type"))
