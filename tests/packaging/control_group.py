"""Control groups for machines: two in one group would stop each other's services."""

from __future__ import annotations

import errno
import pathlib
import re
import shlex
import time
import uuid
from collections.abc import Sequence
from typing import Final

from twisted.trial.unittest import SkipTest

MOUNT: Final = re.compile(r"\S+ \S+ \S+ / (\S+) .* - cgroup(2?) \S+ (\S+)")
"""A hierarchy in ``/proc/self/mountinfo``: where it is, its version and its options."""

LEAVING: Final = 30.0
"""Seconds for which a process that has ended may still be in its group."""

PAUSE: Final = 0.05


class ControlGroup:
    """
    A group below this process's own, in the hierarchies in which systemd keeps its units.

    ``systemd-nspawn --keep-unit`` gives its machine the subgroup ``payload`` of the group that it
    was started in.
    """

    def __init__(self) -> None:
        name = f"hmacfs-{uuid.uuid4().hex}"
        self._places = [path / name for path in _own().values()]
        for place in self._places:
            try:
                place.mkdir()
            except OSError as error:
                raise SkipTest(f"no control groups can be made here: {error}") from error

    def holding(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs this one in the group."""
        enter = [f"echo $$ >{shlex.quote(f'{place}/cgroup.procs')}" for place in self._places]
        return ["sh", "-c", " && ".join((*enter, 'exec "$@"')), "sh", *command]

    def remove(self) -> None:
        """
        Remove the group, whose processes are gone or about to go.

        :raises OSError: when they stay.
        """
        deadline = time.monotonic() + LEAVING
        for place in self._places:
            for group in (*sorted(place.rglob("*/"), reverse=True), place):
                _remove(group, deadline)


def _remove(group: pathlib.Path, deadline: float) -> None:
    while True:
        try:
            group.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return


def _own() -> dict[str, pathlib.Path]:
    """Return this process's own group of each of the hierarchies, by the hierarchy's name."""
    lines = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    paths = {name: path for _, name, path in (line.split(":", 2) for line in lines)}
    own: dict[str, pathlib.Path] = {}
    for mount in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        if found := MOUNT.fullmatch(mount):
            where, version, options = found.groups()
            name = "" if version else "name=systemd"
            if version or name in options.split(","):
                own.setdefault(name, pathlib.Path(where, paths[name].lstrip("/")))
    return own
