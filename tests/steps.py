"""A step of a test run: one command, and what its output says about how many passed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

SUMMARY: Final = re.compile(r"^(?:PASSED|FAILED)(?: \((?P<counts>[^()]*)\))?$", re.MULTILINE)
PASSES: Final = frozenset({"successes", "expectedFailures"})
FAILURES: Final = frozenset({"failures", "errors", "unexpectedSuccesses"})


@attrs.frozen
class Counts:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def count_check(code: int, output: str) -> Counts:
    """Count a check as one test."""
    return Counts(passed=1) if code == 0 else Counts(failed=1)


def count_trial(code: int, output: str) -> Counts:
    """Count the tests of a trial run by its last summary; a run that died is one more failure."""
    summaries = list(SUMMARY.finditer(output))
    if not summaries:
        return Counts(failed=1)
    numbers: dict[str, int] = {}
    for item in (summaries[-1]["counts"] or "").split(", "):
        name, _, number = item.partition("=")
        if name:
            numbers[name] = int(number)
    failed = sum(numbers.get(name, 0) for name in FAILURES)
    return Counts(
        passed=sum(numbers.get(name, 0) for name in PASSES),
        failed=1 if code != 0 and failed == 0 else failed,
        skipped=numbers.get("skips", 0),
    )


@attrs.frozen
class Step:
    """One command of a run.

    :ivar limit: seconds after which it is ended and has failed.
    :ivar count: from its exit code and output, how many passed.
    :ivar live: whether its output is shown as it comes.
    :ivar waits: whether it begins only when the Debian packages are there.
    """

    name: str
    command: Sequence[str | os.PathLike[str]]
    limit: float
    count: Callable[[int, str], Counts] = count_check
    live: bool = False
    waits: bool = False


@attrs.frozen
class Outcome:
    """What came of a step; ``output`` is its standard output and error together."""

    step: Step
    counts: Counts
    seconds: float
    output: str


class Running:
    """The processes that run now, each of which leads its group.

    Threads add theirs; whoever breaks the run off ends all of them, and what is added later.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pids: set[int] = set()
        self._over = False

    @contextlib.contextmanager
    def holding(self, pid: int) -> Iterator[None]:
        """Know a process until it has ended."""
        with self._lock:
            self._pids.add(pid)
            if self._over:
                kill_group(pid)
        try:
            yield
        finally:
            with self._lock:
                self._pids.discard(pid)

    def end(self) -> None:
        """End all that runs, with everything it started, and all that is yet to come."""
        with self._lock:
            self._over = True
            for pid in self._pids:
                kill_group(pid)


def run_step(
    step: Step, directory: os.PathLike[str], environ: Mapping[str, str], running: Running
) -> Outcome:
    """Run a step to its end, or end it with everything it started when it takes too long."""
    begun = time.monotonic()
    process = subprocess.Popen(
        step.command,
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        kill_group(process.pid)

    timer = threading.Timer(step.limit, end)
    timer.start()
    with running.holding(process.pid):
        try:
            output = read(process, step.live)
        finally:
            timer.cancel()
        code = process.wait()
    if overdue.is_set():
        output += f"\n{step.name}: ended after {step.limit:.0f} seconds\n"
        return Outcome(step, Counts(failed=1), time.monotonic() - begun, output)
    return Outcome(step, step.count(code, output), time.monotonic() - begun, output)


def read(process: subprocess.Popen[str], live: bool) -> str:
    """Return all that the process says, shown meanwhile when ``live``."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if live:
            print(line, end="", flush=True)
    return "".join(lines)


def kill_group(pid: int) -> None:
    """Kill a process that leads its group, and the group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
