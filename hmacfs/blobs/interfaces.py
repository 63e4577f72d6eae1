"""The seam between the server and whatever keeps the bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

from hmacfs.base.names import StoredName
from hmacfs.flow.pools import Lane


class StorageFull(Exception):
    """There is no room for more bytes."""


class StorageFailed(Exception):
    """The storage could not do what was asked; the message says why, for the log."""


class NameExists(Exception):
    """Something already has this name; nothing was changed."""


class StagedBlob(Protocol):
    """
    Bytes that are not visible yet.

    Writes and reads block and run on its lane.
    """

    @property
    def lane(self) -> Lane:
        """Orders all work on these bytes, so that none of it meets another."""

    def write(self, data: bytes | memoryview) -> None:
        """
        Append all of ``data``.

        :raises StorageFull: if there is no room.
        """

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` of the bytes written so far; none mean the end."""


class OpenBlob(Protocol):
    """
    Bytes that can be read.  All methods block and run on its lane.
    """

    @property
    def lane(self) -> Lane:
        """Orders all work on this file, so that it is not closed under a read."""

    @property
    def size(self) -> int:
        """The length in bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``offset``; no bytes mean the end."""

    def close(self) -> None:
        """Let go."""


@runtime_checkable
class InFile(Protocol):
    """Bytes that lie in a file of this machine, staged or published."""

    @property
    def lane(self) -> Lane:
        """Orders all work on the file."""

    @property
    def descriptor(self) -> int:
        """The file's descriptor, good while it is staged, or open."""


@runtime_checkable
class FileBlob(OpenBlob, Protocol):
    """Bytes that lie in a file of this machine, for those who can send one as it is."""

    @property
    def descriptor(self) -> int:
        """The file's descriptor, good while the lane has not run :meth:`close`."""


@frozen
class Leftover:
    """
    What a crash left of an upload.

    :ivar key: names it to :meth:`Blobs.forget`.
    :ivar intent: the facts given to :meth:`Blobs.publish`, if publishing may have happened.
    """

    key: str
    intent: bytes | None


@frozen
class Found:
    """
    A published file that was come across.

    :ivar size: its length in bytes.
    :ivar modified_at: when its bytes were last changed, in seconds since the epoch.
    :ivar intent: the facts given to :meth:`Blobs.publish`, while it is not settled.
    """

    name: StoredName
    size: int
    modified_at: float
    intent: bytes | None


@frozen
class Passed:
    """
    Something among the files that cannot be one of them.

    :ivar path: where it lies, which need not be text.
    :ivar reason: why it was passed over.
    """

    path: bytes
    reason: str


class Blobs(Protocol):
    """
    Keeps files by name.

    Publishing is atomic: a name has all the bytes or none, and an existing
    name is never overwritten.  Every method may raise :class:`StorageFailed`.
    """

    def stage(self) -> Awaitable[StagedBlob]:
        """Begin a file that nobody sees yet; raises :class:`StorageFull`."""

    def publish(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Awaitable[None]:
        """
        Give the staged bytes a name, durably.

        Until :meth:`settle`, a crash leaves a :class:`Leftover` with ``intent``.

        :raises NameExists: if the name, or a folder it needs, is something else.
        :raises StorageFull: if there is no room.
        """

    def replace(self, staged: StagedBlob, name: StoredName, intent: bytes) -> Awaitable[None]:
        """
        Give the staged bytes a name that a file has, durably, in the place of it.

        At every moment the name has all of the old bytes or all of the new.
        Until :meth:`settle`, a crash leaves a :class:`Leftover` with ``intent``
        if the name has the new bytes.

        :raises NameExists: if the name, or a folder it needs, is something else.
        :raises StorageFull: if there is no room.
        """

    def link(self, name: StoredName, other: StoredName) -> Awaitable[bool]:
        """
        Give a file a second name, durably; tell whether there is such a file.

        :raises NameExists: if something has that name.
        :raises StorageFull: if there is no room.
        """

    def rename(self, name: StoredName, other: StoredName) -> Awaitable[None]:
        """
        Give a file another name, durably, in the place of the file that has it.

        :raises NameExists: if the name is something else than a file.
        """

    def settle(self, staged: StagedBlob) -> Awaitable[None]:
        """Forget the stage, after its publishing is recorded or when it is not wanted."""

    def open(self, name: StoredName, whole: int = 0) -> Awaitable[OpenBlob | None]:
        """
        Open a published file, or ``None`` if there is none of this name.

        :param whole: bytes up to which a file is read at once, and keeps no descriptor.
        """

    def remove(self, name: StoredName) -> Awaitable[bool]:
        """
        Take the file away, durably; tell whether there was one.

        The folders that are empty then go too.
        """

    def deduplicate(self, name: StoredName, sha256: bytes) -> Awaitable[int]:
        """
        Let a file have its bytes together with equal ones, if that is wanted here.

        Whoever fetches it sees no difference, and it is whole at every moment.

        :param sha256: the digest of its bytes.
        :return: how many bytes of the storage are given back.
        """

    def walk(self) -> AsyncGenerator[Sequence[Found | Passed], None]:
        """
        Look through all files, some hundreds at a time, in no order.

        What is stored or removed meanwhile may be told or not.  To be closed
        by who does not take it to its end.
        """

    def leftovers(self) -> Awaitable[list[Leftover]]:
        """
        Look for what a crash left, and clear what was never published.

        Only for the time before the first :meth:`stage`.
        """

    def forget(self, leftover: Leftover) -> Awaitable[None]:
        """Clear a leftover whose publishing was recorded."""

    def free_bytes(self) -> Awaitable[int]:
        """
        Tell how many bytes can still be stored.

        :raises StorageFailed: if none can, whatever room there is.
        """


class UnfinishedBlob(Protocol):
    """
    Bytes that come in any order, over days if need be.  All methods block and run on its lane.
    """

    @property
    def lane(self) -> Lane:
        """Orders all work on these bytes."""

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        """
        Put all of ``data`` at ``offset``.

        :raises StorageFull: if there is no room.
        """

    def read_at(self, offset: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``offset``; what was never written reads as zeros."""

    def keep(self, facts: bytes) -> None:
        """
        Make what was written durable, and then these facts in the place of those before.

        :raises StorageFull: if there is no room.
        """

    def close(self) -> None:
        """Let go; the bytes and facts stay."""


class Unfinished(Protocol):
    """
    Keeps bytes that are not a file yet, each with facts that it does not look into.

    What was kept outlives the process and the machine's power; bytes written
    since may be lost or not.  A key is made of letters, digits, ``-`` and ``_``.
    Every method may raise :class:`StorageFailed`.
    """

    def begin(self, key: str, facts: bytes) -> Awaitable[UnfinishedBlob]:
        """
        Begin, with facts and no bytes, durably.

        :raises NameExists: if the key is in use.
        :raises StorageFull: if there is no room.
        """

    def open(self, key: str) -> Awaitable[UnfinishedBlob | None]:
        """Open the bytes, or ``None`` if there are none of this key."""

    def find(self, key: str) -> Awaitable[bytes | None]:
        """Tell the facts that were kept last, or ``None``."""

    def conclude(self, key: str, facts: bytes) -> Awaitable[None]:
        """Keep only facts from now on, durably: the bytes go."""

    def forget(self, key: str) -> Awaitable[None]:
        """Let bytes and facts go, if there are any."""

    def keys(self) -> Awaitable[Sequence[str]]:
        """Tell all keys, in no order."""

    def hand_over(self, blob: UnfinishedBlob, length: int) -> Awaitable[StagedBlob]:
        """
        Give the bytes to :class:`Blobs` as a staged file, without copying them.

        What was written behind ``length``, and did not count, is cut off.
        ``blob`` must not be written to any more.  It keeps its bytes until it is
        concluded, so that a publication that fails can be tried again.
        """
