"""Bodies that are read whole, into memory."""

from __future__ import annotations

from hmacfs.base.errors import TooLarge
from hmacfs.flow.incoming import Chunks, Incoming


async def read(body: Incoming, length: int | None, limit: int) -> bytes:
    """
    Read a body of a few bytes.

    :param length: of the body, if it is announced.
    :param limit: the most bytes to read.
    :raises TooLarge: if there are more; before any is asked for where it is announced.
    """
    too_large = TooLarge(f"at most {limit} bytes are taken here", limit=limit)
    if length is not None and length > limit:
        raise too_large
    chunks = Chunks(body)
    read = bytearray()
    while data := await chunks.next():
        read += data
        if len(read) > limit:
            chunks.stop()
            raise too_large
    return bytes(read)
