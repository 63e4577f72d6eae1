"""The benchmark runs, and measures what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.real.daemon import CHECKOUT

LIMIT = 120.0
NUMBER = r"[0-9.e+]+"
RESULT = re.compile(
    rf"\S.* +{NUMBER} \({NUMBER}-{NUMBER}\) +{NUMBER} \({NUMBER}-{NUMBER}\) +[0-9.]+"
)


class BenchTests(SynchronousTestCase):
    """``bench/run``."""

    def run_bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return the benchmark when it has ended, run by this Python."""
        for program in ("nginx", "curl"):
            if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
                raise SkipTest(f"needs {program}")
        return subprocess.run(
            [sys.executable, "-m", "bench.main", *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def test_quick(self) -> None:
        """``--quick`` measures everything once, and prints a line with numbers for each."""
        done = self.run_bench("--quick")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        heading, *lines = done.stdout.splitlines()
        self.assertEqual(["hmac-file-server", "nginx", "ratio"], heading.split())
        for line in lines:
            self.assertRegex(line, RESULT)
        names = " ".join(lines)
        for what in ("PUT 8 MiB", "GET 8 MiB", "memory in PUT", "GET 100 KiB", "p99 of GET 10 KiB"):
            self.assertIn(what, names)

    def test_some(self) -> None:
        """Words choose the measures."""
        done = self.run_bench("--quick", "GET 8 MiB", "PUT 10 KiB")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        measured = [line.partition(",")[0] for line in done.stdout.splitlines()[1:]]
        self.assertEqual(["GET 8 MiB", "PUT 10 KiB"], measured)
