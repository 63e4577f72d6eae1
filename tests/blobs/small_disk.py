"""Small file systems in memory, for tests that fill one or forbid to write to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol

from twisted.trial.unittest import SkipTest

P = ParamSpec("P")


class Cleanups(Protocol):
    """What a test case does after a test."""

    def addCleanup(self, f: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call something after the test."""


def mount(test: Cleanups, options: str) -> Path:
    """
    Mount a tmpfs of its own until the test has ended.

    :raises SkipTest: where that is not allowed.
    """
    if os.geteuid() != 0:
        raise SkipTest("only root may mount the small file system that this test fills")
    # Not in trial's own directory, which could not be cleared if this process were killed.
    place = Path(tempfile.mkdtemp(prefix="hmacfs-test-"))
    test.addCleanup(lambda: shutil.rmtree(place))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        raise SkipTest(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    test.addCleanup(lambda: subprocess.run(["umount", "--lazy", place], check=True))
    return place


def forbid_writing(place: Path) -> None:
    """Make a mounted file system read-only; nothing on it may be open for writing."""
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
