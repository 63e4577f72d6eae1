"""The benchmark runs, and measures what it says."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from bench import features
from bench.servers import ours
from hmacfs.config.read import read_file
from tests.real.daemon import CHECKOUT

LIMIT = 240.0
NUMBER = r"[0-9.e+]+"
RESULT = re.compile(
    rf"\S.* +{NUMBER} \({NUMBER}-{NUMBER}\) +{NUMBER} \({NUMBER}-{NUMBER}\) +[0-9.]+"
)


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return a benchmark when it has ended, run by this Python."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


class StoreBenchTests(SynchronousTestCase):
    """``bench/run-stores``."""

    def measured(self, *arguments: str) -> dict[str, list[str]]:
        """Return what was measured of each store; skip where a server is not installed."""
        done = run("bench.stores", "--quick", *arguments)
        for program in ("redis-server", "PostgreSQL", "MariaDB", "root"):
            if program in done.stderr:
                raise SkipTest(done.stderr.strip())
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        heading, *lines = done.stdout.splitlines()
        works = ("session save", "index insert", "nonce check")
        expected = [f"{work} x{width}" for work in works for width in (1, 64)]
        self.assertEqual(" ".join(expected), " ".join(heading.split()))
        return {line.split()[0]: line.split()[1:] for line in lines}

    def test_quick(self) -> None:
        """Each store is asked for all that it does, and does it more than once in a second."""
        found = self.measured()
        self.assertEqual(["memory", "SQLite", "Redis", "PostgreSQL", "MariaDB"], list(found))
        self.assertEqual(["-", "-"], found["Redis"][2:4], "the index never lies in Redis")
        for name, cells in found.items():
            self.assertEqual(6, len(cells))
            self.assertTrue(all(int(cell) > 1 for cell in cells if cell != "-"), (name, cells))

    def test_some(self) -> None:
        """Stores can be chosen; one that there is not is told."""
        self.assertEqual(["SQLite", "memory"], list(self.measured("SQLite", "memory")))
        done = run("bench.stores", "--quick", "Oracle")
        self.assertEqual(2, done.returncode)
        self.assertIn("Oracle is no store", done.stderr)


class FeatureBenchTests(SynchronousTestCase):
    """``bench/run-features``."""

    def test_quick(self) -> None:
        """Of a feature three works are told, without it and with it, and the ratio of both."""
        names = ["nothing", "deduplication of equal files", "thumbnails"]
        done = run("bench.features", "--quick", *names)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        heading, *lines = done.stdout.splitlines()
        self.assertEqual(3, heading.count("off on ratio"))
        self.assertEqual(names, [line[:28].strip() for line in lines])
        for line in lines:
            numbers = [float(number) for number in line[28:].split()]
            self.assertEqual(9, len(numbers), line)
            for off, on, ratio in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
                self.assertLess(abs(on / off - ratio), 0.01 + 0.01 * ratio)

    def test_configurations(self) -> None:
        """A server can do what it is told for each feature, and takes every word of it."""
        place = pathlib.Path(self.mktemp()).resolve()
        place.mkdir(parents=True)
        for name, feature in features.FEATURES.items():
            ours(place / name, features.merged(features.OFF, feature.tables))
            settings = read_file(place / name / "config.toml", {})
            self.assertEqual((), settings.warnings, name)

    def test_unknown(self) -> None:
        """A feature that there is not is told, with those that there are."""
        done = run("bench.features", "speed")
        self.assertEqual(2, done.returncode)
        self.assertIn("speed is no feature; there are nothing, ", done.stderr)


class BenchTests(SynchronousTestCase):
    """``bench/run``."""

    def run_bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return the benchmark when it has ended."""
        for program in ("nginx", "curl"):
            if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
                raise SkipTest(f"needs {program}")
        return run("bench.main", *arguments)

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
