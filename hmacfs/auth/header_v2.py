"""
The header of the V2 API: ``Authorization: HMAC-SHA256-V2 SIGNATURE``.

The signature is the base64 HMAC-SHA256 under the shared secret of one of two
messages, whose fields are joined with nothing between
(:mod:`hmacfs.auth.joined`):

- method, URI, X-Upload-Timestamp, X-Upload-ID and X-Content-SHA256, where that
  header is sent: the hexadecimal SHA-256 of the file in a form, else of the body;
- method, URI, X-Upload-Timestamp, X-Upload-ID, file name and file size, where it
  is not, as the JavaScript client of the documents does.
"""

from __future__ import annotations

from attrs import frozen

from hmacfs.auth import joined
from hmacfs.auth.credentials import (
    authorization,
    check_time,
    from_hexadecimal,
    misfit,
    signature_in_header,
)
from hmacfs.auth.facts import PartFacts, RequestFacts
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Once, Permit, Scope, flat_name
from hmacfs.base.errors import (
    MalformedRequest,
    SignatureAmbiguous,
)

NEEDS = frozenset({Fact.FILENAME, Fact.SIZE})
"""What the second message covers of the file."""

SCOPES = frozenset({Scope.UPLOAD, Scope.DOWNLOAD})


def message(method: str, uri: str, timestamp: int, upload_id: str, content: str) -> bytes:
    """Make the message that is signed; ``content`` is the digest, or name and size."""
    text = f"{method}{uri}{timestamp}{upload_id}{content}"
    return text.encode("utf-8", "surrogatepass")


@frozen
class HeaderV2:
    """
    The signature of the V2 API, which V3 takes too.

    :ivar max_age: how far, either way, its timestamp may be, in seconds.
    """

    keyring: Keyring
    max_age: float = 300.0
    name: str = "v2-header"

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this signature."""
        return authorization(facts, "hmac-sha256-v2") is not None

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Verify the signature; the second message once name and size are known.

        :raises SignatureMissing: if there is none.
        :raises MalformedRequest: if a header is missing, or a digest is none.
        :raises SignatureAmbiguous: if the fields could be split in another way.
        :raises SignatureWrong: if it does not fit.
        :raises SignatureExpired: if its time is over.
        :raises SignatureNotYetValid: if its time has not come.
        :raises NameRefused: if the file name cannot be one.
        """
        given = signature_in_header(facts, "HMAC-SHA256-V2")
        timestamp = joined.timestamp(_header(facts, "X-Upload-Timestamp"))
        upload_id = _header(facts, "X-Upload-ID")
        # The same id may sign several requests of one upload, each once.
        token = f"{facts.uri}\0{joined.upload_id(upload_id)}"
        once = Once.of(self.name, token, timestamp + self.max_age)

        def check(content: str, covers: str, **tried: str | int) -> None:
            text = message(facts.method, facts.uri, timestamp, upload_id, content)
            if not self.keyring.verifies(text, given, facts.now):
                raise misfit(
                    f"the signature does not fit this method, URI, timestamp, upload id, {covers}",
                    timestamp=timestamp,
                    upload_id=upload_id,
                    **tried,
                )
            check_time(facts.now, timestamp - self.max_age, timestamp + self.max_age)

        digest = facts.headers.get("x-content-sha256")
        if digest is not None:
            sha256 = from_hexadecimal(digest)
            if sha256 is None:
                raise MalformedRequest("X-Content-SHA256 is not 64 hexadecimal digits")
            check(digest, "content hash", content_hash=digest)
            return Permit(scheme=self.name, scopes=SCOPES, sha256=sha256, once=once)

        def verify(file: FileFacts) -> Permit:
            content = f"{file.filename}{file.size}"
            check(content, "file name and size", filename=file.filename, size=file.size)
            name = flat_name(file.filename)
            joined.check_name_and_size(file.filename, file.size)
            if from_hexadecimal(content) is not None:
                raise SignatureAmbiguous("file name and size could be a content hash")
            return Permit(
                scheme=self.name, scopes=SCOPES, filename=name.leaf, size=file.size, once=once
            )

        return settled(self.name, NEEDS, PartFacts(), verify)


def _header(facts: RequestFacts, name: str) -> str:
    try:
        return facts.headers[name.lower()]
    except KeyError:
        raise MalformedRequest(f"the signature comes without {name}") from None
