"""Runs trial with its arguments, stricter: what Python only warns of fails the test that caused it.

Trial hands the warnings of a test to the filters after it and counts one that is raised there as
the test's error. Those filters are set here: against deprecated use by our own modules, and against
coroutines that nobody awaits.

Tests work below ``/var/tmp``, in directories whose paths are short wherever the checkout is: the
path of a Unix socket has at most 107 bytes (unix(7)). Whoever starts them may have any environment
and umask: tests have the same ones always.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import sys
import tempfile
import warnings
from collections.abc import Mapping
from typing import Final

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir
from twisted.internet import unix
from twisted.scripts import trial
from twisted.trial.reporter import Reporter
from twisted.trial.unittest import SynchronousTestCase
from twisted.web import http_headers

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent
# Hypothesis keeps values of all types in one dictionary, where they collide, and Twisted names of
# header fields; it also asks whether a path of either type begins with a zero byte.
COMPARES_ON_PURPOSE: Final = (
    pathlib.Path(hypothesis.__file__).parent,
    pathlib.Path(unix.__file__).with_suffix(""),
    pathlib.Path(http_headers.__file__).with_suffix(""),
)
LONG_EXAMPLES: Final = 2000
# On a disk, which /tmp need not be.
WORKPLACES: Final = "/var/tmp"
THEIRS: Final = re.compile(r"HMAC_.*|GIT_.*|LISTEN_(PID|FDS|FDNAMES)|NOTIFY_SOCKET|WATCHDOG_.*")
"""Variables that are for a server, a service or a repository of whoever starts the tests."""

UMASK: Final = 0o022


def surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of tests that are started in this one."""
    kept = {name: value for name, value in environ.items() if not THEIRS.fullmatch(name)}
    direct = ("localhost", "127.0.0.1", "::1")
    return {
        "HOME": os.fspath(pathlib.Path.home()),
        **kept,
        "LC_ALL": "C.UTF-8",
        # Programs may not be run from every /tmp, nor is there room in each.
        "TMPDIR": WORKPLACES,
        "no_proxy": ",".join((*filter(None, [environ.get("no_proxy")]), *direct)),
    }


def filter_warnings() -> None:
    """Make errors of the warnings that name a fault of ours, and let pass what names none."""
    # Trial raises a warning by the path of its file, Python by the name of its module.
    ours = rf"({re.escape(os.fspath(ROOT))}/)?(hmacfs|tests|twisted/plugins)([./]|$)"
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.filterwarnings("error", category=category, module=ours)
    warnings.filterwarnings("error", message="coroutine .* was never awaited")
    # What txredisapi knows as answers is of either type, and it says so when it is imported.
    warnings.filterwarnings("ignore", category=BytesWarning, module=r"(.*/)?txredisapi$")
    for place in COMPARES_ON_PURPOSE:
        warnings.filterwarnings("ignore", category=BytesWarning, module=re.escape(os.fspath(place)))


def show_notes() -> None:
    """Let trial print the notes of an exception: hypothesis puts there the example that failed."""
    plain = Reporter._formatFailureTraceback

    def with_notes(reporter: Reporter, failure: object) -> str:
        notes = getattr(getattr(failure, "value", None), "__notes__", ())
        return "\n".join([str(plain(reporter, failure)), *map(str, notes)])

    # Trial has no public way to add to what it prints of a failure.
    Reporter._formatFailureTraceback = with_notes  # type: ignore[method-assign]


def load_profile(environ: dict[str, str]) -> None:
    """Set hypothesis up: repeatable in CI, many examples if asked, no deadline on shared cores."""
    # Trial works in a directory that it clears, where found examples would be lost.
    set_hypothesis_home_dir(ROOT / ".hypothesis")
    hypothesis.settings.register_profile(
        "hmacfs",
        deadline=None,
        derandomize=bool(environ.get("CI")),
        # How fast examples are made says how busy the machine is, and nothing of the code.
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        max_examples=LONG_EXAMPLES if environ.get("HMACFS_LONG") else 100,
        print_blob=True,
    )
    hypothesis.settings.load_profile("hmacfs")


def shorten_paths() -> None:
    """Let ``mktemp`` of tests give numbers: trial names their module, class and method."""
    numbers = itertools.count(1)

    def mktemp(case: SynchronousTestCase) -> str:
        parent = pathlib.Path(str(next(numbers)))
        parent.mkdir()
        return os.fspath(parent / "temp")

    SynchronousTestCase.mktemp = mktemp  # type: ignore[method-assign]


def main(arguments: list[str]) -> None:
    """Run trial in a directory that is gone after it, unless the arguments name another."""
    environ = surroundings(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    os.umask(UMASK)
    filter_warnings()
    show_notes()
    load_profile(environ)
    shorten_paths()
    with tempfile.TemporaryDirectory(prefix="hmacfs-", dir=WORKPLACES) as place:
        # Servers of tests come through it as users of their own.
        pathlib.Path(place).chmod(0o701)
        sys.argv = ["trial", f"--temp-directory={place}/t", *arguments]
        trial.run()


if __name__ == "__main__":
    main(sys.argv[1:])
