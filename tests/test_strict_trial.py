"""Runs of trial fail for faults that Python and trial by themselves let pass."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping

from hypothesis import settings
from twisted.scripts import trial
from twisted.trial.unittest import SynchronousTestCase

from tests import strict_trial
from tests.steps import Counts, count_trial


class StrictTrialTests(SynchronousTestCase):
    """``python -bb -m tests.strict_trial`` over the samples."""

    def run_sample(
        self, test: str, environ: Mapping[str, str] | None = None, umask: int = -1
    ) -> tuple[Counts, str]:
        """Return what came of one sample, and all that the run said, in a place of a long path."""
        directory = pathlib.Path(self.mktemp(), "somewhere " * 20)
        directory.mkdir(parents=True)
        name = f"tests.samples.strict.StrictTests.{test}"
        done = subprocess.run(
            [sys.executable, "-bb", "-m", "tests.strict_trial", name],
            cwd=directory,
            env={**os.environ, **(environ or {})},
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
        return count_trial(done.returncode, done.stdout), done.stdout

    def assert_fails(self, test: str, why: str) -> None:
        """Fail unless the sample fails, and says why."""
        counts, output = self.run_sample(test)
        self.assertEqual(1, counts.failed)
        self.assertIn(why, output)

    def test_in_order(self) -> None:
        """A test that is in order passes."""
        self.assertEqual(Counts(passed=1), self.run_sample("test_in_order")[0])

    def test_skip(self) -> None:
        """A skipped test is counted as such, and its reason is told."""
        counts, output = self.run_sample("test_skipped")
        self.assertEqual(Counts(skipped=1), counts)
        self.assertIn("needs what no machine has", output)

    def test_surroundings(self) -> None:
        """A test has one environment and one umask, whatever those of who starts it are."""
        theirs = {
            **{"HMAC_SECURITY_SECRET": "of another server", "HMAC_CONFIG_PATH": "/their.toml"},
            **{"NOTIFY_SOCKET": "/run/theirs", "LISTEN_FDS": "1", "GIT_DIR": "/their/.git"},
            **{"LC_ALL": "xx_YY.UTF-8", "TMPDIR": "/nonexistent", "no_proxy": "elsewhere"},
        }
        self.assertEqual(Counts(passed=1), self.run_sample("test_surroundings", theirs, 0o077)[0])

    def test_deprecated(self) -> None:
        """Deprecated use by a module of ours fails the test that came upon it."""
        self.assert_fails("test_deprecated", "DeprecationWarning: this goes away")

    def test_never_awaited(self) -> None:
        """A coroutine that is dropped fails the test that dropped it."""
        self.assert_fails("test_never_awaited", "was never awaited")

    def test_bytes_as_text(self) -> None:
        """A comparison of bytes and text fails the test."""
        self.assert_fails("test_bytes_as_text", "BytesWarning")

    def test_property(self) -> None:
        """A property that does not hold is told with the example that breaks it."""
        self.assert_fails("test_property", "number=8,")

    def test_dirty_reactor(self) -> None:
        """A delayed call that is left in the reactor fails the test."""
        self.assert_fails("test_dirty_reactor", "DirtyReactorAggregateError")

    def test_short_paths(self) -> None:
        """Files of tests have short paths wherever the run is begun, and are gone after it."""
        counts, output = self.run_sample("test_a_long_name_that_says_what_is_tested_here")
        self.assertEqual(Counts(passed=1), counts)
        first, second = (pathlib.Path(path) for path in re.findall("^ *place: (.+)", output, re.M))
        self.assertNotEqual(first, second)
        self.assertLess(len(str(first)), 40)
        self.assertFalse(first.parents[2].exists())


class FilterTests(SynchronousTestCase):
    """``filter_warnings``, by the files that warnings come from."""

    def is_error(self, category: type[Warning], path: pathlib.Path) -> bool:
        """Whether a warning from a file is raised in a run of Python with ``-bb``."""
        with warnings.catch_warnings():
            warnings.resetwarnings()
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", BytesWarning)
            strict_trial.filter_warnings()
            try:
                warnings.warn_explicit("a warning", category, str(path), 1)
            except category:
                return True
            return False

    def test_deprecated(self) -> None:
        """Deprecated use is an error in files of ours, and the business of others in theirs."""
        for path in ("hmacfs/base/names.py", "tests/test_x.py", "twisted/plugins/hmacfs_plugin.py"):
            self.assertTrue(self.is_error(DeprecationWarning, strict_trial.ROOT / path))
        for path in (".venv-test/lib/twisted/web/http.py", "hmacfs2/names.py"):
            self.assertFalse(self.is_error(DeprecationWarning, strict_trial.ROOT / path))

    def test_bytes(self) -> None:
        """Bytes compared with text are an error wherever that is not done on purpose."""
        twisted = pathlib.Path(trial.__file__)
        self.assertTrue(self.is_error(BytesWarning, strict_trial.ROOT / "hmacfs/base/names.py"))
        self.assertTrue(self.is_error(BytesWarning, twisted))
        engine, *modules = strict_trial.COMPARES_ON_PURPOSE
        self.assertFalse(self.is_error(BytesWarning, engine / "internal/cache.py"))
        for module in modules:
            self.assertFalse(self.is_error(BytesWarning, module.with_suffix(".py")))


class ProfileTests(SynchronousTestCase):
    """How hypothesis is set up."""

    def profile(self, **environ: str) -> settings:
        """Return the settings for such an environment, with the ones of this run put back after."""
        before = settings.get_current_profile_name()
        self.addCleanup(settings.load_profile, before)
        self.addCleanup(settings.register_profile, "hmacfs", settings.get_profile(before))
        strict_trial.load_profile(environ)
        return settings.get_profile("hmacfs")

    def test_usual(self) -> None:
        """No deadline, since cores are shared, and new examples each time."""
        profile = self.profile()
        self.assertIsNone(profile.deadline)
        self.assertFalse(profile.derandomize)
        self.assertEqual(100, profile.max_examples)

    def test_ci(self) -> None:
        """In CI a run can be repeated."""
        self.assertTrue(self.profile(CI="true").derandomize)

    def test_long(self) -> None:
        """A long run tries many more examples."""
        self.assertEqual(strict_trial.LONG_EXAMPLES, self.profile(HMACFS_LONG="1").max_examples)
