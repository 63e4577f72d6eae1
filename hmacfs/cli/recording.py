"""What commands change, in the audit log."""

from __future__ import annotations

from contextlib import AbstractContextManager

from hmacfs.base.events import Events
from hmacfs.cli.surroundings import Surroundings
from hmacfs.config.settings import Settings
from hmacfs.service.records import recording


def recorded(
    settings: Settings, around: Surroundings, action: str, subject: str = ""
) -> AbstractContextManager[Events]:
    """
    Have the audit log tell of a command; it is done within, and tells the events what it does.

    :param subject: what it is about; empty for everything.
    """

    def warn(sentence: str) -> None:
        print(f"warning: {sentence}", file=around.stderr)

    return recording(settings, action, subject, warn)
