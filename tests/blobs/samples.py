"""What the tests do with stored files over and over."""

from __future__ import annotations

import shutil

from twisted.trial.unittest import SkipTest

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import Blobs, StagedBlob


def need_container_program() -> None:
    """Skip the test where nothing can write containers."""
    if not (shutil.which("xorriso") or shutil.which("genisoimage")):
        raise SkipTest("containers are written by xorriso or genisoimage")


def named(name: str) -> StoredName:
    """Make a name."""
    return StoredName.parse(name.encode())


async def staged(blobs: Blobs, content: bytes) -> StagedBlob:
    """Stage some bytes."""
    blob = await blobs.stage()
    await blob.lane.run(blob.write, content)
    return blob


async def published(
    blobs: Blobs, name: str, content: bytes, intent: bytes = b"facts"
) -> StagedBlob:
    """Publish some bytes, and do not settle them."""
    blob = await staged(blobs, content)
    await blobs.publish(blob, named(name), intent)
    return blob


async def store(blobs: Blobs, name: str, content: bytes) -> None:
    """Store a file."""
    await blobs.settle(await published(blobs, name, content))


async def content(blobs: Blobs, name: StoredName) -> bytes | None:
    """Return the bytes of a file, or ``None`` where there is none."""
    blob = await blobs.open(name)
    if blob is None:
        return None
    try:
        return await blob.lane.run(blob.read_at, 0, blob.size + 1)
    finally:
        await blob.lane.run(blob.close)
