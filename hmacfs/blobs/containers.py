"""Writing and reading ISO 9660 containers.  All functions block."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from hmacfs.base.names import INTERNAL_DIRECTORY, StoredName
from hmacfs.blobs import container_process
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.tree import storage_errors

LARGEST_FILE: Final = 4 * 1024**3 - 2048
"""Bytes of the largest file that is in one piece in a container (ECMA-119, 9.1.4)."""

MOST_FILES: Final = 10_000
"""Files of one container: what reads it needs some 13 KB of memory for each."""

LONGEST_SEGMENT: Final = 253
"""Bytes of the longest name in a folder that Linux shows whole (`get_rock_ridge_filename`)."""

SURE_SEGMENT: Final = 100
"""Bytes of the longest one that needs no continuation area (SUSP, 5.1), which xorriso before
1.5.6 does not always count right: of folders with hundreds of them it writes no container."""

BLOCK: Final = 2048
RESERVE: Final = 512 * 1024
"""Bytes of a container that has no files yet, and a little more."""

SUMS: Final = f"{INTERNAL_DIRECTORY}/SHA256SUMS"
"""The path in a container of what `sha256sum -c` can compare its files with."""

_UTF_8: Final = "utf-8"
_PAUSE: Final = 0.1
"""Seconds from one look whether a program has ended to the next."""


class Stopped(StorageFailed):
    """The work was given up, because nobody wants it any more."""


@frozen
class Entry:
    """
    A file in a container.

    :ivar start: where its bytes begin.
    :ivar path: of which each byte is a letter of Latin-1.
    """

    path: str
    start: int
    size: int
    sha256: bytes


@frozen
class Program:
    """A program that writes containers."""

    path: str

    @classmethod
    def found(cls) -> Program:
        """
        Tell which there is.

        :raises StorageFailed: if there is none.
        """
        path = shutil.which("xorriso") or shutil.which("genisoimage")
        if path is None:
            raise StorageFailed("there is neither xorriso nor genisoimage: install one of them")
        return cls(path)

    @property
    def is_xorriso(self) -> bool:
        """Whether it is the better one."""
        return Path(self.path).name == "xorriso"

    def takes(self, name: StoredName) -> bool:
        """Tell whether it can write a file of this name, for others to see under this name."""
        if longest_segment(name) > LONGEST_SEGMENT:
            return False
        # genisoimage takes the end of such a segment for a part of what follows.
        return self.is_xorriso or not any(segment.endswith("\\") for segment in name.segments)

    def command(self, charset: str) -> list[str]:
        """
        Tell how to call it.

        :raises StorageFailed: if it does not know the character set.
        """
        if not self.is_xorriso and charset.lower() != _UTF_8:
            raise StorageFailed(f"names in {charset} are written by xorriso only: install it")
        return [
            *(self.path, *(("-as", "mkisofs") if self.is_xorriso else ())),
            *("-quiet", "-D", "-R", "-J", "-joliet-long", "-iso-level", "3", "-V", "HMACFS"),
            *("-input-charset", _UTF_8, "-output-charset", charset.lower()),
        ]


class Rooms:
    """The room that files take in a container, at most, before there is one."""

    def __init__(self, size: int) -> None:
        self._left = size - RESERVE
        self._folders: set[tuple[str, ...]] = set()

    def take(self, name: StoredName, size: int) -> bool:
        """Take room for a file, and tell whether there was enough."""
        digests = 70 + 2 * len(str(name).encode())
        need = -(-size // BLOCK) * BLOCK + _record(name.leaf) + digests
        folders = {name.segments[:depth] for depth in range(1, len(name.segments))} - self._folders
        need += sum(2 * BLOCK + _record(folder[-1]) for folder in folders)
        if need > self._left:
            return False
        self._left -= need
        self._folders |= folders
        return True


def write(
    root: Path,
    files: Mapping[StoredName, bytes],
    target: Path,
    charset: str,
    goes_on: Callable[[], bool] = lambda: True,
    place: Callable[[StoredName], StoredName] = lambda name: name,
) -> None:
    """
    Write files of a directory into a container, under their names; durable when this returns.

    :param files: the names, and the SHA-256 of each.
    :param charset: of the names in the container.
    :param goes_on: is asked again and again.
    :param place: tells under what name a file lies in the directory.
    :raises StorageFailed: if that cannot be done; there is no container then.
    :raises Stopped: if it was not to go on; neither then.
    """
    command = Program.found().command(charset)
    with tempfile.TemporaryDirectory(prefix="hmacfs-iso-") as directory:
        sums, listed = Path(directory) / "sums", Path(directory) / "list"
        sums.write_text(
            "".join(_sum(str(name), digest) for name, digest in files.items()), encoding=_UTF_8
        )
        paths = {SUMS: sums} | {str(name): root / str(place(name)) for name in files}
        listed.write_text(
            "".join(f"{_graft(name)}={_graft(str(path))}\n" for name, path in paths.items()),
            encoding=_UTF_8,
        )
        command += ["-o", str(target), "-graft-points", "-path-list", str(listed)]
        try:
            code, _, complaint = _run(command, goes_on)
        except BaseException:
            _remove(target)
            raise
    if code != 0:
        _remove(target)
        raise StorageFailed(f"{command[0]} failed with exit code {code}: {_reason(complaint)}")
    with storage_errors(f"write {target}"):
        target.chmod(0o640)
        for path in (target, target.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def read(container: Path, goes_on: Callable[[], bool] = lambda: True) -> list[Entry]:
    """
    Read all of a container, and tell the files in it.

    :param goes_on: is asked again and again.
    :raises StorageFailed: if it is no container that can be read.
    :raises Stopped: if it was not to go on.
    """
    program = Path(container_process.__file__)
    command = [sys.executable, "-P", "-s", str(program), str(container.absolute())]
    code, told, complaint = _run(command, goes_on)
    if code != 0:
        raise StorageFailed(f"cannot read the container {container}: {_reason(complaint)}")
    entries = []
    for line in told.splitlines():
        facts = json.loads(line)
        facts["sha256"] = bytes.fromhex(facts["sha256"])
        entries.append(Entry(**facts))
    return entries


def names_in(container: Path, entries: Sequence[Entry]) -> dict[StoredName, bytes]:
    """
    Tell the names and digests of the files that were put into a container.

    :raises StorageFailed: if none of ours is known to have written it.
    """
    listed = next((entry for entry in entries if entry.path == SUMS), None)
    if listed is None:
        raise StorageFailed(f"{container} has no {SUMS}: it was not packed by this server")
    with storage_errors(f"read {container}"), container.open("rb") as file:
        file.seek(listed.start)
        lines = file.read(listed.size).decode(errors="replace").splitlines()
    return dict(_summed(line) for line in lines)


def longest_segment(name: StoredName) -> int:
    """Tell the bytes of the longest of the names between the slashes."""
    return max(len(segment.encode()) for segment in name.segments)


def _remove(target: Path) -> None:
    with suppress(OSError):
        target.unlink()


def _record(segment: str) -> int:
    # In the directories of ISO 9660 and of Joliet, and as Rock Ridge has it.
    return 1024 + 6 * len(segment.encode())


def _sum(name: str, digest: bytes) -> str:
    # As sha256sum writes it, which marks lines with escapes.
    escaped = name.replace("\\", "\\\\")
    mark = "\\" if "\\" in name else ""
    return f"{mark}{digest.hex()}  {escaped}\n"


def _summed(line: str) -> tuple[StoredName, bytes]:
    digest, _, name = line.partition("  ")
    if digest.startswith("\\"):
        digest, name = digest[1:], name.replace("\\\\", "\\")
    return StoredName.parse(name.encode()), bytes.fromhex(digest)


def _graft(path: str) -> str:
    # So that no character of a path is taken for what stands between two of them.
    return path.replace("\\", "\\\\").replace("=", "\\=")


def _run(command: Sequence[str], goes_on: Callable[[], bool]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(  # noqa: S603 - programs of the system and of ours, paths of ours
            ["nice", *command],  # noqa: S607 - as found by the daemon
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=complaints,
        ) as process:
            try:
                while process.poll() is None:
                    if not goes_on():
                        raise Stopped("it was given up")
                    time.sleep(_PAUSE)
            finally:
                process.kill()
        return process.returncode, _text(out), _text(complaints)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _reason(complaint: str) -> str:
    lines = complaint.strip().splitlines() or ["it does not say why"]
    return next((line for line in lines if "FAILURE" in line), lines[-1])[:300]
