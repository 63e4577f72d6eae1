"""What became of one upload, told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionClosed

from hmacfs.base.errors import ClientGone, NoSpace, Refusal
from hmacfs.base.events import ABORTED, UNFORESEEN, Events, UploadFailed, UploadStored
from hmacfs.base.values import StoredFile
from hmacfs.blobs.interfaces import StorageFull
from hmacfs.stores.interfaces import StoreFull


def code_of(error: BaseException) -> str:
    """Tell the code under which a failure is counted."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, StorageFull | StoreFull):
        return NoSpace.code
    if isinstance(error, CancelledError | ClientGone | ConnectionClosed):
        return ABORTED
    return UNFORESEEN


class Account:
    """
    Follows one upload from its grant; a context manager around it.

    :param seconds: a clock that never goes back.
    """

    def __init__(self, events: Events, seconds: Callable[[], float]) -> None:
        self._events = events
        self._seconds = seconds
        self._began = seconds()
        self._is_settling = False

    def __enter__(self) -> Account:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None and not self._is_settling:
            self._events.tell(UploadFailed(code_of(error)))

    def stored(self, file: StoredFile, *, created: bool) -> None:
        """Tell that the upload has succeeded."""
        self._events.tell(UploadStored(file, created, self._seconds() - self._began))

    @contextmanager
    def settling(self) -> Iterator[None]:
        """
        Surround the commit: from now on it decides what became of the upload.

        The client may go meanwhile, and whoever waited; the file is stored all the same.
        """
        self._is_settling = True
        try:
            yield
        except BaseException as error:
            self._events.tell(UploadFailed(code_of(error)))
            raise
