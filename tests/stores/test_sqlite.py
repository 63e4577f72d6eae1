"""Tests of the index in a file, with its threads."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar, cast

from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase, TestCase

from hmacfs.stores.interfaces import Index, StoreFailed, StoreFull
from hmacfs.stores.sqlite import SqliteIndex
from tests.stores.disks import commits, fill, locked, small_disk
from tests.stores.index_suite import IndexMachine, make_index_tests
from tests.stores.pump import HANGS, Pump
from tests.stores.samples import LARGEST, buried, stored

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]

MEMORY = Path("/dev/shm")
"""Where files need no disk: the machine makes many, and does not test that they last."""

reactor = cast(IReactorFromThreads, global_reactor)


async def open_sqlite(path: Path) -> Index:
    """Open an index in a new file."""
    index = SqliteIndex(path, reactor)
    await index.start()
    return index


IndexTests = make_index_tests(open_sqlite)


class SqliteMachine(IndexMachine):
    """The index in a file beside the model."""

    def open(self) -> Index:
        """Open an index in a new file."""
        self.directory = Path(mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.pump = Pump()
        return self.opened()

    def opened(self) -> Index:
        """Open the file."""
        index = SqliteIndex(self.directory / "index.sqlite", self.pump)
        self.wait(index.start())
        return index

    def wait(self, result: Deferred[T]) -> T:
        """Make the calls that the threads ask for until a result has fired."""
        return self.pump.wait(result)

    @rule()
    def open_again(self) -> None:
        """What was recorded is still known after the index was closed and opened again."""
        closing_index = cast(SqliteIndex, self.index)
        self.wait(closing_index.close())
        self.index = self.opened()

    def teardown(self) -> None:
        """Compare for the last time, and leave nothing behind."""
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.directory)


class SqliteMachineTests(SynchronousTestCase):
    """The machine."""

    def test_model(self) -> None:
        """After any sequence of requests the index knows what the model knows."""
        # Each example makes a file and starts threads: a quarter of what others run.
        few = settings(max_examples=settings().max_examples // 4)
        run_state_machine_as_test(SqliteMachine, settings=few)


class SqliteCase(TestCase):
    """An index in a file."""

    timeout = HANGS

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.path = self.directory / "index.sqlite"

    async def open(self, path: Path | None = None) -> SqliteIndex:
        """Open an index, to be closed after the test."""
        index = SqliteIndex(path or self.path, reactor)
        self.addCleanup(index.close)
        await index.start()
        return index

    def names(self) -> list[str]:
        """Return the names of the files that others see."""
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT name FROM files ORDER BY name").fetchall()
        return [name for (name,) in found]


class StartTests(SqliteCase):
    """Opening and closing."""

    async def test_not_started(self) -> None:
        """Before it is started an index refuses whatever is asked, and may be closed."""
        index = SqliteIndex(self.path, reactor)
        with self.assertRaises(StoreFailed):
            await index.find(stored().name)
        with self.assertRaises(StoreFailed):
            await index.add(stored())
        await index.close()
        self.assertFalse(self.path.exists())

    async def test_start_twice(self) -> None:
        """A second start is refused, and the index goes on."""
        index = await self.open()
        with self.assertRaises(StoreFailed):
            await index.start()
        await index.add(stored())
        self.assertEqual(await index.find(stored().name), stored())

    async def test_open_again(self) -> None:
        """What was recorded is still known to the next who opens the file."""
        index = await self.open()
        await index.add(stored("file"))
        await index.bury(buried("tombstone"))
        await index.close()
        for again in (index, SqliteIndex(self.path, reactor)):
            await again.start()
            self.assertEqual(await again.find(stored("file").name), stored("file"))
            self.assertEqual(await again.find(buried("tombstone").name), buried("tombstone"))
            await again.close()

    async def test_refused(self) -> None:
        """A file that is not ours is told by the start; the index then refuses all, and closes."""
        self.path.write_bytes(b"no database of SQLite" * 100)
        index = SqliteIndex(self.path, reactor)
        with self.assertRaises(StoreFailed) as caught:
            await index.start()
        self.assertIn("hmac-file-server reindex", str(caught.exception))
        with self.assertRaises(StoreFailed):
            await index.find(stored().name)
        await index.close()

    async def test_start_after_failure(self) -> None:
        """An index that could not be opened can be, once the reason is gone."""
        self.path.mkdir()
        index = SqliteIndex(self.path, reactor)
        with self.assertRaises(StoreFailed):
            await index.start()
        self.path.rmdir()
        await index.start()
        await index.add(stored())
        await index.close()

    async def test_newer(self) -> None:
        """The file of a newer release is refused."""
        await (await self.open()).close()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA user_version = 99")
        with self.assertRaises(StoreFailed) as caught:
            await self.open()
        self.assertIn("newer release", str(caught.exception))

    async def test_start_cancelled(self) -> None:
        """Whoever gives up the start finds the index closed, and may start it again."""
        index = SqliteIndex(self.path, reactor)
        started = index.start()
        started.cancel()
        with self.assertRaises(CancelledError):
            await started
        with self.assertRaises(StoreFailed):
            await index.add(stored())
        await index.start()
        await index.add(stored())
        await index.close()

    async def test_close_while_starting(self) -> None:
        """An index that is closed before it is open takes nothing, and lets go of the file."""
        index = SqliteIndex(self.path, reactor)
        started = index.start()
        started.addErrback(lambda failure: failure.trap(StoreFailed))
        await index.close()
        await started
        with self.assertRaises(StoreFailed):
            await index.add(stored())
        await index.close()
        self.assertEqual([path.name for path in self.directory.iterdir()], ["index.sqlite"])


class WriteTests(SqliteCase):
    """Writes that wait at the same time."""

    async def test_group_commit(self) -> None:
        """A hundred files cost two commits: the first ones', and one for all that waited."""
        index = await self.open()
        before = commits(self.path)
        recorded = [stored(f"file-{n}") for n in range(100)]
        with locked(self.path):
            adds = gatherResults([index.add(file) for file in recorded])
        await adds
        self.assertLessEqual(commits(self.path) - before, 2)
        self.assertEqual(len(self.names()), 100)

    async def test_durable(self) -> None:
        """A result fires after its commit, not before: the log has it by then."""
        index = await self.open()
        for n in range(5):
            await index.add(stored(f"file-{n}"))
            self.assertIn(f"file-{n}", self.names())

    async def test_one_fails(self) -> None:
        """A request that fails leaves those that share its transaction alone."""
        index = await self.open()
        with locked(self.path):
            good = [index.add(stored(f"before-{n}")) for n in range(5)]
            bad = index.add(stored("bad", size=LARGEST + 1))
            good += [index.add(stored(f"after-{n}")) for n in range(5)]
        with self.assertRaises(StoreFailed):
            await bad
        await gatherResults(good)
        self.assertEqual(len(self.names()), 10)
        self.assertNotIn("bad", self.names())

    async def test_cancel(self) -> None:
        """A write that is cancelled while it waits is done, and so are those around it."""
        index = await self.open()
        with locked(self.path):
            first = index.add(stored("first"))
            given_up = index.add(stored("given up"))
            last = index.add(stored("last"))
            given_up.cancel()
        with self.assertRaises(CancelledError):
            await given_up
        await gatherResults([first, last])
        self.assertEqual(self.names(), ["first", "given up", "last"])

    async def test_busy(self) -> None:
        """What another process keeps us from writing fails in time, and can be tried again."""
        index = SqliteIndex(self.path, reactor, busy_timeout=0.0)
        self.addCleanup(index.close)
        await index.start()
        with locked(self.path):
            with self.assertRaises(StoreFailed) as caught:
                await index.add(stored())
            self.assertIn("stays locked", str(caught.exception))
        await index.add(stored())

    async def test_full_disk(self) -> None:
        """On a full disk writes fail and reads go on; with room again writes do too."""
        directory = small_disk(self, 256 << 10)
        index = await self.open(directory / "index.sqlite")
        await index.add(stored("first"))
        fill(directory / "ballast")
        big = stored("big", content_type="x" * 50_000)
        with self.assertRaises(StoreFull):
            await index.add(big)
        self.assertEqual(await index.find(stored("first").name), stored("first"))
        self.assertIsNone(await index.find(big.name))
        (directory / "ballast").unlink()
        await index.add(big)
        self.assertEqual(await index.find(big.name), big)

    async def test_close(self) -> None:
        """Closing waits for what was asked for, and then the file stands alone."""
        index = await self.open()
        with locked(self.path):
            adds = gatherResults([index.add(stored(f"file-{n}")) for n in range(50)])
            closed = index.close()
            with self.assertRaises(StoreFailed):
                await index.add(stored("late"))
        await closed
        self.assertEqual(len(self.successResultOf(adds)), 50)
        self.assertEqual([path.name for path in self.directory.iterdir()], ["index.sqlite"])
        self.assertEqual(len(self.names()), 50)


class ReadTests(SqliteCase):
    """Reads, which have a thread of their own."""

    async def test_beside_writes(self) -> None:
        """A read is answered while a write waits, and tells what was committed before."""
        index = await self.open()
        await index.add(stored(size=1))
        with locked(self.path):
            waiting = index.add(stored(size=2))
            self.assertEqual(await index.find(stored().name), stored(size=1))
            self.assertNoResult(waiting)
        await waiting
        self.assertEqual(await index.find(stored().name), stored(size=2))

    async def test_damaged(self) -> None:
        """Damage that a read meets is told with the way out."""
        index = await self.open()
        await gatherResults([index.add(stored(f"file-{n}")) for n in range(200)])
        await index.close()
        with self.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (self.path.stat().st_size - 4096))
        await index.start()
        with self.assertRaises(StoreFailed) as caught:
            await index.find(stored("file-7").name)
        self.assertIn("hmac-file-server reindex", str(caught.exception))


class ProcessTests(SqliteCase):
    """Several processes, and one that is killed."""

    def spawn(self, prefix: str, count: int) -> subprocess.Popen[str]:
        """Start a process that records files, killed at the latest after the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.index_process", self.path, prefix, str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def said(self, process: subprocess.Popen[str]) -> str:
        """Wait for the next line of a process."""
        assert process.stdout is not None
        return process.stdout.readline()

    async def test_killed(self) -> None:
        """What was told to be durable survives the end of the process without any warning."""
        process = self.spawn("file", 20)
        self.assertEqual(self.said(process), "durable\n")
        process.kill()
        self.assertLess(process.wait(), 0)
        index = await self.open()
        for n in range(20):
            file = stored(f"file-{n}")
            self.assertEqual(await index.find(file.name), file)

    async def test_several(self) -> None:
        """Processes that begin on the same missing file, and write together, lose nothing."""
        processes = [self.spawn(f"process-{p}", 30) for p in range(3)]
        for process in processes:
            self.assertEqual(self.said(process), "durable\n")
        for process in processes:
            process.communicate("done\n")
            self.assertEqual(process.returncode, 0)
        self.assertEqual([path.name for path in self.directory.iterdir()], ["index.sqlite"])
        self.assertEqual(len(self.names()), 90)

    async def test_others_writes(self) -> None:
        """What another process has recorded is found at once."""
        index = await self.open()
        process = self.spawn("other", 1)
        self.assertEqual(self.said(process), "durable\n")
        self.assertEqual(await index.find(stored("other-0").name), stored("other-0"))
        await index.bury(buried("other-0"))
        process.communicate("done\n")
        self.assertEqual(await index.find(stored("other-0").name), buried("other-0"))
