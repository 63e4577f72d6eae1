"""
What happens in the server, told to whoever listens: metrics, a record, progress.

An event is a value.  Whoever tells one knows nothing of those that listen, and
nothing that they do can disturb it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from attrs import field, frozen, validators

from hmacfs.base.names import StoredName
from hmacfs.base.network_events import (
    ConnectionsGivenUp,
    ConnectionsMeasured,
    InterfacePreferred,
    NetworkChanged,
)
from hmacfs.base.origin import Origin
from hmacfs.base.values import StoredFile

ABORTED: Final = "aborted"
"""The code of what failed because the client went away."""

UNFORESEEN: Final = "error"
"""The code of what failed for a reason that is no refusal."""


@frozen
class UploadStored:
    """
    An upload has succeeded.

    :ivar created: false if these bytes were stored under this name before.
    :ivar seconds: how long it took, from its grant to the end of its commit.
    """

    file: StoredFile
    created: bool
    seconds: float


@frozen
class UploadFailed:
    """
    An upload has not succeeded.

    :ivar code: that of the refusal, :data:`ABORTED` or :data:`UNFORESEEN`.
    """

    code: str


@frozen
class UploadsChanged:
    """
    An upload has begun or ended.

    :ivar count: how many are under way now.
    :ivar waiting: how many of these are more than there are threads.
    """

    count: int
    waiting: int


@frozen
class ThreadsChanged:
    """There may be ``count`` threads now that read and write files."""

    count: int


@frozen
class ThumbnailEnded:
    """
    A small picture was to be made.

    :ivar code: ``made``; else why there is none: ``unreadable``, ``killed``,
        ``slow`` or ``failed``.
    """

    code: str


@frozen
class FileRemoved:
    """
    A stored file is there no more.

    :ivar reason: why: ``deleted``, ``taken-down``, ``expired``, ``age``, ``size``, ``quota`` or
        ``infected``; of an older version also ``superseded``, or that of its file.
    """

    file: StoredFile
    reason: str


@frozen
class ScanEnded:
    """
    A file was scanned, or could not be.

    :ivar outcome: ``clean``, ``infected``, ``failed``, ``postponed`` or ``oversize``.
    :ivar seconds: how long it took.
    """

    outcome: str
    seconds: float


@frozen
class InfectionFound:
    """
    A file is infected.

    :ivar owner: who uploaded it, where known.
    :ivar sha256: the digest of its bytes, 32 bytes.
    :ivar signature: what the scanner calls it.
    :ivar fate: what became of its bytes: ``quarantined`` or ``dropped``.
    """

    name: StoredName
    owner: str | None
    size: int
    sha256: bytes
    signature: str
    fate: str


@frozen
class FileShared:
    """A file has no bytes of its own any more but those of an equal one; ``size`` in bytes."""

    size: int = field(validator=validators.ge(0))


@frozen
class DownloadSent:
    """
    A file, or the part of it that was asked for, was handed to the network.

    :ivar size: bytes that were.
    :ivar seconds: how long it took.
    :ivar complete: false if the client went away before the last byte.
    :ivar name: that of the file.
    """

    size: int = field(validator=validators.ge(0))
    seconds: float
    complete: bool
    name: StoredName


@frozen
class DownloadFailed:
    """
    A file was asked for and could not be sent.

    :ivar code: that of the refusal, or :data:`UNFORESEEN`.
    """

    code: str


@frozen
class RequestEnded:
    """
    A request was answered, or its client went away.

    :ivar method: as the client wrote it.
    :ivar route: the pattern of the URL, such as ``/{path}``; empty if there was none.
    :ivar status: that of the answer, or 499 if there was none.
    :ivar seconds: from the end of its headers to the end of its answer.
    """

    method: str
    route: str
    status: int
    seconds: float


@frozen
class DeviceSeen:
    """A request came from such a device: ``mobile`` or ``other``, as far as it tells."""

    device: str


@frozen
class RequestsChanged:
    """A request has begun or ended; ``count`` are under way now."""

    count: int


@frozen
class ConnectionsChanged:
    """A connection was made or lost; ``count`` are open now."""

    count: int


@frozen
class SessionsCounted:
    """Upload sessions have begun, moved or ended; so many are known by their state."""

    counts: Mapping[str, int]


@frozen
class UploadResumed:
    """An upload was taken up again, of which some bytes were here."""


@frozen
class UploadTakenOver:
    """A request has ended an older one that sent bytes of the same upload."""


@frozen
class StoreCallFailed:
    """
    A store of the shared state could not do what it was asked.

    :ivar store: ``redis`` or ``fallback``.
    :ivar kind: ``refused``, ``full`` or ``failed``.
    """

    store: str
    kind: str


@frozen
class StoreSwitched:
    """A store of the shared state has begun to answer, or has ceased to."""

    store: str
    active: bool


@frozen
class RequestRefused:
    """
    A request was answered with a refusal.

    :ivar origin: whose it was, and what it asked for.
    :ivar code: that of the refusal.
    """

    origin: Origin
    code: str


@frozen
class CredentialAccepted:
    """A credential of this scheme is genuine, whatever is asked for with it."""

    scheme: str


@frozen
class Administered:
    """
    Somebody who runs the server, or the server itself, did something that all depends on.

    :ivar action: ``start``, ``stop``, ``reload``, or the name of a command.
    :ivar outcome: ``done`` or ``failed``.
    :ivar subject: what it was done to, if that is told.
    """

    action: str
    outcome: str = "done"
    subject: str = ""


@frozen
class RecordsLost:
    """So many records of the audit log could not be written."""

    count: int


@frozen
class UploadLimited:
    """
    An upload was refused because too many come.

    :ivar by: what was counted: ``ip`` or ``jid``.
    """

    by: str


@frozen
class ClientBanned:
    """
    A client is shut out from now on, because of what it did here.

    :ivar client: its address, or of IPv6 its network.
    :ivar seconds: for how long.
    :ivar reason: why, in a few words.
    """

    client: str
    seconds: float
    reason: str


Event = (
    UploadStored
    | UploadFailed
    | UploadsChanged
    | ThreadsChanged
    | ThumbnailEnded
    | FileRemoved
    | ScanEnded
    | InfectionFound
    | FileShared
    | DownloadSent
    | DownloadFailed
    | RequestEnded
    | DeviceSeen
    | RequestsChanged
    | ConnectionsChanged
    | SessionsCounted
    | UploadResumed
    | UploadTakenOver
    | StoreCallFailed
    | StoreSwitched
    | NetworkChanged
    | ConnectionsGivenUp
    | ConnectionsMeasured
    | InterfacePreferred
    | RequestRefused
    | CredentialAccepted
    | Administered
    | RecordsLost
    | UploadLimited
    | ClientBanned
)

E = TypeVar("E", bound=Event)


class Events:
    """
    Passes events on, in the order of those that listen.

    :param complain: is called while the exception of a failed listener is handled.
    """

    def __init__(self, complain: Callable[[], object] = traceback.print_exc) -> None:
        self._complain = complain
        self._listeners: dict[type[Any], list[Callable[[Any], object]]] = {}

    def listen(self, kind: type[E], listener: Callable[[E], object]) -> None:
        """Call ``listener`` with each event of this kind from now on."""
        self._listeners.setdefault(kind, []).append(listener)

    def tell(self, event: Event) -> None:
        """Tell everybody who listens; a listener that fails keeps nobody else from hearing."""
        for listener in tuple(self._listeners.get(type(event), ())):
            try:
                listener(event)
            except Exception:
                self._complain()


@contextmanager
def administering(events: Events, action: str, subject: str = "") -> Iterator[None]:
    """
    Tell how something ends that is done within for somebody who runs the server.

    :param subject: what it is done to; empty for everything.
    """
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        events.tell(Administered(action, outcome, subject))
