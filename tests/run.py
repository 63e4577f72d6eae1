"""What ``./test`` runs: the checks, the tests in parallel, and a last line that adds them up.

Each check counts as one test. Everything runs even when something failed before it.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import signal
import sys
from collections.abc import Container, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import attrs

from tests import apt
from tests.steps import Counts, Outcome, Running, Step, count_trial, run_step

ROOT: Final = pathlib.Path(__file__).resolve().parent.parent
REAL: Final = pathlib.PurePath("tests/real")
PACKAGING: Final = pathlib.PurePath("tests/packaging")
PACKAGES: Final = "apt-packages.txt"
CHECK_LIMIT: Final = 900.0
QUICK_LIMIT: Final = 900.0
REAL_LIMIT: Final = 3600.0
LONG: Final = 20.0
SERVED: Final = frozenset({"tests.blobs.test_containers", "tests.cli.test_iso_command"})
"""Tests that need no server, but a program that is among the packages."""

SLOWEST: Final = (
    *("packaging.test_containers", "packaging.test_deb", "real.test_api_fuzz"),
    *("packaging.test_install_manager", "real.test_xmpp_config", "packaging.test_install_docs"),
    *("real.test_redis", "real.test_bench", "real.test_containers", "real.test_bad_stores"),
    *("real.test_sessions", "real.test_scanning", "real.test_databases", "real.test_retention"),
    *("packaging.test_service", "packaging.test_upgrade", "packaging.test_trouble"),
    *("packaging.test_readme", "real.test_wire", "real.test_v3", "real.test_tus_client"),
    *("real.test_session_options", "real.test_proxies"),
)
"""What takes longest begins first, or the run would end with most cores idle."""

TIMING: Final = re.compile(r"timing: (.+): ([0-9.]+) s$", re.MULTILINE)
"""What tests measure and tell; it is shown of a step that passed, too."""


class UsageError(Exception):
    """The command line asks for what is not there."""


@attrs.frozen
class Plan:
    """
    What to run.

    :ivar needs: directories whose lists name the Debian packages to install, beside the steps that
        do not wait for them.
    """

    steps: tuple[Step, ...]
    needs: tuple[pathlib.PurePath, ...] = ()


def checks() -> tuple[Step, ...]:
    """Return the checks; types first, since they take longest."""
    python = sys.executable
    return (
        Step("types", [python, "-m", "mypy"], CHECK_LIMIT),
        Step("format", [python, "-m", "ruff", "format", "--check", "."], CHECK_LIMIT),
        Step("lint", [python, "-m", "ruff", "check", "."], CHECK_LIMIT),
    )


def trial(
    name: str, what: Iterable[str], limit: float, live: bool = False, waits: bool = False
) -> Step:
    """Return the step that runs these modules, or names below them, under trial."""
    command = [sys.executable, "-bb", "-m", "tests.strict_trial", *what]
    return Step(name, command, limit, count_trial, live, waits)


def modules(root: pathlib.Path, below: pathlib.PurePath) -> tuple[str, ...]:
    """Return the names of the test modules below a directory of the checkout."""
    found = sorted(path.relative_to(root) for path in (root / below).rglob("test_*.py"))
    return tuple(dotted(path) for path in found)


def quick_modules(root: pathlib.Path) -> tuple[str, ...]:
    """Return the names of the test modules that need no server."""
    apart = (dotted(REAL) + ".", dotted(PACKAGING) + ".")
    return tuple(n for n in modules(root, pathlib.PurePath("tests")) if not n.startswith(apart))


def dotted(path: pathlib.PurePath) -> str:
    """Return the import name of a file or directory of the checkout."""
    return ".".join(path.with_suffix("").parts)


def shards(names: Sequence[str], count: int) -> tuple[tuple[str, ...], ...]:
    """Deal the modules out; empty shards are left away."""
    return tuple(shard for n in range(count) if (shard := tuple(names[n::count])))


def quick_steps(
    root: pathlib.Path, cores: int, factor: float, apart: Container[str] = ()
) -> tuple[Step, ...]:
    """Return the checks and the tests that need no server, but for some modules."""
    parts = shards([name for name in quick_modules(root) if name not in apart], 2 * cores)
    first, *others = checks()
    tests = [trial(f"tests {n}", part, QUICK_LIMIT * factor) for n, part in enumerate(parts, 1)]
    return (first, *tests, *others)


def real_steps(names: Iterable[str], factor: float) -> tuple[Step, ...]:
    """Return the tests with real servers of these modules, in a process for each."""
    places = {name: place for place, name in enumerate(SLOWEST)}
    steps = [
        trial(name.removeprefix("tests."), [name], REAL_LIMIT * factor, waits=True)
        for name in names
    ]
    return tuple(sorted(steps, key=lambda step: places.get(step.name, len(places))))


def named(root: pathlib.Path, here: pathlib.Path, what: str) -> str:
    """Return the import name of a path, or of a dotted name, of the command line.

    :raises UsageError: for what is neither.
    """
    path = (here / what).resolve()
    if path.exists() and path.is_relative_to(root / "tests"):
        return dotted(path.relative_to(root))
    if what == "tests" or what.startswith("tests."):
        return what
    raise UsageError(f"{what}: neither a path nor a module below tests/")


def plan(root: pathlib.Path, here: pathlib.Path, what: Sequence[str], long: bool) -> Plan:
    """Return what the words of the command line ask for.

    :raises UsageError: for words that name nothing.
    """
    factor = LONG if long else 1.0
    cores = len(os.sched_getaffinity(0))
    if list(what) == ["quick"]:
        return Plan(quick_steps(root, cores, factor))
    if not what or list(what) == ["all"]:
        served = SERVED.intersection(quick_modules(root))
        real = [*modules(root, REAL), *modules(root, PACKAGING), *sorted(served)]
        quick = quick_steps(root, cores, factor, served)
        return Plan((*quick, *real_steps(real, factor)), (REAL, PACKAGING))
    if list(what) == ["packaging"]:
        return Plan(real_steps(modules(root, PACKAGING), factor), (PACKAGING,))
    names = [named(root, here, word) for word in what]
    needs = tuple(
        below
        for below in (REAL, PACKAGING)
        if any(f"{name}.".startswith(f"{dotted(below)}.") for name in names)
    )
    step = trial("tests", names, REAL_LIMIT * factor, live=True, waits=True)
    return Plan((step,), needs)


def show(outcome: Outcome) -> None:
    """Print a line for a step, and before it the faults and the reasons for skips that it told."""
    counts, name = outcome.counts, outcome.step.name
    if (counts.failed or counts.skipped) and not outcome.step.live:
        # Trial lists every test first; what it found comes after the first long line.
        _, line, found = outcome.output.partition(f"\n{'=' * 79}\n")
        print(f"\n===== {name} =====\n{(found if line else outcome.output).rstrip()}\n")
    print(f"{name:<24} {counts!s:<40} {outcome.seconds:6.1f} s", flush=True)
    if not outcome.step.live:
        for what, seconds in TIMING.findall(outcome.output):
            print(f"    {what:<61} {float(seconds):6.1f} s", flush=True)


def carry_out(plan: Plan, environ: dict[str, str]) -> Counts:
    """Run the steps of a plan and return what they add up to."""
    lists = [ROOT / below / PACKAGES for below in plan.needs]
    total = Counts()
    # More than there are cores, since many wait for clocks, and for disks.
    beside = len(os.sched_getaffinity(0)) + 1
    with ThreadPoolExecutor(max_workers=1) as installer:
        absent = installer.submit(apt.install_listed, lists)
        for outcome in outcomes(plan.steps, beside, environ, absent):
            show(outcome)
            total += outcome.counts
    if absent.result():
        print("\nNOT INSTALLED, so the tests that need them were skipped:", *absent.result())
    return total


def outcomes(
    steps: Sequence[Step], beside: int, environ: dict[str, str], ready: Future[tuple[str, ...]]
) -> Generator[Outcome]:
    """Run steps, so many beside each other, and yield their outcomes in order.

    When the run is broken off, so are the steps, with everything they started.

    :param ready: what the steps that wait are waiting for.
    """
    running = Running()
    pool = ThreadPoolExecutor(max_workers=beside)

    def run(step: Step) -> Outcome:
        if step.waits:
            ready.result()
        return run_step(step, ROOT, environ, running)

    try:
        yield from pool.map(run, steps)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        running.end()


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="./test", description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        metavar="quick | all | packaging | PATH",
        help="all, the default: everything; quick: what needs no server; or test files and modules",
    )
    parser.add_argument("--long", action="store_true", help="many more examples, long loads")
    options = parser.parse_args(arguments)
    environ = dict(os.environ)
    # Or the server, which is started hundreds of times, would be compiled each time.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.long:
        environ["HMACFS_LONG"] = "1"
    try:
        steps = plan(ROOT, pathlib.Path.cwd(), options.what, options.long)
    except UsageError as error:
        print(f"./test: {error}", file=sys.stderr)
        return 2
    total = carry_out(steps, environ)
    print("\nEach check counts as one test.")
    print(total, flush=True)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    # Being ended ends the steps too, as an interrupt from the keyboard does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # Shells let what they start in the background ignore interrupts, and so would the servers here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
