"""Tests of opening the files and the index from a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from unittest import SkipTest

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.cli.calls import Calls
from hmacfs.cli.command import CommandFailed
from hmacfs.cli.visit import carried_out, opened, storage
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.stores.database import is_older
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.scripts import packaged_steps
from hmacfs.stores.upgrades import create
from tests.blobs.descriptors import open_below
from tests.blobs.samples import content, named, store
from tests.stores.samples import stored

T = TypeVar("T")

Work = Callable[[Calls], Coroutine[Deferred[Any], Any, T]]


class VisitTests(SynchronousTestCase):
    """``opened``, ``storage`` and ``carried_out``."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).resolve()
        self.settings = Settings.of({options.SERVER_STORAGE_PATH: self.root})

    def begin(self) -> None:
        """Make an index that knows a file, and the file."""

        async def work(calls: Calls) -> None:
            async with opened(self.settings, calls, alone=True) as visit:
                await visit.index.add(stored("a"))
                await store(visit.blobs, "a", b"content")

        carried_out(work)

    def test_no_index(self) -> None:
        """Without an index there is nothing to visit, and nothing is made."""

        async def work(calls: Calls) -> None:
            async with opened(self.settings, calls):
                self.fail("it was opened")

        with self.assertRaisesRegex(CommandFailed, "there is no index"):
            carried_out(work)
        self.assertFalse(self.root.exists())

    def test_files_and_index(self) -> None:
        """Both can be used, and are let go of at the end."""
        self.begin()

        async def work(calls: Calls) -> tuple[object, bytes | None]:
            async with opened(self.settings, calls) as visit:
                found = await visit.index.find(named("a"))
                return found, await content(visit.blobs, named("a"))

        self.assertEqual(carried_out(work), (stored("a"), b"content"))
        self.assertEqual(open_below(self.root), [])

    def test_lets_go(self) -> None:
        """What fails in between lets go of all as well."""
        self.begin()

        async def work(calls: Calls) -> None:
            async with opened(self.settings, calls):
                raise StoreFailed("broken")

        with self.assertRaisesRegex(CommandFailed, "broken"):
            carried_out(work)
        self.assertEqual(open_below(self.root), [])

    def test_alone(self) -> None:
        """Who is alone keeps out who wants to be alone, and no other visitor."""
        self.begin()

        async def inner(calls: Calls, *, alone: bool) -> str:
            async with opened(self.settings, calls, alone=alone):
                return "inside"

        async def work(calls: Calls) -> str:
            async with storage(self.settings, calls, alone=True):
                self.assertEqual(await inner(calls, alone=False), "inside")
                return await inner(calls, alone=True)

        with self.assertRaisesRegex(CommandFailed, "another hmac-file-server is running"):
            carried_out(work)
        self.assertEqual(open_below(self.root), [])

    def test_older_index(self) -> None:
        """An index of an older release is upgraded, but not beside a server that may be older."""
        self.begin()
        path = self.root / ".hmacfs" / "index.sqlite"
        path.unlink()
        create(path, packaged_steps()[:1], 1.0)

        async def look(calls: Calls) -> object:
            async with opened(self.settings, calls) as visit:
                return await visit.index.find(named("a"))

        async def beside(calls: Calls) -> object:
            async with storage(self.settings, calls, alone=True):
                return await look(calls)

        with self.assertRaisesRegex(CommandFailed, "another hmac-file-server is running"):
            carried_out(beside)
        self.assertTrue(is_older(path, 1.0))
        self.assertIsNone(carried_out(look))
        self.assertFalse(is_older(path, 1.0))

    def test_owner(self) -> None:
        """What root makes in a storage belongs to the owner of the storage."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give files away")
        self.begin()
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, 12345, 12346)
        (self.root / ".hmacfs" / "stage").rmdir()

        async def work(calls: Calls) -> None:
            async with opened(self.settings, calls) as visit:
                await visit.index.add(stored("b"))
                for part in ("-wal", "-shm"):
                    path = self.root / ".hmacfs" / f"index.sqlite{part}"
                    self.assertEqual(path.stat().st_uid, 12345)

        carried_out(work)
        for path in (self.root / ".hmacfs").iterdir():
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (12345, 12346), path)
