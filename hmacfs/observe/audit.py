"""Who did what, as records: made of events, for whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from hmacfs.base import errors
from hmacfs.base.events import (
    ABORTED,
    UNFORESEEN,
    Administered,
    ClientBanned,
    CredentialAccepted,
    DownloadFailed,
    DownloadSent,
    Events,
    FileRemoved,
    InfectionFound,
    RequestRefused,
    UploadFailed,
    UploadStored,
)
from hmacfs.base.moments import rfc3339
from hmacfs.base.origin import Origin, current
from hmacfs.base.values import StoredFile
from hmacfs.observe.chain import Facts

AUTH_FAILURES: Final = frozenset(
    {
        errors.SignatureMissing.code,
        errors.SignatureWrong.code,
        errors.SignatureExpired.code,
        errors.SignatureNotYetValid.code,
        errors.SignatureAmbiguous.code,
        errors.TokenRefused.code,
        errors.ScopeMissing.code,
        errors.NotCovered.code,
        errors.Replayed.code,
        errors.AddressChanged.code,
    }
)
"""Refusals of those who may not."""

QUOTA_FAILURES: Final = frozenset({errors.QuotaExceeded.code, errors.DailyQuotaExceeded.code})
"""Refusals of those who have too much."""

RATE_FAILURES: Final = frozenset({errors.TooManyUploads.code, errors.RateLimited.code})
"""Refusals of those who ask too often, or for too much at once."""

VALIDATION_FAILURES: Final = frozenset(
    {
        errors.MalformedRequest.code,
        errors.NameRefused.code,
        errors.KindRefused.code,
        errors.TypeRefused.code,
        errors.ContentBlocked.code,
        errors.TooLarge.code,
        errors.SizeMismatch.code,
        errors.DigestMismatch.code,
        errors.ChecksumMismatch.code,
        errors.InconsistentLength.code,
    }
)
"""Refusals of names, types and bytes."""

_BY_METHOD: Final = {"GET": "download", "HEAD": "download", "DELETE": "delete"}
_KINDS: Final = (
    ("auth_failure", AUTH_FAILURES),
    ("quota_exceeded", QUOTA_FAILURES),
    ("rate_limited", RATE_FAILURES),
    ("validation_failure", VALIDATION_FAILURES),
)


def kind_of(method: str, code: str) -> str:
    """Tell the event of ``audit.events`` that a refusal is."""
    for kind, codes in _KINDS:
        if code in codes:
            return kind
    return _BY_METHOD.get(method, "upload")


class Audit:
    """
    Makes records of events.

    :param put: takes each record.
    :param now: tells seconds since the epoch.
    :ivar wanted: the events that are recorded, of those in ``audit.events``.
    """

    def __init__(
        self,
        events: Events,
        put: Callable[[Facts], object],
        wanted: Collection[str],
        now: Callable[[], float],
    ) -> None:
        self.wanted = wanted
        self._put = put
        self._now = now
        events.listen(UploadStored, self._upload_stored)
        events.listen(UploadFailed, self._upload_failed)
        events.listen(DownloadSent, self._download_sent)
        events.listen(DownloadFailed, self._download_failed)
        events.listen(FileRemoved, self._file_removed)
        events.listen(InfectionFound, self._infection_found)
        events.listen(RequestRefused, self._request_refused)
        events.listen(CredentialAccepted, self._credential_accepted)
        events.listen(ClientBanned, self._client_banned)
        events.listen(Administered, self._administered)

    def _record(self, event: str, outcome: str, facts: Facts, origin: Origin | None = None) -> None:
        if event not in self.wanted:
            return
        origin = origin or current()
        who = {} if origin is None else origin.who()
        first = {"time": rfc3339(self._now(), "milliseconds"), "event": event, "outcome": outcome}
        self._put({**first, **who, **facts})

    def _request(self, event: str, outcome: str, facts: Facts) -> None:
        origin = current()
        what = {} if origin is None else origin.what()
        self._record(event, outcome, {**what, **facts}, origin)

    def _upload_stored(self, event: UploadStored) -> None:
        self._record("upload", "stored" if event.created else "repeated", _of_file(event.file))

    def _upload_failed(self, event: UploadFailed) -> None:
        # What is refused is told as a request.
        if event.code in (ABORTED, UNFORESEEN):
            self._request("upload", "failed", {"reason": event.code})

    def _download_sent(self, event: DownloadSent) -> None:
        facts: Facts = {"file": str(event.name), "size": event.size}
        self._record("download", "sent" if event.complete else ABORTED, facts)

    def _download_failed(self, event: DownloadFailed) -> None:
        if event.code == UNFORESEEN:
            self._request("download", "failed", {"reason": event.code})

    def _file_removed(self, event: FileRemoved) -> None:
        self._record("delete", "deleted", {**_of_file(event.file), "reason": event.reason})

    def _infection_found(self, event: InfectionFound) -> None:
        facts: dict[str, str | int] = {"file": str(event.name)}
        if event.owner is not None:
            facts["owner"] = event.owner
        facts |= {"size": event.size, "sha256": event.sha256.hex()}
        facts |= {"reason": errors.Infected.code, "signature": event.signature}
        self._record("validation_failure", event.fate, facts)

    def _request_refused(self, event: RequestRefused) -> None:
        if event.code == errors.Infected.code:
            # It was told when it was found, with more.
            return
        what = event.origin.what()
        kind = kind_of(what.get("method", ""), event.code)
        self._record(kind, "refused", {**what, "reason": event.code}, event.origin)

    def _credential_accepted(self, event: CredentialAccepted) -> None:
        self._request("auth_success", "accepted", {"scheme": event.scheme})

    def _client_banned(self, event: ClientBanned) -> None:
        facts: Facts = {
            "banned": event.client,
            "seconds": round(event.seconds),
            "reason": event.reason,
        }
        self._record("banned", "banned", facts)

    def _administered(self, event: Administered) -> None:
        facts = {"action": event.action}
        if event.subject:
            facts["subject"] = event.subject
        self._record("admin_action", event.outcome, facts)


def _of_file(file: StoredFile) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"file": str(file.name)}
    if file.owner is not None:
        facts["owner"] = file.owner
    return {**facts, "size": file.size, "sha256": file.sha256.hex()}
