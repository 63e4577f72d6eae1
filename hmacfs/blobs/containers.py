"""Writing and reading ISO 9660 containers.  All functions block."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from hmacfs.base.names import StoredName
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.tree import storage_errors

LARGEST_FILE: Final = 4 * 1024**3 - 2048
"""Bytes of the largest file that is in one piece in a container (ECMA-119, 9.1.4)."""

READ_SIZE: Final = 1024 * 1024
PATIENCE: Final = 24 * 3600
"""Seconds that the writing of a container may take."""


@frozen
class Extent:
    """A piece of a container that is a file."""

    start: int
    size: int


def write(root: Path, names: Sequence[StoredName], target: Path, charset: str) -> None:
    """
    Write files of a directory into a container, under their names; durable when this returns.

    :param charset: of the names in the container.
    :raises StorageFailed: if that cannot be done; there is no container then.
    """
    program = shutil.which("xorriso") or shutil.which("genisoimage")
    if program is None:
        raise StorageFailed("there is neither xorriso nor genisoimage: install one of them")
    mode = ["-as", "mkisofs"] if Path(program).name == "xorriso" else []
    with tempfile.TemporaryDirectory(prefix="hmacfs-iso-") as directory:
        listed = Path(directory) / "list"
        listed.write_text(
            "".join(f"{_graft(str(name))}={_graft(str(root / str(name)))}\n" for name in names),
            encoding="utf-8",
        )
        command = [
            *(program, *mode, "-quiet", "-R", "-J", "-joliet-long", "-iso-level", "3"),
            *("-input-charset", "utf-8", "-output-charset", charset, "-V", "HMACFS"),
            *("-o", str(target), "-graft-points", "-path-list", str(listed)),
        ]
        done = subprocess.run(  # noqa: S603 - a program of the system, and paths of ours
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        last = done.stderr.strip().rpartition("\n")[2]
        raise StorageFailed(f"{program} failed with exit code {done.returncode}: {last}")
    with storage_errors(f"write {target}"):
        target.chmod(0o640)
        for path in (target, target.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def find(container: Path) -> Mapping[bytes, Extent]:
    """
    Read all files of a container, and tell where each lies, by the SHA-256 of its bytes.

    :raises StorageFailed: if it is no container that can be read.
    """
    # Only who packs or verifies needs it.
    import pycdlib  # noqa: PLC0415
    from pycdlib.pycdlibexception import PyCdlibException  # noqa: PLC0415

    found = {}
    iso: Any = pycdlib.PyCdlib()
    try:
        iso.open(str(container))
        try:
            block = iso.pvd.logical_block_size()
            with container.open("rb") as file:
                for extent in _extents(iso, block):
                    found[digest(file.fileno(), extent)] = extent
        finally:
            iso.close()
    except (PyCdlibException, OSError) as error:
        raise StorageFailed(f"cannot read the container {container}: {error}") from error
    return found


def _extents(iso: Any, block: int) -> Iterator[Extent]:
    # By the names of ISO 9660, which are ASCII: those of people may be in any character set.
    for folder, _, leaves in iso.walk(iso_path="/"):
        for leaf in leaves:
            record = iso.get_record(iso_path=f"{folder.rstrip('/')}/{leaf}")
            yield Extent(record.extent_location() * block, record.get_data_length())


def digest(container: int, extent: Extent) -> bytes:
    """Tell the SHA-256 of a piece of a container."""
    digested = hashlib.sha256()
    place, end = extent.start, extent.start + extent.size
    while place < end:
        data = os.pread(container, min(READ_SIZE, end - place), place)
        if not data:
            break
        digested.update(data)
        place += len(data)
    return digested.digest()


def _graft(path: str) -> str:
    # So that no character of a path is taken for what stands between two of them.
    return path.replace("\\", "\\\\").replace("=", "\\=")
