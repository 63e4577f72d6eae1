"""Operating systems in which calls go wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field

from hmacfs.blobs import handles, local, local_unfinished, replacing, tree

CALLS = frozenset(
    {
        "close",
        "dup",
        "fdatasync",
        "fstat",
        "fstatvfs",
        "fsync",
        "ftruncate",
        "getxattr",
        "link",
        "listdir",
        "mkdir",
        "open",
        "pread",
        "pwrite",
        "removexattr",
        "rename",
        "setxattr",
        "stat",
        "unlink",
        "write",
    }
)
"""The functions of ``os`` that ask something of a disk."""


class PowerLost(BaseException):
    """The process is gone; nothing catches this and goes on."""


class Patches(Protocol):
    """What a test case can do to modules."""

    def patch(self, obj: object, attribute: str, value: object) -> Any:
        """Replace an attribute until the test has ended."""


@define
class FaultyOs:
    """
    The module ``os``, of which some calls fail.

    :param fails: is told the name and the number of each call, from 0, and
        returns the error to raise, if any.
    :param ignores: calls that do nothing.
    :ivar calls: the names of those that there were.
    """

    fails: Callable[[str, int], BaseException | None]
    calls: list[str] = field(init=False, factory=list)
    ignores: frozenset[str] = field(default=frozenset())

    def install(self, test: Patches) -> None:
        """Let the files of a local file system be kept by this, until the test has ended."""
        for module in (handles, local, local_unfinished, replacing):
            test.patch(module, "os", self)
        test.patch(tree, "os", self)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name in self.ignores:
            return lambda *_: None
        if name not in CALLS:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            error = self.fails(name, len(self.calls))
            self.calls.append(name)
            if error is not None:
                if name == "close" and isinstance(error, OSError):
                    # Linux closes the descriptor also when it tells of an error.
                    real(*args, **kwargs)
                raise error
            return real(*args, **kwargs)

        return call


def broken_once(at: int) -> FaultyOs:
    """Make a system whose disk fails at one call, and at no other."""
    return FaultyOs(lambda _, number: OSError(errno.EIO, "broken") if number == at else None)


def lost_after(calls: int) -> FaultyOs:
    """Make a system in which the process ends after so many calls."""
    return FaultyOs(lambda _, number: PowerLost() if number >= calls else None)


def never_synced() -> FaultyOs:
    """Make a system that waits for no disk, for tests that lose no power but much time."""
    return FaultyOs(lambda *_: None, ignores=frozenset({"fsync"}))


def failing(function: str, code: int) -> FaultyOs:
    """Make a system in which one function always fails."""
    return FaultyOs(lambda name, _: OSError(code, "failing") if name == function else None)
