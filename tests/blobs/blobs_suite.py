"""
What every storage must do, as tests.

An implementation proves itself by handing :func:`make_blobs_tests` a way to
make one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.trial.unittest import TestCase

from hmacfs.blobs.interfaces import Blobs, Found, Leftover, NameExists, OpenBlob, StorageFailed
from tests.blobs.samples import content, named, published, staged, store
from tests.flow.awaiting import begun


class Storage(Protocol):
    """A storage that outlives the process that uses it."""

    async def open(self) -> Blobs:
        """Begin to use it; it is empty, or as a crash left it."""

    async def crash(self) -> None:
        """Let go of it as a process does that is gone."""

    async def close(self) -> None:
        """Let go of it after the test, whether it is open or not."""


class _BlobsTests(TestCase):
    """The rules that hold for every storage."""

    storage: Storage

    async def open(self) -> Blobs:
        """Begin to use an empty storage."""
        raise NotImplementedError

    async def crashed(self) -> Blobs:
        """Begin to use the storage again, after a crash."""
        await self.storage.crash()
        return await self.storage.open()

    async def has(self, blobs: Blobs, name: str, expected: bytes | None) -> None:
        """Check the bytes of a file; ``None`` means that there is none."""
        self.assertEqual(await content(blobs, named(name)), expected)

    async def refuses(self, blobs: Blobs, name: str) -> None:
        """Check that nothing can be published under a name."""
        blob = await staged(blobs, b"refused")
        with self.assertRaises(NameExists):
            await blobs.publish(blob, named(name), b"")
        await blobs.settle(blob)

    async def opened(self, blobs: Blobs, name: str) -> OpenBlob:
        """Open a file that is there, until the test ends."""
        blob = await blobs.open(named(name))
        assert blob is not None
        self.addCleanup(blob.lane.run, blob.close)
        return blob

    # Publishing

    async def test_empty(self) -> None:
        """In a new storage there is nothing."""
        blobs = await self.open()
        await self.has(blobs, "a.txt", None)
        self.assertFalse(await blobs.remove(named("a.txt")))
        self.assertEqual(await blobs.leftovers(), [])

    async def test_publish(self) -> None:
        """Staged bytes are visible when they are published, whole, and stay when they settle."""
        blobs = await self.open()
        blob = await staged(blobs, b"content")
        await self.has(blobs, "folder/a.txt", None)
        await blobs.publish(blob, named("folder/a.txt"), b"facts")
        await self.has(blobs, "folder/a.txt", b"content")
        await blobs.settle(blob)
        await self.has(blobs, "folder/a.txt", b"content")

    async def test_read_staged(self) -> None:
        """What is staged can be read before it is published, by who staged it."""
        blobs = await self.open()
        blob = await staged(blobs, b"content")
        self.assertEqual(await blob.lane.run(blob.read_at, 1, 100), b"ontent")
        self.assertEqual(await blob.lane.run(blob.read_at, 7, 100), b"")
        await blob.lane.run(blob.write, b" and more")
        await blobs.publish(blob, named("a.txt"), b"")
        await blobs.settle(blob)
        await self.has(blobs, "a.txt", b"content and more")

    async def test_replace(self) -> None:
        """A file is replaced as a whole, and its old bytes stay where they have another name."""
        blobs = await self.open()
        name, version = named("folder/a"), named("folder/a").version("1-a")
        await store(blobs, "folder/a", b"old")
        self.assertTrue(await blobs.link(name, version))
        with self.assertRaises(NameExists):
            await blobs.link(name, version)
        self.assertFalse(await blobs.link(named("none"), version))
        blob = await staged(blobs, b"newer")
        await blobs.replace(blob, name, b"facts")
        await self.has(blobs, "folder/a", b"newer")
        await blobs.settle(blob)
        await self.has(blobs, "folder/a", b"newer")
        self.assertEqual(await content(blobs, version), b"old")
        await blobs.rename(version, name)
        await self.has(blobs, "folder/a", b"old")
        self.assertIsNone(await content(blobs, version))

    async def test_replace_nothing(self) -> None:
        """Only a file can be replaced."""
        blobs = await self.open()
        await store(blobs, "folder/a", b"old")
        for name in ("none", "folder"):
            blob = await staged(blobs, b"newer")
            with self.assertRaises(NameExists):
                await blobs.replace(blob, named(name), b"facts")
            await blobs.settle(blob)
        await self.has(blobs, "folder/a", b"old")

    async def test_replace_crash(self) -> None:
        """A crash after a replacement leaves its facts, for the name has the new bytes."""
        blobs = await self.open()
        await store(blobs, "a", b"old")
        await blobs.replace(await staged(blobs, b"newer"), named("a"), b"facts")
        blobs = await self.crashed()
        self.assertEqual([each.intent for each in await blobs.leftovers()], [b"facts"])
        await self.has(blobs, "a", b"newer")

    async def test_versions_are_not_found(self) -> None:
        """A walk tells files, and no older versions."""
        blobs = await self.open()
        await store(blobs, "a", b"old")
        await blobs.link(named("a"), named("a").version("1-a"))
        found: list[object] = []
        async with aclosing(blobs.walk()) as walk:
            async for some in walk:
                found += [each.name for each in some if isinstance(each, Found)]
        self.assertEqual(found, [named("a")])
        self.assertTrue(await blobs.remove(named("a").version("1-a")))
        self.assertFalse(await blobs.remove(named("a").version("1-a")))
        await self.has(blobs, "a", b"old")

    async def test_deduplicate(self) -> None:
        """Equal files are whole whether they have their bytes together or not, as each goes."""
        blobs = await self.open()
        digest = sha256(b"content").digest()
        for name in ("a", "folder/b", "c"):
            await store(blobs, name, b"content")
            await blobs.deduplicate(named(name), digest)
        await blobs.deduplicate(named("d"), digest)
        for name in ("a", "folder/b", "c"):
            await self.has(blobs, name, b"content")
            self.assertTrue(await blobs.remove(named(name)))
            await self.has(blobs, name, None)
        await self.has(blobs, "d", None)

    async def test_no_bytes(self) -> None:
        """A file may have no bytes."""
        blobs = await self.open()
        blob = await blobs.stage()
        await blobs.publish(blob, named("empty"), b"")
        await blobs.settle(blob)
        await self.has(blobs, "empty", b"")

    async def test_order(self) -> None:
        """Publishing comes after the writes asked for before it; these keep their order."""
        blobs = await self.open()
        blob = await blobs.stage()
        waiting = [blob.lane.run(blob.write, part) for part in (b"a", b"", b"bc", b"d" * 100_000)]
        await blobs.publish(blob, named("file"), b"")
        await blobs.settle(blob)
        self.assertTrue(all(result.called for result in waiting))
        await self.has(blobs, "file", b"abc" + b"d" * 100_000)

    async def test_stages_apart(self) -> None:
        """Files that are staged at the same time do not meet."""
        blobs = await self.open()
        one, other = await blobs.stage(), await blobs.stage()
        for part in (b"1", b"2", b"3"):
            await one.lane.run(one.write, part)
            await other.lane.run(other.write, part * 2)
        await blobs.publish(other, named("other"), b"")
        await blobs.publish(one, named("one"), b"")
        await self.has(blobs, "one", b"123")
        await self.has(blobs, "other", b"112233")
        await blobs.settle(one)
        await blobs.settle(other)

    async def test_settle_unpublished(self) -> None:
        """A stage that is not wanted leaves nothing."""
        blobs = await self.open()
        await blobs.settle(await staged(blobs, b"unwanted"))
        self.assertEqual(await (await self.crashed()).leftovers(), [])

    async def test_closed_stage(self) -> None:
        """When a stage has settled, nothing more is written, published or settled."""
        blobs = await self.open()
        blob = await staged(blobs, b"content")
        await blobs.settle(blob)
        with self.assertRaises(StorageFailed):
            await blob.lane.run(blob.write, b"more")
        with self.assertRaises(StorageFailed):
            await blobs.publish(blob, named("file"), b"")
        with self.assertRaises(StorageFailed):
            await blobs.settle(blob)
        await self.has(blobs, "file", None)

    async def test_published_stage(self) -> None:
        """When a stage is published, nothing more is written, and it has the one name."""
        blobs = await self.open()
        blob = await published(blobs, "file", b"content")
        with self.assertRaises(StorageFailed):
            await blob.lane.run(blob.write, b"more")
        with self.assertRaises(StorageFailed):
            await blobs.publish(blob, named("second"), b"")
        await blobs.settle(blob)
        await self.has(blobs, "file", b"content")
        await self.has(blobs, "second", None)

    # Names

    async def test_existing_name(self) -> None:
        """An existing file is never replaced, not by the same bytes either."""
        blobs = await self.open()
        await store(blobs, "folder/file", b"first")
        for later in (b"later", b"first", b""):
            blob = await staged(blobs, later)
            with self.assertRaises(NameExists):
                await blobs.publish(blob, named("folder/file"), b"")
            await blobs.settle(blob)
        await self.has(blobs, "folder/file", b"first")

    async def test_race(self) -> None:
        """Of uploads that publish one name at once, one has it; the others change nothing."""
        blobs = await self.open()
        contents = [b"content %d" % number for number in range(8)]
        stages = [await staged(blobs, each) for each in contents]
        outcomes = await DeferredList(
            [begun(blobs.publish(blob, named("new/folder/file"), b"")) for blob in stages],
            consumeErrors=True,
        )
        winners = [number for number, (success, _) in enumerate(outcomes) if success]
        self.assertEqual(len(winners), 1)
        await self.has(blobs, "new/folder/file", contents[winners[0]])
        for blob in stages:
            await blobs.settle(blob)
        await self.has(blobs, "new/folder/file", contents[winners[0]])

    async def test_file_as_folder(self) -> None:
        """Below a file there can be no file, nor is there one."""
        blobs = await self.open()
        await store(blobs, "a/b", b"content")
        for name in ("a/b/c", "a/b/c/d"):
            await self.refuses(blobs, name)
            await self.has(blobs, name, None)
            self.assertFalse(await blobs.remove(named(name)))
        await self.has(blobs, "a/b", b"content")

    async def test_pruned(self) -> None:
        """A folder goes with its last file, and its name can be that of a file then."""
        blobs = await self.open()
        await store(blobs, "a/b/one", b"1")
        await store(blobs, "a/two", b"2")
        self.assertTrue(await blobs.remove(named("a/b/one")))
        await store(blobs, "a/b", b"3")
        self.assertTrue(await blobs.remove(named("a/b")))
        await self.has(blobs, "a/two", b"2")
        self.assertTrue(await blobs.remove(named("a/two")))
        await store(blobs, "a", b"4")
        await self.has(blobs, "a", b"4")

    async def test_folder_as_file(self) -> None:
        """A folder is no file and cannot become one."""
        blobs = await self.open()
        await store(blobs, "a/b/c", b"content")
        for name in ("a", "a/b"):
            await self.refuses(blobs, name)
            await self.has(blobs, name, None)
            self.assertFalse(await blobs.remove(named(name)))
        await self.has(blobs, "a/b/c", b"content")

    async def test_siblings(self) -> None:
        """A folder holds many files, and the same leaf may be in many folders."""
        blobs = await self.open()
        names = ["a/1", "a/2", "b/1", "1", "a/b/1"]
        for name in names:
            await store(blobs, name, name.encode())
        for name in names:
            await self.has(blobs, name, name.encode())

    async def test_names_differ(self) -> None:
        """Names are taken as they are: case, composition, spaces, dots and signs all count."""
        blobs = await self.open()
        names = ["A", "a", "a ", " a", ".a", "...", "..a", "é", "e\u0301", "~", "*", "\\", "%2F"]
        for name in (*names, "n" * 255, "-rf", "😀/😀"):
            await store(blobs, name, name.encode())
        for name in (*names, "n" * 255, "-rf", "😀/😀"):
            await self.has(blobs, name, name.encode())

    # Reading and removing

    async def test_read(self) -> None:
        """A read brings the bytes at its offset: fewer at the end, none behind it."""
        blobs = await self.open()
        await store(blobs, "file", b"0123456789")
        blob = await self.opened(blobs, "file")
        self.assertEqual(blob.size, 10)
        for offset, length, expected in [
            (0, 10, b"0123456789"),
            (3, 4, b"3456"),
            (8, 100, b"89"),
            (10, 1, b""),
            (1000, 1, b""),
            (0, 1, b"0"),
        ]:
            self.assertEqual(await blob.lane.run(blob.read_at, offset, length), expected)

    async def test_read_whole(self) -> None:
        """Opened to be read at once if it is small, a file of any size gives the same bytes."""
        blobs = await self.open()
        for name, data in (("empty", b""), ("small", b"0123"), ("large", b"01234")):
            await store(blobs, name, data)
            for whole in (0, 4):
                blob = await blobs.open(named(name), whole)
                assert blob is not None
                self.assertEqual(blob.size, len(data))
                parts = [await blob.lane.run(blob.read_at, at, 3) for at in (0, 3, 6)]
                self.assertEqual(parts, [data[:3], data[3:], b""])
                await blob.lane.run(blob.close)
        self.assertIsNone(await blobs.open(named("none"), 4))

    async def test_read_closed(self) -> None:
        """A file that was closed is not read, whatever its descriptor is by now."""
        blobs = await self.open()
        await store(blobs, "file", b"content")
        await store(blobs, "secret", b"private")
        blob = await self.opened(blobs, "file")
        await blob.lane.run(blob.close)
        other = await self.opened(blobs, "secret")
        await blob.lane.run(blob.close)
        with self.assertRaises(StorageFailed):
            await blob.lane.run(blob.read_at, 0, 7)
        self.assertEqual(await other.lane.run(other.read_at, 0, 7), b"private")

    async def test_remove(self) -> None:
        """A file that was removed is gone, and its name may be used again."""
        blobs = await self.open()
        await store(blobs, "a/b", b"first")
        await store(blobs, "a/c", b"other")
        self.assertTrue(await blobs.remove(named("a/b")))
        await self.has(blobs, "a/b", None)
        self.assertFalse(await blobs.remove(named("a/b")))
        await store(blobs, "a/b", b"second")
        await self.has(blobs, "a/b", b"second")
        await self.has(blobs, "a/c", b"other")

    async def test_remove_open(self) -> None:
        """Whoever reads a file reads it to the end, removed or not, whoever has its name now."""
        blobs = await self.open()
        await store(blobs, "file", b"first")
        blob = await self.opened(blobs, "file")
        await blobs.remove(named("file"))
        await store(blobs, "file", b"second")
        self.assertEqual(await blob.lane.run(blob.read_at, 0, 100), b"first")

    async def test_free_bytes(self) -> None:
        """There is room where nothing is."""
        blobs = await self.open()
        self.assertGreater(await blobs.free_bytes(), 1024 * 1024)

    # Cancelling

    async def test_cancel_stage(self) -> None:
        """A stage that nobody waited for is cleared, and so is one that was under way."""
        blobs = await self.open()
        abandoned = begun(blobs.stage())
        abandoned.addErrback(lambda failure: failure.trap(CancelledError))
        abandoned.cancel()
        await blobs.settle(await staged(blobs, b"wanted"))
        self.assertEqual(await (await self.crashed()).leftovers(), [])

    async def test_cancel_settle(self) -> None:
        """What nobody waits for settles all the same."""
        blobs = await self.open()
        blob = await published(blobs, "file", b"content")
        settling = begun(blobs.settle(blob))
        settling.addErrback(lambda failure: failure.trap(CancelledError))
        settling.cancel()
        await blob.lane.run(lambda: None)
        self.assertEqual(await (await self.crashed()).leftovers(), [])

    # After a crash

    async def test_crash_before_publishing(self) -> None:
        """What was never published is cleared, and told of to nobody."""
        blobs = await self.open()
        await blobs.stage()
        await staged(blobs, b"content")
        blobs = await self.crashed()
        self.assertEqual(await blobs.leftovers(), [])
        self.assertEqual(await (await self.crashed()).leftovers(), [])

    async def test_crash_after_publishing(self) -> None:
        """What was published and had not settled is there, and told of until it is forgotten."""
        blobs = await self.open()
        await published(blobs, "a/b", b"content", "fäcts".encode() * 100)
        blobs = await self.crashed()
        (told,) = await blobs.leftovers()
        blobs = await self.crashed()
        (leftover,) = await blobs.leftovers()
        for each in (told, leftover):
            self.assertEqual(each.intent, "fäcts".encode() * 100)
        await self.has(blobs, "a/b", b"content")
        await blobs.forget(leftover)
        await self.has(blobs, "a/b", b"content")
        blobs = await self.crashed()
        self.assertEqual(await blobs.leftovers(), [])
        await self.has(blobs, "a/b", b"content")

    async def test_crash_after_settling(self) -> None:
        """What had settled is there, and not told of."""
        blobs = await self.open()
        await store(blobs, "a/b", b"content")
        blobs = await self.crashed()
        self.assertEqual(await blobs.leftovers(), [])
        await self.has(blobs, "a/b", b"content")

    async def test_crash_after_refusal(self) -> None:
        """What could not be published for its name is cleared; the file that has it stays."""
        blobs = await self.open()
        await store(blobs, "a", b"first")
        blob = await staged(blobs, b"second")
        with self.assertRaises(NameExists):
            await blobs.publish(blob, named("a"), b"facts")
        blobs = await self.crashed()
        self.assertEqual(await blobs.leftovers(), [])
        await self.has(blobs, "a", b"first")

    async def test_crash_after_removal(self) -> None:
        """What was published and removed again before it settled is cleared."""
        blobs = await self.open()
        await published(blobs, "a", b"content")
        await blobs.remove(named("a"))
        blobs = await self.crashed()
        self.assertEqual(await blobs.leftovers(), [])
        await self.has(blobs, "a", None)

    async def test_several_leftovers(self) -> None:
        """Each leftover is told and forgotten by itself."""
        blobs = await self.open()
        for name in ("a", "b/a", "b/b"):
            await published(blobs, name, name.encode(), name.encode())
        await staged(blobs, b"unpublished")
        blobs = await self.crashed()
        found: list[Leftover] = await blobs.leftovers()
        self.assertEqual({each.intent for each in found}, {b"a", b"b/a", b"b/b"})
        await blobs.forget(found[0])
        left = await (await self.crashed()).leftovers()
        self.assertEqual({each.intent for each in left}, {each.intent for each in found[1:]})

    async def test_forgotten(self) -> None:
        """A leftover is forgotten once."""
        blobs = await self.open()
        await published(blobs, "a", b"content")
        blobs = await self.crashed()
        (leftover,) = await blobs.leftovers()
        await blobs.forget(leftover)
        with self.assertRaises(StorageFailed):
            await blobs.forget(leftover)

    # Looking through

    async def walked(self, blobs: Blobs) -> dict[str, Found]:
        """Return what a walk finds, by name."""
        found = [each async for some in blobs.walk() for each in some]
        files = {str(each.name): each for each in found if isinstance(each, Found)}
        self.assertEqual(len(files), len(found))
        return files

    async def test_walk(self) -> None:
        """A walk tells each published file once, with its size, and no staged bytes."""
        blobs = await self.open()
        sizes = {"a": 0, "b": 1, "folder/a": 7, "folder/below/a": 9, "folder/.hmacfs/x": 2}
        for name, size in sizes.items():
            await store(blobs, name, b"x" * size)
        unwanted = await staged(blobs, b"staged")
        await blobs.remove(named("b"))
        found = await self.walked(blobs)
        self.assertEqual(
            {name: each.size for name, each in found.items()},
            {name: size for name, size in sizes.items() if name != "b"},
        )
        await blobs.settle(unwanted)

    async def test_walk_nothing(self) -> None:
        """In an empty storage a walk tells nothing."""
        self.assertEqual(await self.walked(await self.open()), {})

    async def test_walk_intent(self) -> None:
        """The facts of a file are told until it is settled."""
        blobs = await self.open()
        blob = await published(blobs, "file", b"content", b"facts")
        self.assertEqual((await self.walked(blobs))["file"].intent, b"facts")
        await blobs.settle(blob)
        self.assertIsNone((await self.walked(blobs))["file"].intent)

    async def test_walk_broken_off(self) -> None:
        """A walk may end before its end, and another begin."""
        blobs = await self.open()
        await store(blobs, "folder/file", b"content")
        async with aclosing(blobs.walk()) as walk:
            async for _ in walk:
                break
        self.assertEqual(list(await self.walked(blobs)), ["folder/file"])


def make_blobs_tests(made: Callable[[Path], Storage], name: str = "BlobsTests") -> type[TestCase]:
    """
    Make the tests of a storage.

    :param made: makes an empty storage; if it needs a directory, the one of
        this path, which does not exist.
    :param name: what the tests are called in the module that ``made`` is of.
    """

    class BlobsTests(_BlobsTests):
        """The rules that hold for every storage."""

        def setUp(self) -> None:
            self.storage = made(Path(self.mktemp()))

        async def open(self) -> Blobs:
            """Begin to use an empty storage."""
            # Registered first and so called last, after what the test has open is closed.
            self.addCleanup(lambda: Deferred.fromCoroutine(self.storage.close()))
            return await self.storage.open()

    # Trial names tests by these, and finds them again by their name.
    BlobsTests.__module__ = made.__module__
    BlobsTests.__name__ = BlobsTests.__qualname__ = name
    return BlobsTests
