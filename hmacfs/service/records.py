"""What the settings say of the records of the audit log; and those of commands."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from attrs import frozen

from hmacfs.base.events import Events, administering
from hmacfs.base.origin import acting_for
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.observe.audit import Audit
from hmacfs.observe.backups import Backups, tidying
from hmacfs.observe.chain_file import ChainFile
from hmacfs.observe.rotation import Rotation

MEGABYTE: Final = 1024 * 1024
DAY: Final = 24 * 60 * 60.0


@frozen
class CommandOrigin:
    """A command that somebody gave on this machine."""

    user: str

    def who(self) -> Mapping[str, str]:
        """Tell whose account that was."""
        return {"user": self.user}

    def what(self) -> Mapping[str, str]:
        """Tell nothing: the command tells for itself."""
        return {}


@contextmanager
def recording(
    settings: Settings, action: str, subject: str, warn: Callable[[str], object]
) -> Iterator[Events]:
    """
    Record what a command does, beside a server or in its place.

    What is told to the events within is recorded, and how the command ended.

    :param action: the name of the command.
    :param subject: what it is about; empty for everything.
    :param warn: is told in a sentence what is wrong with the log, which keeps no command from its
        work.
    """
    events = Events()
    if not settings[options.AUDIT_ENABLED] or settings[options.AUDIT_OUTPUT] != "file":
        # The standard output of a command is for what it prints.
        yield events
        return
    file = chain_file(settings, warn, lambda _: None, rotates=False)
    Audit(events, file.write, wanted(settings), time.time)
    with closing(file), acting_for(CommandOrigin(user())), administering(events, action, subject):
        yield events


def user() -> str:
    """Tell whose account a command is given by."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def wanted(settings: Settings) -> frozenset[str]:
    """Tell which events are recorded."""
    events: tuple[str, ...] = settings[options.AUDIT_EVENTS]
    return frozenset(events)


def chain_file(
    settings: Settings,
    complain: Callable[[str], object],
    on_lost: Callable[[int], object],
    *,
    rotates: bool,
) -> ChainFile:
    """
    Make the file that records are chained in.

    :param complain: is told in a sentence what is wrong with it.
    :param on_lost: is told how many records were lost.
    :param rotates: whether it is put aside when it is full, and old ones tidied away.
    """
    age = settings[options.AUDIT_MAX_AGE] * DAY
    path = settings[options.AUDIT_PATH].absolute()
    backups = Backups(path, sys.maxsize, age, compress=True)
    rotation = Rotation(
        backups,
        settings[options.AUDIT_MAX_SIZE] * MEGABYTE if rotates else 0,
        tidying(backups, "audit-tidy") if rotates else lambda: None,
        time.monotonic,
        time.time,
    )
    return ChainFile(
        rotation,
        text=settings[options.AUDIT_FORMAT] == "text",
        complain=complain,
        on_lost=on_lost,
    )
