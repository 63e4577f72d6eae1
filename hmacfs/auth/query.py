"""
The query signature of the 3.x documents.

``PUT /upload?filename=…&timestamp=…&uploadid=…&signature=…``, where the
signature is the base64 HMAC-SHA256 under the shared secret of file name, file
size, timestamp and upload id, joined with nothing between
(:mod:`hmacfs.auth.joined`).  The issuers of the documents put both name and
signature into the URL as they are, so a plus in them is a plus and arrives as
a space.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from attrs import frozen

from hmacfs.auth import joined
from hmacfs.auth.credentials import check_time, from_base64, misfit
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Once, Permit, flat_name
from hmacfs.base.errors import MalformedRequest, SignatureWrong

EARLY = 300.0
"""How long before its timestamp a signature counts, in seconds: clocks differ."""


def message(filename: str, size: int, timestamp: int, upload_id: str) -> bytes:
    """Make the message that is signed."""
    return f"{filename}{size}{timestamp}{upload_id}".encode("utf-8", "surrogatepass")


def _parameter(facts: RequestFacts, name: str) -> str:
    try:
        return facts.parameters[name]
    except KeyError:
        raise MalformedRequest(f"the query signature comes without {name!r}") from None


def _readings(facts: RequestFacts) -> Iterator[str]:
    """Tell the file name as a form would have encoded it, and as it stands."""
    decoded = _parameter(facts, "filename")
    yield decoded
    for pair in facts.uri.partition("?")[2].split("&"):
        key, _, value = pair.partition("=")
        if key == "filename" and (literal := unquote(value)) != decoded:
            yield literal


@frozen
class QuerySignature:
    """
    A signature in the query, good for a while.

    :ivar slot_ttl: how long after its timestamp it counts, in seconds.
    """

    keyring: Keyring
    slot_ttl: float = 3600.0
    name: str = "query"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this signature."""
        return "signature" in facts.parameters

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Verify the signature; of a file in a form, once its size is known.

        :raises MalformedRequest: if a parameter is missing.
        :raises SignatureAmbiguous: if the fields could be split in another way.
        :raises SignatureWrong: if it does not fit.
        :raises SignatureExpired: if its time is over.
        :raises SignatureNotYetValid: if its time has not come.
        :raises LengthRequired: if the length it covers is not known.
        :raises NameRefused: if the file name cannot be one.
        """
        given = from_base64(_parameter(facts, "signature").replace(" ", "+"))
        if given is None:
            raise SignatureWrong("the signature is not an HMAC-SHA256 in base64")
        timestamp = joined.timestamp(_parameter(facts, "timestamp"))
        upload_id = _parameter(facts, "uploadid")
        once = Once.of(self.name, joined.upload_id(upload_id), timestamp + self.slot_ttl)
        readings = tuple(_readings(facts))

        def verify(file: FileFacts) -> Permit:
            for filename in readings:
                text = message(filename, file.size, timestamp, upload_id)
                if self.keyring.verifies(text, given, facts.now):
                    break
            else:
                raise misfit(
                    "the signature does not fit this file name, size, timestamp and upload id",
                    filename=readings[0],
                    size=file.size,
                    timestamp=timestamp,
                    upload_id=upload_id,
                )
            check_time(facts.now, timestamp - EARLY, timestamp + self.slot_ttl)
            name = flat_name(filename)
            joined.check_name_and_size(filename, file.size)
            return Permit(scheme=self.name, filename=name.leaf, size=file.size, once=once)

        return settled(self.name, frozenset({Fact.SIZE}), facts.announced, verify)
