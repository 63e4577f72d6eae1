"""Making an older version of a file the present one again."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from hmacfs.base.errors import NameRefused, Unknown
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import OpenBlob, StagedBlob
from hmacfs.flow.pools import shielded
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.room import full_is_no_space

COPY_SIZE = 1024 * 1024
"""Bytes to copy at once."""


def version_name(name: StoredName, id: str) -> StoredName:
    """
    Tell the name of a version.

    :raises Unknown: if there can be none of this id.
    """
    try:
        return name.version(id)
    except NameRefused:
        raise Unknown("there is no such version") from None


@frozen
class Restoration:
    """
    Restores versions, as uploads are taken in.

    :param seen: is given the version, and raises if it may not be fetched any more.
    """

    intake: Intake
    seen: Callable[[StoredFile], object]

    async def restore(
        self, name: StoredName, id: str, check: Callable[[StoredFile], object]
    ) -> StoredFile:
        """
        Upload a version again, so that the present file becomes a version too.

        Once begun it is done, whether somebody waits for it or not.

        :param check: is given the present file, and raises if it may not be replaced.
        :raises Unknown: if there is no such file or version.
        :raises Gone: if it has expired.
        :raises NameTaken: if no versions are kept.
        :raises QuotaExceeded: if the owner may not have so much.
        :raises NoSpace: if the storage is full.
        """
        with full_is_no_space():
            return await shielded(Deferred.fromCoroutine(self._restore(name, id, check)))

    async def _restore(
        self, name: StoredName, id: str, check: Callable[[StoredFile], object]
    ) -> StoredFile:
        intake = self.intake
        with intake.pending:
            async with intake.turns.of(name):
                known = await intake.publication.known(name)
                if known is None:
                    raise Unknown("there is no such file")
                check(known)
                version = await intake.index.find(version_name(name, id))
                if not isinstance(version, StoredFile):
                    raise Unknown("there is no such version")
                # Or the file would be gone with it, and the other versions too.
                self.seen(version)
                if version.sha256 == known.sha256:
                    return known
                file = evolve(version, name=name, uploaded_at=intake.now())
                restored = await self._publish(known, version, file)
            # Only now: what is deleted for it has a turn of its own.
            await intake.quotas.settle(restored.owner, None, restored)
            return restored

    async def _publish(
        self, known: StoredFile, version: StoredFile, file: StoredFile
    ) -> StoredFile:
        intake = self.intake
        blob = await intake.blobs.open(version.name)
        if blob is None:
            raise Unknown("there is no such version")
        try:
            if blob.size != version.size:
                raise Unknown("there is no such version")
            with (
                await intake.quotas.reserve(file.owner, file.size) as share,
                await intake.space.reserve(file.size),
            ):
                staged = await intake.blobs.stage()
                try:
                    await _copy(blob, staged)
                    share.recording()
                    receipt = await intake.publication.replace(staged, known, file)
                    await intake.quotas.stored(receipt.file)
                    share.end()
                finally:
                    await intake.blobs.settle(staged)
        finally:
            await blob.lane.run(blob.close)
        return receipt.file


async def _copy(blob: OpenBlob, staged: StagedBlob) -> None:
    offset = 0
    while data := await blob.lane.run(blob.read_at, offset, COPY_SIZE):
        await staged.lane.run(staged.write, data)
        offset += len(data)
