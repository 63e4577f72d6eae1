"""Runs trial with its arguments, stricter: what Python only warns of fails the test that caused it.

Trial hands the warnings of a test to the filters after it and counts one that is raised there as
the test's error. Those filters are set here: against deprecated use by our own modules, and against
coroutines that nobody awaits.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
import warnings
from typing import Final

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir
from twisted.scripts import trial

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent
LONG_EXAMPLES: Final = 2000


def filter_warnings() -> None:
    """Make errors of the warnings that name a fault of ours."""
    # Trial raises a warning by the path of its file, Python by the name of its module.
    ours = rf"({re.escape(os.fspath(ROOT))}/)?(hmacfs|tests|twisted/plugins)([./]|$)"
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.filterwarnings("error", category=category, module=ours)
    warnings.filterwarnings("error", message="coroutine .* was never awaited")


def load_profile(environ: dict[str, str]) -> None:
    """Set hypothesis up: repeatable in CI, many examples if asked, no deadline on shared cores."""
    # Trial works in a directory that it clears, where found examples would be lost.
    set_hypothesis_home_dir(ROOT / ".hypothesis")
    hypothesis.settings.register_profile(
        "hmacfs",
        deadline=None,
        derandomize=bool(environ.get("CI")),
        max_examples=LONG_EXAMPLES if environ.get("HMACFS_LONG") else 100,
        print_blob=True,
    )
    hypothesis.settings.load_profile("hmacfs")


if __name__ == "__main__":
    filter_warnings()
    load_profile(dict(os.environ))
    sys.argv[0] = "trial"
    trial.run()
