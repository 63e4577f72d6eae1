"""
What a command asks of the server that runs on the same storage: to forget an uploader.

``<storage_path>/.hmacfs/forget/`` holds a file for each that is to be forgotten, which the
server does again after a crash until it is done, and a file with what was done, for the
command that waits for it.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from hmacfs.base.values import StoredFile
from hmacfs.blobs import lock
from hmacfs.config.settings import Settings
from hmacfs.service import replace
from hmacfs.service.stores import internal_path

KEPT: Final = 3600.0
"""Seconds for which an answer waits for the command; it tells names of files."""

_REQUEST: Final = ".request"
_ANSWER: Final = ".answer"


@frozen
class Forgotten:
    """
    What was removed, or would be.

    :ivar files: with older versions.
    :ivar uploads: how many unfinished uploads, and remembered ones.
    :ivar quarantined: how many infected contents.
    """

    files: list[StoredFile] = field(factory=list)
    uploads: int = 0
    quarantined: int = 0


@frozen
class Request:
    """
    Who is to be forgotten.

    :ivar user: the account that the command was given by.
    """

    owner: str
    user: str


@frozen
class Requests:
    """
    The directory of requests.  Its methods block.

    :param directory: made when it is needed.
    """

    directory: Path

    def ask(self, request: Request) -> None:
        """Ask; the same again is one request."""
        self.directory.mkdir(0o700, exist_ok=True)
        above = self.directory.parent.stat()
        # The server has to read what root has written for it.
        with suppress(PermissionError):
            os.chown(self.directory, above.st_uid, above.st_gid)
        self.take_answer(request.owner)
        facts = {"owner": request.owner, "user": request.user}
        replace.exchange(self._path(request.owner, _REQUEST), json.dumps(facts))

    def pending(self) -> list[Request]:
        """Tell what is asked, and drop answers that nobody waits for."""
        found = []
        try:
            entries = list(self.directory.iterdir())
        except FileNotFoundError:
            return []
        for path in entries:
            with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
                if path.suffix == _REQUEST:
                    facts = json.loads(path.read_bytes())
                    found.append(Request(str(facts["owner"]), str(facts["user"])))
                elif path.stat().st_mtime < time.time() - KEPT:
                    path.unlink()
        return found

    def answer(self, owner: str, document: dict[str, Any]) -> None:
        """Tell what was done, after which nothing is asked any more."""
        replace.exchange(self._path(owner, _ANSWER), json.dumps(document))
        self._path(owner, _REQUEST).unlink(missing_ok=True)

    def take_answer(self, owner: str) -> Any:
        """Tell what was done, once, or ``None``."""
        path = self._path(owner, _ANSWER)
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        path.unlink()
        return document

    def _path(self, owner: str, ending: str) -> Path:
        return self.directory / f"{sha256(owner.encode()).hexdigest()}{ending}"


def requests_of(settings: Settings) -> Requests:
    """Tell where requests to the server of these settings are."""
    return Requests(internal_path(settings) / "forget")


def is_running(settings: Settings) -> bool:
    """Tell whether a server has the storage; blocks."""
    return lock.is_held(internal_path(settings))


def document(forgotten: Forgotten) -> dict[str, Any]:
    """Tell what was removed as JSON has it."""
    return {
        "removed": [
            {"name": str(file.name), "size": file.size, "version": file.name.is_version}
            for file in forgotten.files
        ],
        "uploads": forgotten.uploads,
        "quarantined": forgotten.quarantined,
    }
