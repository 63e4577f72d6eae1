"""This machine, as checks ask about it."""

from __future__ import annotations

import os
import pathlib
import resource
import stat

from hmacfs.config.checks.findings import Seen


class ThisMachine:
    """What the operating system says."""

    @property
    def cores(self) -> int:
        """Tell how many processors this process may use."""
        return len(os.sched_getaffinity(0))

    @property
    def memory(self) -> int:
        """Tell the memory in bytes."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    @property
    def open_files(self) -> int:
        """Tell how many files this process may have open."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return 2**31 if soft == resource.RLIM_INFINITY else soft

    def look(self, path: pathlib.Path) -> Seen | None:
        """Tell about a path, or :obj:`None` when it is not there or closed to us."""
        try:
            status = path.stat()
            room = os.statvfs(path)
        except OSError:
            return None
        free = room.f_bavail * room.f_frsize
        return Seen(stat.S_IMODE(status.st_mode), status.st_gid, status.st_dev, free)
