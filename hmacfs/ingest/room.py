"""A disk that is full, as uploads are told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import Logger

from hmacfs.base.errors import NoSpace
from hmacfs.blobs.interfaces import StorageFull
from hmacfs.stores.interfaces import StoreFull

_log = Logger()


@contextmanager
def full_is_no_space() -> Iterator[None]:
    """
    Turn a full storage or store into the refusal that it is.

    :raises NoSpace: if it is full.
    """
    try:
        yield
    except (StorageFull, StoreFull) as error:
        # The client need not know which disk it is, the administrator must.
        _log.error("an upload finds no room: {reason}", reason=str(error))
        raise NoSpace("the server has no room for this file") from None
