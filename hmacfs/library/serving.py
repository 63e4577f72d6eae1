"""What a download is answered with, decided before a byte of the file is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum, auto
from typing import Literal

from attrs import evolve, field, frozen

from hmacfs.base.spans import Span
from hmacfs.base.values import StoredFile
from hmacfs.wire import content_type, dates, digests, disposition, ranges
from hmacfs.wire.byteranges import ByteRanges
from hmacfs.wire.conditional import Preconditions, Validators, Verdict
from hmacfs.wire.etags import EntityTag
from hmacfs.wire.ranges import ContentRange

MAX_AGE = 365 * 24 * 60 * 60
"""Seconds that caches may keep a file which does not expire sooner."""

Headers = tuple[tuple[str, str], ...]

_SAFETY: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_NO_CONTENT: Headers = (("Content-Length", "0"),)


@frozen
class Ask:
    """
    What of a GET or HEAD decides the answer.

    A header that came more than once is one value, joined with commas.

    :ivar now: seconds since the epoch.
    :ivar wanted_range: the value of Range.
    :ivar wanted_digest: the value of Want-Repr-Digest.
    """

    method: Literal["GET", "HEAD"]
    now: float
    preconditions: Preconditions = field(factory=Preconditions)
    wanted_range: str | None = None
    wanted_digest: str | None = None

    @classmethod
    def read(cls, method: Literal["GET", "HEAD"], headers: Mapping[str, str], now: float) -> Ask:
        """Take what matters from the headers of a request, by lower-case name."""
        return cls(
            method,
            now,
            Preconditions(
                if_match=headers.get("if-match"),
                if_unmodified_since=headers.get("if-unmodified-since"),
                if_none_match=headers.get("if-none-match"),
                if_modified_since=headers.get("if-modified-since"),
                if_range=headers.get("if-range"),
            ),
            wanted_range=headers.get("range"),
            wanted_digest=headers.get("want-repr-digest"),
        )


@frozen
class Policy:
    """
    How this server lets files be downloaded.

    :ivar retries: whether a download may be resumed or found unchanged.
    :ivar private: whether downloads need a credential, so that no cache may
        give them to others.
    :ivar changing: whether a file may be replaced, so that a cache has to ask each time.
    :ivar parts: whether several ranges may be asked for at once.
    """

    retries: bool = True
    private: bool = False
    changing: bool = False
    parts: bool = True


class Outcome(Enum):
    """How the answer treats the file."""

    FULL = auto()
    PARTIAL = auto()
    NOT_MODIFIED = auto()
    PRECONDITION_FAILED = auto()
    RANGE_UNSATISFIABLE = auto()


@frozen
class Plan:
    """
    An answer, complete but for the bytes of the file.

    :ivar headers: ASCII throughout, no name twice.
    :ivar body: what to send, in order, a span standing for these bytes of the file.
    """

    outcome: Outcome
    headers: Headers
    body: tuple[bytes | Span, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Tell which bytes of the file are sent."""
        return tuple(piece for piece in self.body if isinstance(piece, Span))


def plan(ask: Ask, file: StoredFile, policy: Policy) -> Plan:
    """Decide the answer to a request for this file, which has not expired."""
    validators = _validators(file, ask.now) if policy.retries else Validators()
    always = (
        *_SAFETY,
        ("Accept-Ranges", "bytes" if policy.retries else "none"),
        *_validator_headers(validators),
    )
    # An error gets no Cache-Control: the file may be kept for a year, the error not at all.
    verdict = ask.preconditions.verdict(validators, ask.now)
    if verdict is Verdict.FAILED:
        return Plan(Outcome.PRECONDITION_FAILED, (*always, *_NO_CONTENT))
    cached = (*always, ("Cache-Control", _cache_control(file, ask.now, policy)))
    if verdict is Verdict.NOT_MODIFIED:
        return Plan(Outcome.NOT_MODIFIED, cached)
    described = (*cached, *_description(file, ask))
    wanted = _wanted_ranges(ask, file, validators, policy)
    if not wanted:
        return _full(file, ask, described)
    spans = ranges.satisfiable(wanted, file.size)
    if not spans:
        unsatisfied = ("Content-Range", str(ContentRange(None, file.size)))
        return Plan(Outcome.RANGE_UNSATISFIABLE, (*always, unsatisfied, *_NO_CONTENT))
    return _partial(file, spans, described) or _full(file, ask, described)


def _validators(file: StoredFile, now: float) -> Validators:
    # Never later than the answer's own Date (RFC 9110, 8.8.2.1).
    modified = math.floor(min(file.uploaded_at, now))
    return Validators(EntityTag.of_content(file.sha256), modified)


def _validator_headers(validators: Validators) -> Headers:
    headers = []
    if validators.etag is not None:
        headers.append(("ETag", str(validators.etag)))
    if validators.last_modified is not None:
        headers.append(("Last-Modified", dates.render(validators.last_modified)))
    return tuple(headers)


def _cache_control(file: StoredFile, now: float, policy: Policy) -> str:
    who = "private" if policy.private else "public"
    if policy.changing:
        return f"{who}, no-cache"
    left = MAX_AGE if file.expires_at is None else min(file.expires_at - now, MAX_AGE)
    max_age = max(0, math.floor(left))
    return f"{who}, max-age={max_age}, immutable"


def _description(file: StoredFile, ask: Ask) -> Headers:
    headers = [("Content-Disposition", disposition.render(file.name.leaf, file.content_type))]
    if ask.wanted_digest is not None and digests.wants_sha256(ask.wanted_digest):
        headers.append(("Repr-Digest", digests.render(file.sha256)))
    return tuple(headers)


def _wanted_ranges(
    ask: Ask, file: StoredFile, validators: Validators, policy: Policy
) -> tuple[ranges.ByteRange, ...]:
    # An empty file has no range that Content-Range could tell, and clients that ask for
    # one with every request mean no error by it (RFC 9110, 14.2).
    usable = policy.retries and ask.method == "GET" and file.size > 0
    if ask.wanted_range is None or not usable:
        return ()
    if policy.changing:
        # Within the second of a date the file may have changed twice (RFC 9110, 8.8.2.2).
        validators = evolve(validators, last_modified=None)
    if not ask.preconditions.allow_range(validators, ask.now):
        return ()
    wanted = ranges.parse(ask.wanted_range)
    # Who serves no several ranges ignores them (RFC 9110, 14.2).
    return wanted if policy.parts or len(wanted) == 1 else ()


def _full(file: StoredFile, ask: Ask, described: Headers) -> Plan:
    headers = (
        *described,
        ("Content-Type", content_type.served(file.content_type)),
        ("Content-Length", str(file.size)),
    )
    is_sent = ask.method == "GET" and file.size > 0
    return Plan(Outcome.FULL, headers, (Span(0, file.size),) if is_sent else ())


def _partial(file: StoredFile, spans: tuple[Span, ...], described: Headers) -> Plan | None:
    """Plan for these bytes; ``None`` where that would be no less than the whole file."""
    file_type = content_type.served(file.content_type)
    # No file can contain its own digest, so the boundary is not in it.
    framing = ByteRanges(file.sha256.hex()[:32], file_type, file.size)
    # With less between two spans than a part costs, sending it too is cheaper.
    joined = ranges.coalesced(spans, framing.overhead)
    if len(joined) == 1:
        headers = (
            *described,
            ("Content-Type", file_type),
            ("Content-Range", str(ContentRange(joined[0], file.size))),
            ("Content-Length", str(joined[0].size)),
        )
        return Plan(Outcome.PARTIAL, headers, joined)
    body = framing.body(joined)
    length = sum(piece.size if isinstance(piece, Span) else len(piece) for piece in body)
    if length >= file.size:
        return None
    headers = (
        *described,
        ("Content-Type", framing.media_type),
        ("Content-Length", str(length)),
    )
    return Plan(Outcome.PARTIAL, headers, body)
