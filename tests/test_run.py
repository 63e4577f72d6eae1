"""``./test`` runs what it is asked for, adds it up, and is not content with nothing."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import time
from concurrent.futures import Future

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests import apt, run
from tests.run import Plan, UsageError
from tests.steps import Counts, Outcome, Step

CHECKS = ["types", "format", "lint"]


class PlanTests(SynchronousTestCase):
    """``plan``, in a checkout made up for a test."""

    def setUp(self) -> None:
        self.root = pathlib.Path(self.mktemp()).resolve()
        for name in (
            *("test_a", "base/test_b", "base/deep/test_c", "real/test_server", "real/slots"),
            *("packaging/test_deb", "packaging/machine"),
        ):
            path = self.root / "tests" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def plan(self, *what: str, here: str = ".", long: bool = False) -> Plan:
        """Return the plan for words typed in a directory of the checkout."""
        return run.plan(self.root, self.root / here, what, long)

    def modules(self, steps: tuple[Step, ...]) -> list[str]:
        """Return the test modules, or names in them, that steps run."""
        return sorted(
            os.fspath(word)
            for step in steps
            for word in step.command
            if str(word).startswith("tests.") and word != "tests.strict_trial"
        )

    def assert_checked(self, steps: tuple[Step, ...]) -> None:
        """Fail unless all the checks are among the steps."""
        names = [step.name for step in steps]
        self.assertEqual(CHECKS, [name for name in names if not name.startswith("tests")])

    def test_quick(self) -> None:
        """Quick runs the checks, and every test but those with real servers."""
        plan = self.plan("quick")
        self.assert_checked(plan.steps)
        self.assertEqual(
            ["tests.base.deep.test_c", "tests.base.test_b", "tests.test_a"],
            self.modules(plan.steps),
        )
        self.assertEqual((), plan.needs)

    def test_all(self) -> None:
        """All, which is meant when nothing is said, adds the tests with real servers."""
        self.assertEqual(self.plan(), self.plan("all"))
        plan = self.plan()
        quick = self.plan("quick").steps
        self.assertEqual(quick, plan.steps[: len(quick)])
        real = ["tests.packaging.test_deb", "tests.real.test_server"]
        self.assertEqual(real, self.modules(plan.steps[len(quick) :]))
        self.assertEqual((run.REAL, run.PACKAGING), plan.needs)

    def test_waiting(self) -> None:
        """Of all, what needs a package waits for the packages, and nothing else does."""
        path = self.root / "tests/blobs/test_containers.py"
        path.parent.mkdir()
        path.touch()
        waiting = tuple(step for step in self.plan().steps if step.waits)
        self.assertEqual(
            ["tests.blobs.test_containers", "tests.packaging.test_deb", "tests.real.test_server"],
            self.modules(waiting),
        )
        quick = self.plan("quick").steps
        self.assertIn("tests.blobs.test_containers", self.modules(quick))
        self.assertFalse([step for step in quick if step.waits])
        everything = self.modules(self.plan().steps)
        self.assertEqual(sorted(set(everything)), everything)

    def test_names(self) -> None:
        """What is named in the lists of modules is there."""
        there = {*run.modules(run.ROOT, pathlib.PurePath("tests"))}
        self.assertEqual(set(), run.SERVED - there)
        self.assertEqual(set(), {f"tests.{name}" for name in run.SLOWEST} - there)

    def test_slowest_first(self) -> None:
        """What takes longest begins first."""
        names = [f"tests.{name}" for name in ("a", *reversed(run.SLOWEST), "b")]
        steps = run.real_steps(names, 1.0)
        self.assertEqual([*run.SLOWEST, "a", "b"], [step.name for step in steps])

    def test_path(self) -> None:
        """Paths name files and directories from where they are typed; the checks stay away."""
        self.assertEqual(["tests.base"], self.modules(self.plan("tests/base").steps))
        self.assertEqual(["tests.test_a"], self.modules(self.plan("tests/test_a.py").steps))
        plan = self.plan("deep/test_c.py", "../test_a.py", here="tests/base")
        self.assertEqual(["tests.base.deep.test_c", "tests.test_a"], self.modules(plan.steps))
        self.assertEqual(1, len(plan.steps))

    def test_dotted(self) -> None:
        """A dotted name may go down to one test."""
        plan = self.plan("tests.test_a.ATests.test_it")
        self.assertEqual(["tests.test_a.ATests.test_it"], self.modules(plan.steps))

    def test_real_path(self) -> None:
        """A path to tests with real servers has their packages installed first."""
        for what in ("tests/real", "tests/real/test_server.py", "tests.real.test_server"):
            plan = self.plan(what)
            self.assertEqual(1, len(plan.steps))
            self.assertEqual((run.REAL,), plan.needs)
        self.assertEqual((run.PACKAGING,), self.plan("tests/packaging/test_deb.py").needs)

    def test_name_like_real(self) -> None:
        """A module whose name only begins like the directory's is an ordinary one."""
        (self.root / "tests/test_x.py").touch()
        self.assertEqual((), self.plan("tests.really").needs)

    def test_nothing_of_that_name(self) -> None:
        """What is neither a path nor a module is said, not run as nothing."""
        for what in ("setup", "tests/no_such.py", "..", "quick,all", "/"):
            error = self.assertRaises(UsageError, self.plan, what)
            self.assertIn(what, str(error))

    def test_packaging(self) -> None:
        """Packaging runs the tests of the packages alone, and installs what they need."""
        plan = self.plan("packaging")
        self.assertEqual((run.PACKAGING,), plan.needs)
        self.assertEqual(["tests.packaging.test_deb"], self.modules(plan.steps))

    def test_long(self) -> None:
        """A long run may take longer, the checks excepted."""
        for short, long in zip(self.plan().steps, self.plan(long=True).steps, strict=True):
            self.assertEqual(short.name in CHECKS, short.limit == long.limit)


class ShardTests(SynchronousTestCase):
    """``shards``."""

    def test_each_once(self) -> None:
        """Every module is in one shard, and none is empty."""
        self.assertEqual((("a", "c", "e"), ("b", "d")), run.shards("abcde", 2))
        self.assertEqual((("a",), ("b",)), run.shards("ab", 5))
        self.assertEqual((), run.shards("", 5))


class CarryOutTests(SynchronousTestCase):
    """``carry_out``, ``show`` and ``main``, with steps that take no time."""

    def setUp(self) -> None:
        self.said = io.StringIO()
        self.enterContext(contextlib.redirect_stdout(self.said))
        self.enterContext(contextlib.redirect_stderr(self.said))
        # The one of the checkout may be held for minutes.
        self.patch(apt, "LOCK", pathlib.Path(self.mktemp()))

    def step(self, name: str, script: str) -> Step:
        """Return a step that counts as its script says: passed, failed, skipped."""

        def count(code: int, output: str) -> Counts:
            return Counts(*map(int, output.splitlines()[-1].split()))

        return Step(name, ["sh", "-c", script], 60, count)

    def main(self, plan: Plan, *arguments: str) -> int:
        """Run ``./test`` with a plan of ours."""
        self.patch(run, "plan", lambda *given: plan)
        return run.main(arguments)

    def test_adds_up(self) -> None:
        """The last line is the sum over all steps, alone on its line."""
        plan = Plan((self.step("a", "echo 1 0 2"), self.step("b", "echo 30 0 0")))
        self.assertEqual(0, self.main(plan))
        self.assertEqual("31 passed, 0 failed, 2 skipped", self.said.getvalue().splitlines()[-1])

    def test_all_run_when_one_fails(self) -> None:
        """A failure stops nothing, and is the exit code."""
        plan = Plan((self.step("a", "echo 0 1 0"), self.step("b", "echo 5 0 0")))
        self.assertEqual(1, self.main(plan))
        self.assertEqual("5 passed, 1 failed", self.said.getvalue().splitlines()[-1])

    def test_nothing_ran(self) -> None:
        """A run in which nothing passed has failed, also when all was skipped."""
        self.assertEqual(1, self.main(Plan(())))
        self.assertEqual("0 passed, 0 failed", self.said.getvalue().splitlines()[-1])
        self.assertEqual(1, self.main(Plan((self.step("a", "echo 0 0 9"),))))

    def test_usage(self) -> None:
        """What cannot be understood exits 2, with one line."""
        self.assertEqual(2, run.main(["no-such-test"]))
        self.assertEqual(1, len(self.said.getvalue().splitlines()))

    def test_long(self) -> None:
        """``--long`` reaches the tests by the environment."""
        self.patch(os, "environ", {**os.environ, "HMACFS_LONG": ""})
        plan = Plan((self.step("a", "echo ${HMACFS_LONG:-0} 0 0"),))
        self.assertEqual(1, self.main(plan))
        self.assertEqual(0, self.main(plan, "--long"))

    def test_compiled_once(self) -> None:
        """The server that tests start is compiled once, also where Python is told otherwise."""
        self.patch(os, "environ", {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        plan = Plan((self.step("a", "echo ${PYTHONDONTWRITEBYTECODE:-0} 0 0"),))
        self.assertEqual(1, self.main(plan))

    def test_real_tests_install_first(self) -> None:
        """Real tests begin when packages are there, others before; what lacks is said last."""
        place = pathlib.Path(self.mktemp()).resolve()
        place.mkdir()
        asked: list[str] = []

        def install(packages: tuple[str, ...]) -> tuple[str, ...]:
            asked.extend(packages)
            while not (place / "quick").exists():
                time.sleep(0.01)
            self.assertFalse((place / "real").exists())
            (place / "installed").touch()
            return ("prosody",)

        self.patch(apt, "install", install)
        quick = self.step("a", f"touch {place}/quick; echo 1 0 0")
        script = f"touch {place}/real; test -e {place}/installed && echo 1 0 1"
        real = attrs.evolve(self.step("real", script), waits=True)
        self.assertEqual(0, self.main(Plan((quick, real), (run.REAL,))))
        self.assertIn("prosody", asked)
        self.assertIn(
            "NOT INSTALLED, so the tests that need them were skipped: prosody",
            self.said.getvalue().splitlines(),
        )

    def show(self, counts: Counts, output: str, live: bool = False) -> str:
        """Return what is shown of a step."""
        run.show(Outcome(Step("a step", [], 1, live=live), counts, 1.0, output))
        return self.said.getvalue()

    def test_shows_faults(self) -> None:
        """Of a trial run that failed the faults are shown, without the list of all tests."""
        said = self.show(Counts(8, 1), f"test_it ... [OK]\n\n{'=' * 79}\n[FAIL]\nwhy\n")
        self.assertIn("[FAIL]\nwhy\n", said)
        self.assertNotIn("[OK]", said)

    def test_shows_all_of_others(self) -> None:
        """Of anything else that failed, all is shown."""
        self.assertIn("a.py:1: wrong", self.show(Counts(failed=1), "a.py:1: wrong\n"))

    def test_shows_skips(self) -> None:
        """Skips are told with their reasons even when nothing failed."""
        self.assertIn(
            "needs it", self.show(Counts(8, 0, 1), f"\n{'=' * 79}\n[SKIPPED]\nneeds it\n")
        )

    def test_shows_little_when_fine(self) -> None:
        """A step that passed is one line."""
        self.assertEqual(1, len(self.show(Counts(8), "much\nto\ntell\n").splitlines()))

    def test_shows_timings(self) -> None:
        """What tests have measured is told of a step that passed, too."""
        said = self.show(Counts(8), "test_it ... timing: an upgrade: 2.5 s\n  [OK]\n")
        self.assertRegex(said, r"(?m)^    an upgrade +2\.5 s$")
        self.assertEqual(2, len(said.splitlines()))

    def test_shows_live_output_once(self) -> None:
        """What was shown as it came is not repeated."""
        self.assertNotIn("wrong", self.show(Counts(failed=1), "wrong\n", live=True))


class OutcomesTests(SynchronousTestCase):
    """``outcomes``."""

    def test_order(self) -> None:
        """Outcomes come in the order of their steps, whichever ends first."""
        steps = [Step(str(n), ["sh", "-c", f"sleep 0.{3 - n}; echo {n}"], 60) for n in range(3)]
        outcomes = run.outcomes(steps, 3, dict(os.environ), Future())
        self.assertEqual(["0\n", "1\n", "2\n"], [outcome.output for outcome in outcomes])

    def test_broken_off(self) -> None:
        """When the run is broken off its steps end at once, and those to come do not begin."""
        mark = pathlib.Path(self.mktemp()).resolve()
        slow = Step("slow", ["sh", "-c", "sleep 600"], 1200)
        late = Step("late", ["sh", "-c", f"touch {mark}"], 60)
        steps = [Step("first", ["true"], 60), slow, slow, late]
        outcomes = run.outcomes(steps, 2, dict(os.environ), Future())
        next(outcomes)
        outcomes.close()
        self.assertRaises(StopIteration, next, outcomes)
        self.assertFalse(mark.exists())
