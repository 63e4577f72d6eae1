"""The test case of everything in this directory: its servers end with it, and leave clean logs."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import io
import os
import pathlib
import random
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping

import toml
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.cli.main import main
from tests.real.client import Answer, Connection
from tests.real.daemon import Daemon, Sections, eventually
from tests.strict_trial import WORKPLACES

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE


def noise(size: int, seed: object = "") -> bytes:
    """Return bytes that look random and are the same for the same seed."""
    return random.Random(f"{seed} {size}").randbytes(size)


def lasting_directory() -> pathlib.Path:
    """Return a directory that is gone after this process, for what several tests have together."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hmacfs-", dir=WORKPLACES))
    # Servers of tests come through it as users of their own.
    path.chmod(0o701)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def command(
    daemon: Daemon, *words: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """
    Run a command with the configuration of a server, for which it is a process beside it: this one.

    It costs a fraction of a process of its own. Commands that need a reactor cannot be run so.

    :param environ: the environment, which is empty otherwise.
    """
    out, err = io.StringIO(), io.StringIO()
    # Where argparse writes.
    with contextlib.redirect_stderr(err):
        code = main(["-config", os.fspath(daemon.config), *words], environ or {}, out, err)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


_together: dict[tuple[str, str], Daemon] = {}


class ServerCase(SynchronousTestCase):
    """A test with servers."""

    def directory(self) -> pathlib.Path:
        """Return a directory that is gone after the test."""
        path = pathlib.Path(self.mktemp()).resolve()
        path.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def small_disk(self, size: int) -> pathlib.Path:
        """Return where a file system of so many bytes is mounted until the test ends."""
        if os.geteuid() != 0:
            raise SkipTest("only root can mount the small file system that this test fills")
        place = self.directory()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "hmacfs-test", os.fspath(place)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SkipTest(f"no small file system can be mounted: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", os.fspath(place)], check=True)
        return place

    def unstarted(
        self,
        sections: Sections | None = None,
        storage: pathlib.Path | None = None,
        port: int | None = None,
    ) -> Daemon:
        """Return a server to be started, which is ended after the test, with no fault logged."""
        daemon = Daemon(self.directory(), sections, storage, port)
        self.addCleanup(self._end, daemon)
        return daemon

    def start(
        self,
        sections: Sections | None = None,
        storage: pathlib.Path | None = None,
        port: int | None = None,
    ) -> Daemon:
        """Return a running server, which is ended after the test and must have logged no fault."""
        daemon = self.unstarted(sections, storage, port)
        daemon.start()
        return daemon

    def _end(self, daemon: Daemon) -> None:
        daemon.end()
        self.assertEqual([], daemon.faults())

    def together(self, sections: Sections | None = None) -> Daemon:
        """
        Return the running server that the tests of this module have together.

        Files of other tests are there. It may have been ended by one of them, and is started again
        then. It must log no fault during any of them, and ends with the process.
        """
        key = (type(self).__module__, toml.dumps(sections or {}))
        before = len(_together[key].log) if key in _together else 0
        if key not in _together:
            _together[key] = Daemon(lasting_directory(), sections)
            atexit.register(_together[key].end)
        daemon = _together[key]
        self.addCleanup(lambda: self.assertEqual([], daemon.faults(before)))
        if not daemon.running:
            daemon.start()
        return daemon

    @property
    def label(self) -> str:
        """A name that no other test of the module has."""
        return "-".join(self.id().rsplit(".", 2)[1:])

    def connect(self, daemon: Daemon) -> Connection:
        """Return a connection to the server, which is closed after the test."""
        connection = Connection(daemon.port)
        self.addCleanup(connection.close)
        return connection

    def assert_status(self, status: int, answer: Answer, case: object = "") -> None:
        """Fail unless the answer has this status."""
        self.assertEqual(status, answer.status, f"{case!r}: {answer.body[:300]!r}")

    def assert_comes_back(self, daemon: Daemon, target: str | bytes, data: bytes) -> Answer:
        """Fail unless GET answers with exactly these bytes; return the answer."""
        with Connection(daemon.port) as connection:
            answer = connection.request("GET", target)
        self.assert_status(200, answer, target)
        self.assertEqual(hashlib.sha256(data).hexdigest(), answer.sha256, repr(target))
        return answer

    def assert_refuses_all(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Fail unless a server that stops soon tells so to whoever comes, and at ``/health``."""

        def ask(target: str) -> Answer:
            with Connection(port, tls=tls) as connection:
                return connection.request("GET", target)

        eventually("a refusal", lambda: ask("/").status == 503)
        refused = ask("/")
        self.assert_status(503, refused)
        self.assertTrue(refused.closes)
        self.assertGreater(int(refused.headers["retry-after"]), 0)
        health = ask("/health")
        self.assertEqual((503, b"DRAINING\n"), (health.status, health.body))
        self.assertTrue(health.closes)

    def assert_nothing_stored(self, daemon: Daemon) -> None:
        """Fail if the server has any file, or any stage."""
        self.assertEqual(([], []), (list(daemon.stored()), daemon.stages()))
