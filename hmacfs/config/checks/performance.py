"""Checks of what makes the server slow, or stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hmacfs.base.units import render_duration, render_size
from hmacfs.config import options
from hmacfs.config.checks.findings import Sighting, Subject, Weight

MB: Final = 1024**2
_OWN_FILES: Final = 100
"""Files that the server has open beside its connections."""


def few_workers(subject: Subject) -> Iterator[Sighting]:
    """Compare the number of threads with that of the processors."""
    option = options.WORKERS_NUMWORKERS
    workers, cores = subject.settings[option], subject.machine.cores
    if workers < min(cores, 4):
        message = f"{workers} threads write files, and there are {cores} processors"
        yield Weight.ADVICE, message, f"set numworkers to {max(4, cores)}", option
    elif workers > 16 * cores:
        message = f"{workers} threads share {cores} processors"
        yield Weight.ADVICE, message, f"set numworkers to {4 * cores} or less", option


def little_space(subject: Subject) -> Iterator[Sighting]:
    """Compare the free space with what has to stay free."""
    settings = subject.settings
    path = settings[options.SERVER_STORAGE_PATH]
    seen = subject.machine.look(path) or subject.machine.look(path.absolute().parent)
    if seen is None:
        return
    wanted, largest = (
        settings[options.SERVER_MIN_FREE_BYTES],
        settings[options.SERVER_MAX_UPLOAD_SIZE],
    )
    free = render_size(seen.free // MB * MB)
    if seen.free < wanted:
        message = f"{free} are free, and {render_size(wanted)} have to stay so: no upload fits"
        yield Weight.PROBLEM, message, "make room", options.SERVER_MIN_FREE_BYTES
    elif seen.free - wanted < largest:
        message = f"{free} are free, which is not enough for the largest upload"
        hint = f"make room, or allow less than {render_size(largest)}"
        yield Weight.ADVICE, message, hint, options.SERVER_MAX_UPLOAD_SIZE


def far_deduplication(subject: Subject) -> Iterator[Sighting]:
    """Find shared bytes on another disk, where nothing can be shared."""
    option = options.DEDUPLICATION_DIRECTORY
    directory = subject.settings[option]
    if directory is None:
        return
    there = subject.machine.look(directory)
    here = subject.machine.look(subject.settings[options.SERVER_STORAGE_PATH])
    if there is not None and here is not None and there.device != here.device:
        message = f"{directory} is on another disk than the files"
        yield Weight.PROBLEM, message, "leave it out, or move it", option


def odd_chunks(subject: Subject) -> Iterator[Sighting]:
    """Find chunks that cost too many requests, or too much when one is lost."""
    option = options.UPLOADS_CHUNK_SIZE
    size = subject.settings[option]
    if size < 256 * 1024:
        message = f"chunks of {render_size(size)} cost a request each"
        yield Weight.ADVICE, message, "set chunk_size to 1MB or more", option
    elif size > 128 * MB:
        message = f"a lost connection costs up to {render_size(size)}"
        yield Weight.ADVICE, message, "set chunk_size to 32MB or less", option


def much_memory(subject: Subject) -> Iterator[Sighting]:
    """Compare what uploads may hold in memory with what there is."""
    settings = subject.settings
    uploads = settings[options.WORKERS_NUMWORKERS] + settings[options.WORKERS_UPLOADQUEUESIZE]
    needed = uploads * settings[options.UPLOADS_BUFFER_SIZE]
    if needed > subject.machine.memory // 2:
        message = f"{uploads} uploads may hold {render_size(needed)} in memory"
        hint = "lower buffer_size or uploadqueuesize"
        yield Weight.ADVICE, message, hint, options.UPLOADS_BUFFER_SIZE


def few_open_files(subject: Subject) -> Iterator[Sighting]:
    """Compare the number of connections with that of files a process may open."""
    option = options.SERVER_MAX_CONNECTIONS
    # Each connection may have a file open beside its socket.
    needed = 2 * subject.settings[option] + _OWN_FILES
    if needed > subject.machine.open_files:
        message = (
            f"{subject.settings[option]} connections need up to {needed} open files, and "
            f"{subject.machine.open_files} are allowed"
        )
        yield Weight.ADVICE, message, "raise LimitNOFILE or lower max_connections", option


def long_timeouts(subject: Subject) -> Iterator[Sighting]:
    """Find times that leave dead connections open, or cut slow ones off."""
    for option, short, long in (
        (options.TIMEOUTS_READTIMEOUT, 10, 900),
        (options.TIMEOUTS_WRITETIMEOUT, 10, 900),
        (options.TIMEOUTS_IDLETIMEOUT, 5, 600),
    ):
        seconds = subject.settings[option]
        if seconds > long:
            message = f"a dead connection stays open for {render_duration(seconds)}"
            yield Weight.ADVICE, message, f"set {option.name} to {long}s or less", option
        elif seconds < short:
            message = f"a phone between two cells is cut off after {render_duration(seconds)}"
            yield Weight.ADVICE, message, f"set {option.name} to {short}s or more", option


def loud_log(subject: Subject) -> Iterator[Sighting]:
    """Find a log that tells everything."""
    if subject.settings[options.LOGGING_LEVEL] == "debug":
        message = 'the level "debug" writes several lines for each request'
        yield Weight.ADVICE, message, 'set level to "info"', options.LOGGING_LEVEL
