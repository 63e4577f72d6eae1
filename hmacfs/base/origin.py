"""On whose behalf something is done: known where a request comes in, asked where it is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol


class Origin(Protocol):
    """A request, or a command, that makes things happen."""

    def who(self) -> Mapping[str, str]:
        """Tell who it is, by names such as ``client``; without any secret."""

    def what(self) -> Mapping[str, str]:
        """Tell what is asked for: of a request ``method`` and ``uri``; without any secret."""


_CURRENT: Final[ContextVar[Origin | None]] = ContextVar("origin", default=None)


def current() -> Origin | None:
    """Tell the origin of what is being done; ``None`` is the server itself."""
    return _CURRENT.get()


@contextmanager
def acting_for(origin: Origin) -> Iterator[None]:
    """Do what is within, and whatever coroutines begin there, on behalf of an origin."""
    token = _CURRENT.set(origin)
    try:
        yield
    finally:
        _CURRENT.reset(token)
