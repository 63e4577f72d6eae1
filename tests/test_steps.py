"""What a step says is counted rightly, also when it dies or hangs."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import select
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.steps import Counts, Outcome, Running, Step, count_check, count_trial, run_step


class CountsTests(SynchronousTestCase):
    """``Counts`` add up and print as the closing line."""

    def test_sum(self) -> None:
        """Each number is added to its own."""
        self.assertEqual(Counts(5, 7, 9), Counts(1, 2, 3) + Counts(4, 5, 6))

    def test_text(self) -> None:
        """Skips are named only where there are some."""
        self.assertEqual("3 passed, 0 failed", str(Counts(3)))
        self.assertEqual("3 passed, 1 failed, 2 skipped", str(Counts(3, 1, 2)))


class CountTests(SynchronousTestCase):
    """What is read from exit codes and from trial's output."""

    def test_check(self) -> None:
        """A check is one test, which its exit code decides."""
        self.assertEqual(Counts(passed=1), count_check(0, "3 errors"))
        self.assertEqual(Counts(failed=1), count_check(1, "fine"))
        self.assertEqual(Counts(failed=1), count_check(-11, ""))

    def test_passed(self) -> None:
        """Expected failures are passes; skips are apart."""
        output = "Ran 13 tests in 0.5s\n\nPASSED (skips=2, expectedFailures=1, successes=10)\n"
        self.assertEqual(Counts(11, 0, 2), count_trial(0, output))

    def test_failed(self) -> None:
        """Failures, errors and unexpected successes are all failed tests."""
        output = "\nFAILED (skips=1, failures=2, errors=3, unexpectedSuccesses=4, successes=5)\n"
        self.assertEqual(Counts(5, 9, 1), count_trial(1, output))

    def test_nothing_ran(self) -> None:
        """A run of no tests passes none."""
        self.assertEqual(Counts(), count_trial(0, "Ran 0 tests in 0.000s\n\nPASSED\n"))

    def test_died(self) -> None:
        """A run that ends before its summary has failed, whatever it exits with."""
        self.assertEqual(Counts(failed=1), count_trial(-9, "tests.a\n  test_b ... [OK]\n"))
        self.assertEqual(Counts(failed=1), count_trial(0, ""))

    def test_failed_after_the_summary(self) -> None:
        """A good summary with a bad exit code is a failure beside the passes."""
        self.assertEqual(Counts(3, 1), count_trial(1, "PASSED (successes=3)\n"))

    def test_last_summary_counts(self) -> None:
        """What a test prints before the end is not taken for the summary."""
        output = "PASSED (successes=900)\nFAILED (errors=1)\n\nPASSED (successes=2)\n"
        self.assertEqual(Counts(2), count_trial(0, output))

    def test_summary_stands_alone(self) -> None:
        """A sentence that has the words in it is not a summary."""
        self.assertEqual(Counts(failed=1), count_trial(1, "All PASSED (successes=2) so far\n"))


class RunStepTests(SynchronousTestCase):
    """``run_step`` with small shell scripts."""

    def setUp(self) -> None:
        self.directory = pathlib.Path(self.mktemp())
        self.directory.mkdir()
        self.running = Running()

    def run_script(self, script: str, limit: float = 60, live: bool = False) -> Outcome:
        """Run a script as a check."""
        step = Step("step", ["sh", "-c", script], limit, live=live)
        return run_step(step, self.directory, {**os.environ, "GREETING": "hello"}, self.running)

    def test_output(self) -> None:
        """Standard output and error come together, from the directory and environment given."""
        outcome = self.run_script('echo "$GREETING"; echo "$PWD" >&2')
        self.assertEqual(f"hello\n{self.directory.resolve()}\n", outcome.output)
        self.assertEqual(Counts(passed=1), outcome.counts)

    def test_failure(self) -> None:
        """The exit code reaches who counts."""
        self.assertEqual(Counts(failed=1), self.run_script("exit 3").counts)

    def test_no_input(self) -> None:
        """A step that reads its input finds none, and does not wait."""
        self.assertEqual("0\n", self.run_script("wc -c").output)

    def test_not_text(self) -> None:
        """Output that is not UTF-8 is kept as well as it goes."""
        self.assertEqual("a\N{REPLACEMENT CHARACTER}b", self.run_script(r"printf 'a\377b'").output)

    def test_live(self) -> None:
        """A live step is shown as it comes, and kept for counting too."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            outcome = self.run_script("echo one; echo two", live=True)
        self.assertEqual("one\ntwo\n", shown.getvalue())
        self.assertEqual("one\ntwo\n", outcome.output)

    def test_limit(self) -> None:
        """A step that hangs is ended with what it started, and has failed."""
        outcome = self.run_script("sleep 600 & echo $!; sleep 600; exit 0", limit=0.5)
        self.assertEqual(Counts(failed=1), outcome.counts)
        self.assertIn("step: ended after 0 seconds", outcome.output)
        self.assert_gone(int(outcome.output.splitlines()[0]))

    def test_broken_off(self) -> None:
        """A step that begins after its run was broken off is ended at once."""
        self.running.end()
        outcome = self.run_script("sleep 600")
        self.assertEqual(Counts(failed=1), outcome.counts)
        self.assertLess(outcome.seconds, 60)

    def test_broken_off_meanwhile(self) -> None:
        """A step that runs when its run is broken off is ended with what it started."""
        outcomes: list[Outcome] = []
        script = "sleep 600 & echo $! >pid.new; mv pid.new pid; wait"
        thread = threading.Thread(target=lambda: outcomes.append(self.run_script(script)))
        thread.start()
        pid = self.directory / "pid"
        while not pid.exists():
            thread.join(0.01)
        self.running.end()
        thread.join()
        self.assertEqual(Counts(failed=1), outcomes[0].counts)
        self.assert_gone(int(pid.read_text(encoding="ascii")))

    def assert_gone(self, pid: int) -> None:
        """Fail if a process that was killed does not end."""
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self.addCleanup(os.close, process)
        self.assertEqual([process], select.select([process], [], [], 30)[0])
