"""
The program that reads a container, run by its path: it imports nothing of ours.

Reading one takes a lot of memory and time, which a server that goes on serving
has not: so it is done in a process of its own.  It takes the path of a container
as its argument and writes a line of JSON for each file in it: where its bytes
lie, their SHA-256, and its path, of which each byte is a letter of Latin-1.
Exit code 3 means that this is no container that can be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

UNREADABLE = 3
READ_SIZE = 1024 * 1024


def main() -> int:
    """Tell of every file."""
    import pycdlib  # noqa: PLC0415 - it takes memory that only this process should need
    from pycdlib.pycdlibexception import PyCdlibException  # noqa: PLC0415

    iso: Any = pycdlib.PyCdlib()
    try:
        iso.open(sys.argv[1])
        try:
            with open(sys.argv[1], "rb") as container:
                for told in _files(iso, container.fileno()):
                    print(json.dumps(told))
        finally:
            iso.close()
    except (PyCdlibException, OSError, ValueError) as error:
        print(str(error)[:300], file=sys.stderr)
        return UNREADABLE
    return 0


def _files(iso: Any, container: int) -> Iterator[dict[str, object]]:
    block = iso.pvd.logical_block_size()
    # By the names of ISO 9660, which are ASCII: those of people may be in any character set.
    for folder, _, leaves in iso.walk(iso_path="/"):
        for leaf in leaves:
            record = iso.get_record(iso_path=f"{folder.rstrip('/')}/{leaf}")
            start, size = record.extent_location() * block, record.get_data_length()
            path = iso.full_path_from_dirrecord(record, rockridge=True, encoding="latin-1")
            digest = _digest(container, start, size).hex()
            yield {"path": path.lstrip("/"), "start": start, "size": size, "sha256": digest}


def _digest(container: int, start: int, size: int) -> bytes:
    digested = hashlib.sha256()
    place, end = start, start + size
    while place < end:
        data = os.pread(container, min(READ_SIZE, end - place), place)
        if not data:
            break
        digested.update(data)
        place += len(data)
    return digested.digest()


if __name__ == "__main__":
    sys.exit(main())
