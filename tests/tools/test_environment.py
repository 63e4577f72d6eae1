"""Environments are made once, whole, from the lock, and anew when that changes."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import threading

from twisted.trial.unittest import SynchronousTestCase

from tools import environment
from tools.environment import RUN, TEST, CannotMake, Environment, ensure, is_ready

MAIN = """\
import sys


def main() -> int:
    print(*sys.argv[1:])
    return 7
"""


def fill(root: pathlib.Path, made: Environment, place: pathlib.Path) -> None:
    """Build what only looks like an environment."""
    (place / "bin").mkdir(parents=True)
    (place / "bin/python").symlink_to(sys.executable)


class CheckoutTests(SynchronousTestCase):
    """A checkout made up for a test, with a lock that asks for nothing."""

    def setUp(self) -> None:
        self.root = pathlib.Path(self.mktemp()).resolve() / "a checkout"
        (self.root / "requirements").mkdir(parents=True)
        for lock in (RUN.lock, TEST.lock):
            (self.root / "requirements" / lock).touch()
        self.built: list[str] = []
        self.said = io.StringIO()
        self.enterContext(contextlib.redirect_stderr(self.said))

    def build(self, root: pathlib.Path, made: Environment, place: pathlib.Path) -> None:
        """Build as ``fill`` does, and note that it was asked to."""
        self.built.append(made.directory)
        fill(root, made, place)


class EnsureTests(CheckoutTests):
    """``ensure``, with a builder that takes no time."""

    def ensure(self) -> pathlib.Path:
        """Make sure of the environment that the server runs in."""
        return ensure(self.root, RUN, self.build)

    def test_meanwhile(self) -> None:
        """A command is run beside the making, and not where nothing is made."""
        mark = self.root / "mark"
        os.mkfifo(mark)
        command = ["sh", "-c", f"echo begun >'{mark}'"]

        def build(root: pathlib.Path, made: Environment, place: pathlib.Path) -> None:
            self.assertEqual("begun\n", mark.read_text(encoding="ascii"))
            fill(root, made, place)

        ensure(self.root, RUN, build, command)
        ensure(self.root, RUN, build, ["/no/such/command"])

    def leftovers(self) -> list[str]:
        """Return what lies in the checkout beside what belongs there."""
        usual = {".venv", ".venv.lock", "requirements"}
        return sorted(path.name for path in self.root.iterdir() if path.name not in usual)

    def test_first(self) -> None:
        """Where there is none it is made, and who waits is told so on standard error."""
        self.assertEqual(self.root / ".venv/bin/python", self.ensure())
        self.assertTrue(is_ready(self.root, RUN))
        self.assertEqual([], self.leftovers())
        self.assertEqual(
            "hmacfs: making .venv from requirements/run.txt, once\n", self.said.getvalue()
        )

    def test_second(self) -> None:
        """What is there is taken as it is."""
        self.ensure()
        self.ensure()
        self.assertEqual([".venv"], self.built)

    def test_two_environments(self) -> None:
        """The server's environment and that of the tests are made apart."""
        self.ensure()
        ensure(self.root, TEST, self.build)
        self.assertEqual([".venv", ".venv-test"], self.built)

    def test_new_lock(self) -> None:
        """Another lock makes another environment, in the place of the old one."""
        self.ensure()
        (self.root / ".venv/old").touch()
        (self.root / "requirements/run.txt").write_text("# changed\n", encoding="ascii")
        self.ensure()
        self.assertEqual([".venv", ".venv"], self.built)
        self.assertFalse((self.root / ".venv/old").exists())
        self.assertEqual([], self.leftovers())

    def test_other_lock(self) -> None:
        """The lock of the tests is nothing to the server's environment."""
        self.ensure()
        (self.root / "requirements/test.txt").write_text("# changed\n", encoding="ascii")
        self.ensure()
        self.assertEqual([".venv"], self.built)

    def test_moved_checkout(self) -> None:
        """Scripts name their place, so that a checkout that was moved makes its own anew."""
        self.ensure()
        moved = self.root.with_name(f"{self.root.name}-moved")
        self.root.rename(moved)
        self.assertFalse(is_ready(moved, RUN))

    def test_interpreter_gone(self) -> None:
        """An environment whose interpreter was removed is made anew."""
        self.ensure()
        python = self.root / ".venv/bin/python"
        python.unlink()
        python.symlink_to(self.root / "no-such-python")
        self.ensure()
        self.assertEqual([".venv", ".venv"], self.built)

    def test_interpreter_replaced(self) -> None:
        """An environment whose interpreter became another is made anew."""
        self.ensure()
        other = shutil.copy(shutil.which("true") or "/bin/true", self.root / "requirements/other")
        python = self.root / ".venv/bin/python"
        python.unlink()
        python.symlink_to(other)
        self.assertFalse(is_ready(self.root, RUN))

    def test_not_ours(self) -> None:
        """A directory of that name which was made otherwise is replaced."""
        (self.root / ".venv/bin").mkdir(parents=True)
        self.ensure()
        self.assertTrue(is_ready(self.root, RUN))

    def test_broken_off(self) -> None:
        """A build that fails leaves what was there before, and nothing half made."""
        self.ensure()
        (self.root / "requirements/run.txt").write_text("# changed\n", encoding="ascii")
        (self.root / ".venv/old").touch()

        def fail(root: pathlib.Path, made: Environment, place: pathlib.Path) -> None:
            fill(root, made, place)
            raise CannotMake("the index is away", 1)

        self.assertRaises(CannotMake, ensure, self.root, RUN, fail)
        self.assertTrue((self.root / ".venv/old").exists())
        self.assertFalse(is_ready(self.root, RUN))
        self.assertEqual([], self.leftovers())

    def test_killed(self) -> None:
        """What a killed run left is cleared by the next, and is not taken for an environment."""
        (self.root / ".venv.new-abc/built/bin").mkdir(parents=True)
        self.assertFalse(is_ready(self.root, RUN))
        self.ensure()
        self.assertEqual([], self.leftovers())

    def test_at_once(self) -> None:
        """Of runs at once one builds, and the others wait for it."""
        threads = [threading.Thread(target=self.ensure) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([".venv"], self.built)
        self.assertTrue(is_ready(self.root, RUN))


class BuildTests(CheckoutTests):
    """``build``, with a real environment that holds nothing but the project."""

    def test_runs_the_project(self) -> None:
        """The script is found in its final place, and runs the checkout's own code."""
        (self.root / "hmacfs/cli").mkdir(parents=True)
        (self.root / "hmacfs/cli/main.py").write_text(MAIN, encoding="ascii")
        ensure(self.root, RUN)
        done = subprocess.run(
            [self.root / ".venv/bin/hmac-file-server", "-version", "two words"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(
            (7, "-version two words\n", ""), (done.returncode, done.stdout, done.stderr)
        )
        self.assertNotIn(".venv.new-", (self.root / ".venv/bin/pip").read_text(encoding="utf-8"))

    def test_lock_is_held_to(self) -> None:
        """What has no hash to be held to is refused, and there is no environment then."""
        project = self.root / "project"
        project.mkdir()
        (project / "setup.py").touch()
        (self.root / "requirements/run.txt").write_text(f"{project.as_uri()}\n", encoding="ascii")
        done = subprocess.run(
            [sys.executable, "-c", self.script(), self.root],
            cwd=environment.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(
            "The locked dependencies could not be installed, see above.\n", done.stdout
        )
        self.assertIn("Can't verify hashes", done.stderr)
        self.assertFalse((self.root / ".venv").exists())

    def script(self) -> str:
        """Return a program that makes the environment, or prints why it cannot."""
        return (
            "import pathlib, sys\n"
            "from tools.environment import RUN, CannotMake, ensure\n"
            "try:\n"
            "    ensure(pathlib.Path(sys.argv[1]), RUN)\n"
            "except CannotMake as error:\n"
            "    print(error)\n"
        )


class VenvTests(SynchronousTestCase):
    """Where Python lacks the part that makes environments."""

    def setUp(self) -> None:
        self.patch(environment, "has_venv", lambda: False)
        self.said = io.StringIO()
        self.enterContext(contextlib.redirect_stderr(self.said))

    def commands(self, script: str) -> pathlib.Path:
        """Let apt-get be a script, the only command on PATH; return where it notes its calls."""
        directory = pathlib.Path(self.mktemp()).resolve()
        directory.mkdir()
        notes = directory / "notes"
        command = directory / "apt-get"
        command.write_text(f'#!/bin/sh\necho "$@" >>{notes}\n{script}\n', encoding="ascii")
        command.chmod(0o755)
        self.patch(os, "environ", {"PATH": os.fspath(directory)})
        self.patch(os, "geteuid", lambda: 0)
        return notes

    def assert_advice(self) -> None:
        """Fail unless it gives up with one sentence that names the package."""
        error = self.assertRaises(CannotMake, environment.install_venv)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        self.assertEqual(
            f"This Python cannot make environments: apt-get install python{version}-venv.",
            str(error),
        )
        self.assertEqual(2, error.exit_code)

    def test_no_apt(self) -> None:
        """Without apt-get it says what to do and exits 2."""
        self.patch(os, "environ", {"PATH": ""})
        self.assert_advice()

    def test_not_root(self) -> None:
        """Who is not root is told, and nothing is tried."""
        notes = self.commands("exit 0")
        self.patch(os, "geteuid", lambda: 1000)
        self.assert_advice()
        self.assertFalse(notes.exists())

    def test_installs(self) -> None:
        """Root's apt-get installs the package, even where the lists could not be renewed."""
        notes = self.commands('case "$*" in *update) exit 100 ;; esac')
        self.patch(environment, "has_venv", notes.exists)
        environment.install_venv()
        self.assertIn("-venv", notes.read_text(encoding="ascii").splitlines()[1])

    def test_install_fails(self) -> None:
        """When apt-get fails it says what to do and exits 2."""
        self.commands("exit 100")
        self.assert_advice()

    def test_install_does_not_help(self) -> None:
        """When the package is not this Python's it says so, too."""
        self.commands("exit 0")
        self.assert_advice()

    def test_asked_first(self) -> None:
        """Nothing is begun, nor announced, where environments cannot be made."""
        self.patch(os, "environ", {"PATH": ""})
        root = pathlib.Path(self.mktemp()).resolve()
        root.mkdir()
        self.assertRaises(CannotMake, environment.make, root, RUN, fill)
        self.assertEqual([], list(root.iterdir()))
        self.assertEqual("", self.said.getvalue())
