"""
Refusals: why the server will not do what was asked.

A refusal carries a stable ``code`` and the facts that explain it.  It knows no
HTTP status, no XMPP condition and no exit code: each face (``web.errors``,
``cli``) maps codes in a table of its own.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """
    A request that is understood and not granted.

    :param detail: one sentence for the person who made the request.  It never
        holds a secret or a signature.
    :param facts: what explains the refusal to a program: limits in bytes,
        waits in seconds.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str, **facts: str | int | float) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Faltering(Exception):
    """Something that is needed does not work now; the message is for the log, not for clients."""


class ClientGone(Exception):
    """The client takes no more of its answer: nobody is left to be told."""


class MalformedRequest(Refusal):
    """The request cannot be read (RFC 9110, 15.5.1)."""

    code = "malformed-request"


class HeadersTooLarge(Refusal):
    """The request's headers are longer or more than allowed; ``limit`` in bytes or lines."""

    code = "headers-too-large"


class NameRefused(Refusal):
    """The path cannot name a stored file."""

    code = "name-refused"


class SignatureMissing(Refusal):
    """The request needs a signature and brings none."""

    code = "signature-missing"


class SignatureWrong(Refusal):
    """The signature does not fit the facts of the request."""

    code = "signature-wrong"


class LengthRequired(Refusal):
    """The length of the body must be known before it is sent."""

    code = "length-required"


class TooLarge(Refusal):
    """The file is larger than allowed; ``limit`` in bytes."""

    code = "too-large"


class SizeMismatch(Refusal):
    """The body has more or fewer bytes than were announced; ``expected``, ``received``."""

    code = "size-mismatch"


class SchemeRefused(Refusal):
    """The request came by http where https is required, or the other way; ``scheme``."""

    code = "scheme-refused"


class KindRefused(Refusal):
    """Files of this kind are not taken; ``extension``, or the type that was found."""

    code = "kind-refused"


class NotServed(Refusal):
    """Files of this kind are not given out; ``extension``."""

    code = "not-served"


class NameTaken(Refusal):
    """Another file already has this name."""

    code = "name-taken"


class Unknown(Refusal):
    """There is no such file."""

    code = "not-found"


class Unreadable(Refusal):
    """There is such a file and the storage does not give it out; the log says why."""

    code = "unreadable"


class Gone(Refusal):
    """There was such a file; it was deleted or has expired."""

    code = "gone"


class Stalled(Refusal):
    """The client stopped sending; ``after`` in seconds."""

    code = "stalled"


class NoSpace(Refusal):
    """The storage is full, or would be below ``min_free_bytes``."""

    code = "no-space"


class Unavailable(Refusal):
    """Not now: the server is starting, stopping or too busy; ``retry_after`` in seconds."""

    code = "unavailable"


class MethodRefused(Refusal):
    """The method is not one of those this resource has; ``allow`` lists them."""

    code = "method-not-allowed"


class SignatureExpired(Refusal):
    """The signature is genuine and its time is over."""

    code = "signature-expired"


class SignatureNotYetValid(Refusal):
    """The signature is genuine and its time has not come; mostly a clock that is wrong."""

    code = "signature-not-yet-valid"


class SignatureAmbiguous(Refusal):
    """The signed fields stand without separators, and could be split in another way."""

    code = "signature-ambiguous"


class TokenRefused(Refusal):
    """The token is genuine, but it is not for this server or its claims cannot be read."""

    code = "token-refused"


class ScopeMissing(Refusal):
    """The credential is genuine and does not allow this action; ``scope`` names what it lacks."""

    code = "scope-missing"


class NotCovered(Refusal):
    """The credential is genuine and is for another file, type or owner."""

    code = "not-covered"


class Replayed(Refusal):
    """The signature or upload id was used before, for other bytes."""

    code = "replayed"


class DigestMismatch(Refusal):
    """The bytes are not those whose digest was announced."""

    code = "digest-mismatch"


class InconsistentLength(Refusal):
    """The length of the upload is told in ways that contradict each other."""

    code = "inconsistent-upload-length"


class CompletedUpload(Refusal):
    """The upload is complete, and nothing can be appended to it."""

    code = "completed-upload"


class ChecksumMismatch(Refusal):
    """The bytes of this request are not those whose checksum came with it; none of them counts."""

    code = "checksum-mismatch"


class QuotaExceeded(Refusal):
    """The owner may not have so many; ``limit``, ``requested``, mostly ``used``, in bytes."""

    code = "quota-exceeded"


class DailyQuotaExceeded(Refusal):
    """
    The owner may not send so many bytes today.

    ``used``, ``limit`` and ``requested`` in bytes, ``retry_after`` in seconds.
    """

    code = "daily-quota-exceeded"


class ContentBlocked(Refusal):
    """These bytes were blocked by who runs the server, whatever their name."""

    code = "content-blocked"


class Infected(Refusal):
    """The bytes are infected; ``signature`` is what the scanner calls it."""

    code = "infected"


class TypeRefused(Refusal):
    """A body of this type is not taken here."""

    code = "type-refused"


class OptionUnsupported(Refusal):
    """The client asks for what this server does not do; ``option`` names it."""

    code = "option-unsupported"


class UpgradeRequired(Refusal):
    """Another protocol is spoken here; ``upgrade`` names it, ``version`` its one version."""

    code = "upgrade-required"


class Unimplemented(Refusal):
    """There is no such ability in this release."""

    code = "not-implemented"


class VersionRefused(Refusal):
    """The request is in a version of its protocol that is not spoken here."""

    code = "version-refused"


class OffsetWrong(Refusal):
    """The bytes do not begin where those before end; ``offset`` is where that is."""

    code = "offset-wrong"


class BytesDiffer(Refusal):
    """Other bytes came in this place before; ``offset`` is where the first that differ begin."""

    code = "bytes-differ"


class LengthChanged(Refusal):
    """The upload was announced with another length; ``expected`` in bytes."""

    code = "length-changed"


class Incomplete(Refusal):
    """The upload cannot be finished: bytes are missing; ``received`` in bytes."""

    code = "incomplete"


class UploadOver(Refusal):
    """The upload takes no more bytes; ``state`` tells why."""

    code = "upload-over"


class TooManyUploads(Refusal):
    """There are too many unfinished uploads; ``limit``, ``retry_after`` in seconds."""

    code = "too-many-uploads"


class FollowsTooMany(Refusal):
    """Somebody follows too many uploads at once; ``limit``, ``retry_after`` in seconds."""

    code = "follows-too-many"


class CodingRefused(Refusal):
    """The body comes in a content coding; ``accept_encoding`` lists what is taken."""

    code = "coding-refused"


class RetriesExhausted(Refusal):
    """The upload broke off more often than uploads may here; ``limit``."""

    code = "retries-exhausted"


class AddressChanged(Refusal):
    """The upload may not be taken up from this address."""

    code = "address-changed"


class Scattered(Refusal):
    """The parts of the upload that are there have too many gaps between them; ``limit``."""

    code = "scattered"


class RateLimited(Refusal):
    """Too many uploads begin; ``limit`` a minute, ``retry_after`` in seconds."""

    code = "rate-limited"


class Banned(Refusal):
    """Too many credentials of this client were refused; ``retry_after`` in seconds."""

    code = "banned"


class NeverBanned(Refusal):
    """The address is one of those that are never banned."""

    code = "never-banned"
