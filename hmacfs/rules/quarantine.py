"""Where infected bytes are kept for who runs the server to look at."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from hmacfs.base.names import StoredName
from hmacfs.rules.scannable import Scannable

READ_SIZE: Final = 1024 * 1024
"""Bytes to copy at once."""

_FACTS: Final = ".json"
_PRIVATE: Final = 0o700
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Case:
    """
    What is known of infected bytes.

    :ivar sha256: their digest, 32 bytes.
    :ivar signature: what the scanner calls it.
    :ivar found_at: seconds since the epoch.
    """

    name: StoredName
    owner: str | None
    size: int
    sha256: bytes
    signature: str
    found_at: float

    def document(self) -> bytes:
        """Write it as JSON."""
        facts = {
            "name": str(self.name),
            "owner": self.owner,
            "size": self.size,
            "sha256": self.sha256.hex(),
            "signature": self.signature,
            "found_at": self.found_at,
        }
        return json.dumps(facts).encode() + b"\n"


@frozen
class Quarantine:
    """
    A directory whose files nobody but the server may read, with each content once.

    A file there has its SHA-256 as its name, and its facts beside it.
    """

    directory: Path

    async def keep(self, subject: Scannable, case: Case) -> None:
        """
        Copy the bytes there.

        :raises OSError: if that cannot be done.
        """
        await subject.lane.run(self._keep, subject, case)

    def _keep(self, subject: Scannable, case: Case) -> None:
        self.directory.mkdir(_PRIVATE, parents=True, exist_ok=True)
        path = self.directory / case.sha256.hex()
        with _replaced(path.with_suffix(_FACTS)) as facts:
            facts.write(case.document())
        with _replaced(path) as copy:
            offset = 0
            while data := subject.read_at(offset, READ_SIZE):
                copy.write(data)
                offset += len(data)


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    # The directory may be one that others can look into: the file is not.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    with os.fdopen(os.open(partial, _NEW, 0o600), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def discard(directory: Path, sha256: bytes) -> bool:
    """Remove the bytes of this digest from a quarantine, and tell whether they were there."""
    path = directory / sha256.hex()
    path.with_suffix(_FACTS).unlink(missing_ok=True)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def of_owner(directory: Path, owner: str) -> list[bytes]:
    """Tell the digests of what a quarantine has of an uploader; of equal bytes the last counts."""
    found = []
    for path in sorted(directory.glob(f"*{_FACTS}")):
        try:
            facts = json.loads(path.read_bytes())
            digest = bytes.fromhex(path.stem)
        except ValueError:
            continue
        if isinstance(facts, dict) and facts.get("owner") == owner:
            found.append(digest)
    return found


def clear(directory: Path | None, owner: str, *, dry_run: bool = False) -> int:
    """
    Remove what a quarantine has of an uploader, if there is one; tell how much it was.

    :param dry_run: whether only to tell.
    """
    if directory is None or not directory.is_dir():
        return 0
    digests = of_owner(directory, owner)
    for digest in () if dry_run else digests:
        discard(directory, digest)
    return len(digests)
