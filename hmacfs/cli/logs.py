"""The log of the process: where it goes, what it looks like, and how much it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO, cast

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogBeginner,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
)
from zope.interface import implementer

from hmacfs.cli import log_lines
from hmacfs.cli.log_files import LogFile
from hmacfs.cli.log_lines import Line
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.observe.backups import Backups, tidying
from hmacfs.observe.line_thread import LineThread
from hmacfs.observe.rotation import Rotation

LEVELS: Final = {
    "debug": LogLevel.debug,
    "info": LogLevel.info,
    "warn": LogLevel.warn,
    "error": LogLevel.error,
}
"""Levels by their names in ``logging.level``."""

MEGABYTE: Final = 1024 * 1024
DAY: Final = 24 * 60 * 60.0


@implementer(ILogObserver)
class LineObserver:
    """Makes a line of each event, and hands it on."""

    def __init__(self, line: Line, write: Callable[[str], object]) -> None:
        self._line = line
        self._write = write

    def __call__(self, event: LogEvent) -> None:
        """Take an event."""
        line = self._line(event)
        if line:
            self._write(line)


class Log:
    """
    What can be changed of the log while it is written.

    :param level: lets through what is logged at its level or above.
    :param thread: writes the file, if there is one.
    """

    def __init__(self, level: LogLevelFilterPredicate, thread: LineThread[str] | None) -> None:
        self._level = level
        self._thread = thread

    def adopt(self, settings: Settings) -> None:
        """Take the level of a reload."""
        self._level.setLogLevelForNamespace("", LEVELS[settings[options.LOGGING_LEVEL]])

    def reopen(self) -> None:
        """Open the file anew, as those ask for who have moved it."""
        if self._thread is not None:
            self._thread.reopen()

    def close(self) -> None:
        """Write what waits to be written."""
        if self._thread is not None:
            self._thread.stop()

    def reloading(self, read: Callable[[], Settings]) -> Callable[[], Settings]:
        """Make of what reads the settings again one that lets the log take part."""

        def read_and_adopt() -> Settings:
            self.reopen()
            settings = read()
            self.adopt(settings)
            return settings

        return read_and_adopt


def begin(settings: Settings, stderr: TextIO, beginner: LogBeginner = globalLogBeginner) -> Log:
    """
    Send what is logged to the file of the settings, else to ``stderr``.

    What keeps the server from starting goes to ``stderr`` in any case, where
    whoever started it looks.
    """
    line = log_lines.json_line if settings[options.LOGGING_JSON] else log_lines.text_line
    level = LogLevelFilterPredicate(LEVELS[settings[options.LOGGING_LEVEL]])

    def say(text: str) -> None:
        # Nobody may be reading any more; that is no reason to stop.
        with suppress(OSError, ValueError):
            stderr.write(text)
            stderr.flush()

    thread = _thread(settings, line, say)
    observers = [_filtered(LineObserver(line, thread.put if thread else say), level)]
    if thread is not None:
        critical = LogLevelFilterPredicate(LogLevel.critical)
        observers.append(_filtered(LineObserver(line, say), critical))
        thread.start()
    beginner.beginLoggingTo(observers, redirectStandardIO=False)
    return Log(level, thread)


def _filtered(observer: ILogObserver, predicate: LogLevelFilterPredicate) -> ILogObserver:
    return cast(ILogObserver, FilteringLogObserver(observer, [predicate]))


def _thread(settings: Settings, line: Line, say: Callable[[str], object]) -> LineThread[str] | None:
    path = settings[options.LOGGING_FILE]
    if path is None:
        return None

    def notice(sentence: str) -> str:
        return log_lines.notice(line, sentence, __name__, time.time())

    backups = Backups(
        path.absolute(),
        settings[options.LOGGING_MAX_BACKUPS],
        settings[options.LOGGING_MAX_AGE] * DAY,
        settings[options.LOGGING_COMPRESS],
    )
    rotation = Rotation(
        backups,
        settings[options.LOGGING_MAX_SIZE] * MEGABYTE,
        tidying(backups, "log-tidy"),
        time.monotonic,
        time.time,
    )
    return LineThread(LogFile(rotation, say, notice))
