"""
The header of the V1 API: ``Authorization: HMAC-SHA256 SIGNATURE``.

The signature is the base64 HMAC-SHA256 under the shared secret of the file's
name, its content type and the timestamp, joined with nothing between
(:mod:`hmacfs.auth.joined`).  Name and type are those of the file part of the
form; the timestamp stands in X-Upload-Timestamp, or in a field before the file.
"""

from __future__ import annotations

from attrs import frozen

from hmacfs.auth import joined
from hmacfs.auth.credentials import authorization, check_time, misfit, signature_in_header
from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Once, Permit, flat_name

NEEDS = frozenset({Fact.FILENAME, Fact.CONTENT_TYPE, Fact.TIMESTAMP})


def message(filename: str, content_type: str, timestamp: int) -> bytes:
    """Make the message that is signed."""
    return f"{filename}{content_type}{timestamp}".encode("utf-8", "surrogatepass")


@frozen
class HeaderV1:
    """
    The signature of the V1 API.

    :ivar max_age: how far, either way, its timestamp may be, in seconds.
    """

    keyring: Keyring
    max_age: float = 300.0
    name: str = "v1"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this signature."""
        return authorization(facts, "hmac-sha256") is not None

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Read the signature; it is verified once the head of the file part is known.

        :raises SignatureMissing: if there is none.
        :raises SignatureAmbiguous: if the fields could be split in another way.
        :raises SignatureWrong: if it does not fit.
        :raises SignatureExpired: if its time is over.
        :raises SignatureNotYetValid: if its time has not come.
        :raises NameRefused: if the file name cannot be one.
        """
        given = signature_in_header(facts, "HMAC-SHA256")

        def verify(file: FileFacts) -> Permit:
            timestamp = joined.timestamp(file.timestamp)
            text = message(file.filename, file.content_type, timestamp)
            if not self.keyring.verifies(text, given, facts.now):
                raise misfit(
                    "the signature does not fit this file name, content type and timestamp",
                    filename=file.filename,
                    content_type=file.content_type,
                    timestamp=timestamp,
                )
            check_time(facts.now, timestamp - self.max_age, timestamp + self.max_age)
            name = flat_name(file.filename)
            joined.check_name_and_type(file.filename, file.content_type)
            return Permit(
                scheme=self.name,
                filename=name.leaf,
                content_type=file.content_type,
                once=Once.of(self.name, given.hex(), timestamp + self.max_age),
            )

        known = PartFacts(timestamp=facts.headers.get("x-upload-timestamp"))
        return settled(self.name, NEEDS, known, verify)
