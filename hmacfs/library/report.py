"""The report of deletions: a line of JSON for each, for those who have to account for them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import StorageFailed

FILE_MODE = 0o640


@frozen
class Deletion:
    """
    A file that was deleted.

    :ivar at: seconds since the epoch.
    :ivar reason: why: ``expired``, ``age`` or ``size``.
    """

    file: StoredFile
    at: float
    reason: str

    def line(self) -> str:
        """Write it as the report has it."""
        return json.dumps(
            {
                "time": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"),
                "path": str(self.file.name),
                "size": self.file.size,
                "age_seconds": round(self.at - self.file.uploaded_at, 3),
                "reason": self.reason,
            },
            ensure_ascii=False,
        )


def check(path: Path) -> None:
    """
    Make the report if there is none, and see whether it can be written; blocks.

    :raises StorageFailed: if not.
    """
    append(path, ())


def append(path: Path, deletions: Sequence[Deletion]) -> None:
    """
    Add lines to the report; blocks.

    :raises StorageFailed: if that cannot be done.
    """
    text = "".join(f"{deletion.line()}\n" for deletion in deletions).encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            view = memoryview(text)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageFailed(
            f"cannot write the report of deletions {path}: {error.strerror}"
        ) from error
