"""The files of other servers, where these have put them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from hmacfs.base.errors import NameRefused
from hmacfs.base.names import StoredName
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.blobs.interfaces import Passed
from hmacfs.wire import lua_list, media_types

SLOTS: Final = "uploads.list"
"""Where Prosody's internal storage has the slots that mod_http_file_share gave out."""

_NOT_PLAIN: Final = re.compile(rb"[^0-9A-Za-z]")


@frozen
class Foreign:
    """
    A file of another server.

    :ivar directory: what its server keeps files in.
    :ivar place: where its bytes are below that, no symbolic link on the way.
    :ivar name: what it is to be called here, so that the end of its URL stays.
    :ivar uploaded_at: seconds since the epoch.
    :ivar owner: who uploaded it, where that is known.
    """

    directory: Path
    place: StoredName
    name: StoredName
    content_type: str
    uploaded_at: float
    owner: str | None = None


def of_prosody_filer(directory: Path) -> Iterator[Foreign | Passed]:
    """
    Look through what prosody-filer calls its ``storeDir``: files lie there as in their URLs.

    Blocks.

    :raises OSError: if it cannot be looked through.
    """
    os.scandir(directory).close()
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for file in sorted(files):
            whole = Path(folder, file)
            path = os.fsencode(whole.relative_to(directory))
            status = whole.lstat()
            if not stat.S_ISREG(status.st_mode):
                yield Passed(path, "it is no file")
                continue
            try:
                name = StoredName.parse(path)
            except NameRefused as refusal:
                yield Passed(path, refusal.detail)
                continue
            yield Foreign(directory, name, name, media_types.guess(name.leaf), status.st_mtime)


def of_file_share(directory: Path) -> Iterator[Foreign | Passed]:
    """
    Look through what Prosody keeps of a component with mod_http_file_share.

    It is called as the host of the component, with its dots as ``%2e``, below
    Prosody's ``data_path``.  Slots that were never used are left out.  Blocks.

    :raises OSError: if there is no such thing.
    :raises lua_list.MalformedList: if the list of slots cannot be read.
    """
    files = directory / "http_file_share"
    for item in lua_list.items((directory / SLOTS).read_bytes()):
        slot, told = item.get(b"key"), item.get(b"attr")
        if not isinstance(slot, bytes) or not isinstance(told, dict):
            continue
        facts = {key: fact for key, fact in told.items() if isinstance(fact, bytes)}
        path = slot + b"/" + facts.get(b"filename", b"")
        try:
            name = StoredName.parse(path)
            place = StoredName.parse(_encoded(slot) + b".bin")
            status = (files / str(place)).lstat()
        except NameRefused as refusal:
            yield Passed(path, refusal.detail)
            continue
        except FileNotFoundError:
            continue
        if facts.get(b"size") != b"%d" % status.st_size or not stat.S_ISREG(status.st_mode):
            yield Passed(path, "it is not whole")
            continue
        kind = facts.get(b"content-type", DEFAULT_CONTENT_TYPE.encode())
        when, owner = item.get(b"when"), item.get(b"with")
        yield Foreign(
            files,
            place,
            name,
            kind.decode(errors="replace"),
            when if isinstance(when, float) else status.st_mtime,
            owner.decode(errors="replace") if isinstance(owner, bytes) else None,
        )


def _encoded(slot: bytes) -> bytes:
    return _NOT_PLAIN.sub(lambda match: b"%%%02x" % match[0][0], slot)
