"""
What every index must do, as tests: examples, and a machine that compares it with a model.

An implementation proves itself by handing :func:`make_index_tests` a way to
open one, and by deriving from :class:`IndexMachine`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import TestCase

from hmacfs.base.errors import ContentBlocked
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.stores.interfaces import BEGINNING, Block, Index, Moment, StoreFailed
from tests.stores.samples import LARGEST, NAMES, buried, files, stored, times, tombstones

T = TypeVar("T")


async def _awaited(result: Awaitable[T]) -> T:
    return await result


def begun(result: Awaitable[T]) -> Deferred[T]:
    """Begin to wait for a result, so that several can be under way and one be cancelled."""
    return Deferred.fromCoroutine(_awaited(result))


def given_up(result: Awaitable[Any]) -> None:
    """Wait for a result no longer."""
    waiting = begun(result)
    waiting.addErrback(lambda failure: failure.trap(CancelledError))
    waiting.cancel()


class _IndexTests(TestCase):
    """The rules that hold for every index."""

    async def open(self) -> Index:
        """Open an empty index, to be closed after the test."""
        raise NotImplementedError

    async def test_unknown(self) -> None:
        """Of a name that was never used nothing is known."""
        index = await self.open()
        await index.add(stored("other.txt"))
        self.assertIsNone(await index.find(stored().name))

    async def test_add(self) -> None:
        """A file that was recorded is found with all its facts."""
        index = await self.open()
        whole = stored(
            "whole", owner="romeo@example.org", expires_at=1_800_000_000.125, metadata='{"a": 1}'
        )
        bare = stored("bare", size=0)
        await index.add(whole)
        await index.add(bare)
        self.assertEqual(await index.find(whole.name), whole)
        self.assertEqual(await index.find(bare.name), bare)

    async def test_exact(self) -> None:
        """Facts come back exactly: large sizes, fractions of a second, any text, empty owners."""
        index = await self.open()
        file = stored(
            size=LARGEST,
            sha256=b"\0" * 32,
            content_type='text/plain; charset="UTF-8"; x="é\0😀"',
            uploaded_at=1_700_000_000.123_456_7,
            owner="",
            expires_at=0.1,
        )
        await index.add(file)
        self.assertEqual(await index.find(file.name), file)

    async def test_names_differ(self) -> None:
        """Names are compared as they are: case, composition, spaces and signs all count."""
        index = await self.open()
        names = ["a", "A", "a ", " a", "a/b", "a%2Fb", "\u00e9", "e\u0301", "%", "_", "'", '"']
        recorded = [stored(name, size=size) for size, name in enumerate(names)]
        for file in recorded:
            await index.add(file)
        self.assertEqual([await index.find(file.name) for file in recorded], recorded)

    async def test_replace(self) -> None:
        """A file that is recorded again replaces what was known of its name."""
        index = await self.open()
        await index.add(stored(owner="romeo", expires_at=5.0))
        again = stored(size=4, sha256=b"\1" * 32)
        await index.add(again)
        self.assertEqual(await index.find(again.name), again)

    async def test_bury(self) -> None:
        """A buried name tells its tombstone; who buried it is told the file."""
        index = await self.open()
        await index.add(stored())
        await index.add(stored("other"))
        self.assertEqual(await index.bury(buried()), stored())
        self.assertEqual(await index.find(stored().name), buried())
        self.assertEqual(await index.find(stored("other").name), stored("other"))

    async def test_bury_unknown(self) -> None:
        """A name without a file can be buried; there is no file to tell of."""
        index = await self.open()
        self.assertIsNone(await index.bury(buried()))
        self.assertEqual(await index.find(buried().name), buried())

    async def test_bury_again(self) -> None:
        """The later of two tombstones of a name stands."""
        index = await self.open()
        await index.add(stored())
        await index.bury(buried(at=1.0))
        again = evolve(buried(at=2.0), reason="taken-down")
        self.assertIsNone(await index.bury(again))
        self.assertEqual(await index.find(again.name), again)
        self.assertEqual(await index.clear_tombstones(inf), 1)

    async def test_add_after_bury(self) -> None:
        """A file takes the place of the tombstone of its name."""
        index = await self.open()
        await index.bury(buried())
        await index.add(stored())
        self.assertEqual(await index.find(stored().name), stored())
        self.assertEqual(await index.clear_tombstones(inf), 0)
        self.assertEqual(await index.find(stored().name), stored())

    async def test_used_by(self) -> None:
        """The bytes of an owner are those of the files that are there, whatever was before."""
        index = await self.open()
        self.assertEqual(await index.used_by("romeo"), 0)
        await index.add(stored("a", owner="romeo", size=5))
        await index.add(stored("b", owner="romeo", size=7))
        await index.add(stored("c", owner="juliet", size=11))
        await index.add(stored("d", size=13))
        self.assertEqual(await index.used_by("romeo"), 12)
        await index.add(stored("a", owner="romeo", size=1))
        await index.bury(buried("b"))
        self.assertEqual(await index.used_by("romeo"), 1)
        await index.add(stored("a", owner="juliet", size=1))
        self.assertEqual([await index.used_by(who) for who in ("romeo", "juliet")], [0, 12])

    async def test_used_by_is_exact(self) -> None:
        """The sum of many bytes is exact, and so is the name of the owner."""
        index = await self.open()
        for name in ("a", "b", "c"):
            await index.add(stored(name, owner="", size=LARGEST))
        self.assertEqual(await index.used_by(""), 3 * LARGEST)
        self.assertEqual(await index.used_by(" "), 0)

    async def test_amend(self) -> None:
        """A file is put in the place of what is known of its name only if that is as told."""
        index = await self.open()
        first, second = stored(size=1), stored(size=2)
        self.assertFalse(await index.amend(first, second))
        self.assertTrue(await index.amend(None, first))
        self.assertFalse(await index.amend(None, second))
        self.assertFalse(await index.amend(evolve(first, owner="romeo"), second))
        self.assertEqual(await index.find(first.name), first)
        self.assertTrue(await index.amend(first, second))
        self.assertEqual(await index.find(first.name), second)
        self.assertFalse(await index.amend(first, None))
        self.assertTrue(await index.amend(second, None))
        self.assertIsNone(await index.find(first.name))

    async def test_amend_buried(self) -> None:
        """A tombstone is something known: no file comes in its place unasked."""
        index = await self.open()
        await index.bury(buried())
        self.assertFalse(await index.amend(None, stored()))
        self.assertFalse(await index.amend(stored(), None))
        self.assertEqual(await index.find(stored().name), buried())

    async def test_amend_bury(self) -> None:
        """A file is buried only if it still is the one that was told."""
        index = await self.open()
        old, new = stored(size=1), stored(size=2)
        await index.add(new)
        self.assertFalse(await index.amend(old, buried()))
        self.assertEqual(await index.find(new.name), new)
        self.assertTrue(await index.amend(new, buried()))
        self.assertEqual(await index.find(new.name), buried())
        self.assertFalse(await index.amend(new, buried(at=5.0)))
        self.assertEqual(await index.find(new.name), buried())

    async def test_oldest(self) -> None:
        """Files are told in the order of their upload, from a moment on, so many."""
        index = await self.open()
        for name, at in (("c", 1.0), ("a", 2.0), ("\u00e9", 2.0), ("b", 2.0), ("d", -5.5)):
            await index.add(stored(name, uploaded_at=at, owner="romeo" if name < "c" else None))
        await index.bury(buried("0"))

        async def told(after: Moment, limit: int, owner: str | None = None) -> list[str]:
            return [str(file.name) for file in await index.oldest(after, limit, owner)]

        self.assertEqual(await told(BEGINNING, 9), ["d", "c", "a", "b", "\u00e9"])
        self.assertEqual(await told(BEGINNING, 2), ["d", "c"])
        self.assertEqual(await told((2.0, "a"), 9), ["b", "\u00e9"])
        self.assertEqual(await told((2.0, ""), 1), ["a"])
        self.assertEqual(await told((3.0, ""), 9), [])
        self.assertEqual(await told(BEGINNING, 9, "romeo"), ["a", "b"])
        self.assertEqual(await told((2.0, "a"), 9, "romeo"), ["b"])
        self.assertEqual(await told(BEGINNING, 9, "juliet"), [])

    async def test_expiring(self) -> None:
        """Files that expire are told in the order of that, from a moment on, so many."""
        index = await self.open()
        for name, at in (("c", 1.0), ("a", 2.0), ("b", 2.0), ("never", None)):
            await index.add(stored(name, expires_at=at))

        async def told(after: Moment, limit: int) -> list[str]:
            return [str(file.name) for file in await index.expiring(after, limit)]

        self.assertEqual(await told(BEGINNING, 9), ["c", "a", "b"])
        self.assertEqual(await told(BEGINNING, 1), ["c"])
        self.assertEqual(await told((2.0, "a"), 9), ["b"])

    async def test_total(self) -> None:
        """The sum of all files is exact, whoever has them."""
        index = await self.open()
        self.assertEqual(await index.total(), 0)
        await index.add(stored("a", owner="romeo", size=LARGEST))
        await index.add(stored("b", size=LARGEST))
        self.assertEqual(await index.total(), 2 * LARGEST)
        await index.bury(buried("a"))
        self.assertEqual(await index.total(), LARGEST)

    async def test_used_since(self) -> None:
        """What an owner has of some time on is counted from its first moment."""
        index = await self.open()
        for name, at in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
            await index.add(stored(name, owner="romeo", size=10, uploaded_at=at))
        used = [await index.used_by("romeo", since) for since in (0.0, 2.0, 2.5, 4.0)]
        self.assertEqual(used, [30, 20, 10, 0])

    async def test_amend_nothing(self) -> None:
        """Nothing in the place of nothing is no change."""
        index = await self.open()
        self.assertFalse(await index.amend(None, None))

    async def test_page(self) -> None:
        """Files are told in the order of the bytes of their names, from a place on, so many."""
        index = await self.open()
        names = ["A", "a", "a-b", "a/b", "aa", "b", "\u00e9", "\uffee", "\U0001f600"]
        for name in reversed(names):
            await index.add(stored(name))
        await index.bury(buried("a0"))

        async def told(start: str, limit: int) -> list[str]:
            return [str(file.name) for file in await index.page(start, limit)]

        self.assertEqual(await told("", 100), names)
        self.assertEqual(await told("", 2), ["A", "a"])
        self.assertEqual(await told("a", 2), ["a", "a-b"])
        self.assertEqual(await told("a\0", 2), ["a-b", "a/b"])
        self.assertEqual(await told("a.", 1), ["a/b"])
        self.assertEqual(await told("\U0001f600\0", 1), [])
        self.assertEqual(await index.page("b", 1), [stored("b")])

    async def test_with_digest(self) -> None:
        """The files of the same bytes are told, at most so many, and no others."""
        index = await self.open()
        sought, other = b"\1" * 32, b"\2" * 32
        for name in ("c", "a", "b"):
            await index.add(stored(name, sha256=sought))
        await index.add(stored("other", sha256=other))
        await index.bury(buried("b"))
        expected = [stored("a", sha256=sought), stored("c", sha256=sought)]
        self.assertEqual(await index.with_digest(sought, 10), expected)
        self.assertEqual(await index.with_digest(sought, 1), expected[:1])
        self.assertEqual(await index.with_digest(b"\3" * 32, 10), [])

    async def test_block(self) -> None:
        """Blocked bytes are not recorded under any name; what is there stays, others are taken."""
        index = await self.open()
        bad, good = b"\1" * 32, b"\2" * 32
        there = stored("there", sha256=bad)
        await index.add(there)
        await index.bury(buried("buried"))
        await index.block(bad, 1.0)
        await index.block(bad, 2.0)
        for name in ("new", "buried", "there"):
            with self.assertRaises(ContentBlocked):
                await index.add(stored(name, sha256=bad))
        with self.assertRaises(ContentBlocked):
            await index.amend(None, stored("new", sha256=bad))
        self.assertIsNone(await index.find(stored("new").name))
        self.assertEqual(await index.find(buried("buried").name), buried("buried"))
        self.assertEqual(await index.find(there.name), there)
        await index.add(stored("new", sha256=good))
        self.assertTrue(await index.amend(there, None))

    async def test_blocked_beside_others(self) -> None:
        """Of files that wait together the blocked one is refused, the others are recorded."""
        index = await self.open()
        await index.block(b"\1" * 32, 1.0)
        before, refused, after = (
            begun(index.add(file))
            for file in (stored("a"), stored("b", sha256=b"\1" * 32), stored("c"))
        )
        await gatherResults([before, after])
        with self.assertRaises(ContentBlocked):
            await refused
        self.assertEqual(await index.page("", 9), [stored("a"), stored("c")])

    async def test_clear_tombstones(self) -> None:
        """Tombstones older than a time are forgotten, and counted; those of that time stay."""
        index = await self.open()
        await index.add(stored("file", uploaded_at=1.0, expires_at=1.0))
        for name, time in [("oldest", 1.0), ("old", 1.75), ("same", 2.0), ("new", 3.0)]:
            await index.bury(buried(name, time))
        self.assertEqual(await index.clear_tombstones(2.0), 2)
        for gone in ("oldest", "old"):
            self.assertIsNone(await index.find(stored(gone).name))
        for kept in (buried("same", 2.0), buried("new", 3.0)):
            self.assertEqual(await index.find(kept.name), kept)
        self.assertIsInstance(await index.find(stored("file").name), StoredFile)
        self.assertEqual(await index.clear_tombstones(2.0), 0)

    async def test_buried(self) -> None:
        """Tombstones are told in the order of the bytes of their names, at most so many."""
        index = await self.open()
        for name in ("é", "b", "a", "B"):
            await index.bury(buried(name))
        await index.add(stored("aa"))
        told = [str(tombstone.name) for tombstone in await index.buried("", 9)]
        self.assertEqual(told, ["B", "a", "b", "é"])
        self.assertEqual(await index.buried("a\0", 1), [buried("b")])
        self.assertEqual(await index.buried("z\0", 0), [])

    async def test_blocked(self) -> None:
        """Blocked bytes are told in the order of their digests, with the first time they were."""
        index = await self.open()
        for number in (3, 1, 2):
            await index.block(bytes([number]) * 32, float(number))
        await index.block(b"\1" * 32, 9.0)
        self.assertEqual(
            await index.blocked(b"", 2), [Block(b"\1" * 32, 1.0), Block(b"\2" * 32, 2.0)]
        )
        self.assertEqual(await index.blocked(b"\2" * 32, 9), [Block(b"\3" * 32, 3.0)])

    async def test_at_once(self) -> None:
        """Requests that are under way at the same time are all done."""
        index = await self.open()
        recorded = [stored(f"file-{n}", size=n) for n in range(100)]
        await gatherResults([begun(index.add(file)) for file in recorded])
        found = await gatherResults([begun(index.find(file.name)) for file in recorded])
        self.assertEqual(found, recorded)

    async def test_order(self) -> None:
        """Requests about one name are done in the order they came, waited for or not."""
        index = await self.open()
        first = begun(index.add(stored(size=1)))
        second = begun(index.bury(buried()))
        third = begun(index.add(stored(size=2)))
        fourth = begun(index.bury(buried(at=5.0)))
        await gatherResults([first, third])
        self.assertEqual(await second, stored(size=1))
        self.assertEqual(await fourth, stored(size=2))
        self.assertEqual(await index.find(stored().name), buried(at=5.0))

    async def test_cancel(self) -> None:
        """What nobody waits for any more is done all the same, and harms nothing else."""
        index = await self.open()
        given_up(index.add(stored("abandoned")))
        given_up(index.bury(buried("deserted")))
        given_up(index.find(stored("abandoned").name))
        await index.add(stored("other"))
        self.assertEqual(await index.find(stored("abandoned").name), stored("abandoned"))
        self.assertEqual(await index.find(buried("deserted").name), buried("deserted"))
        self.assertEqual(await index.find(stored("other").name), stored("other"))

    async def test_closed(self) -> None:
        """A closed index refuses whatever is asked, and may be closed again."""
        index = await self.open()
        await index.close()
        with self.assertRaises(StoreFailed):
            await index.find(stored().name)
        with self.assertRaises(StoreFailed):
            await index.add(stored())
        with self.assertRaises(StoreFailed):
            await index.bury(buried())
        with self.assertRaises(StoreFailed):
            await index.used_by("romeo")
        with self.assertRaises(StoreFailed):
            await index.amend(None, stored())
        with self.assertRaises(StoreFailed):
            await index.page("", 1)
        with self.assertRaises(StoreFailed):
            await index.with_digest(b"\1" * 32, 1)
        with self.assertRaises(StoreFailed):
            await index.block(b"\1" * 32, 0.0)
        with self.assertRaises(StoreFailed):
            await index.clear_tombstones(0.0)
        await index.close()

    async def test_close_finishes(self) -> None:
        """What was asked for before the index is closed is done."""
        index = await self.open()
        adds = gatherResults([begun(index.add(stored(f"file-{n}"))) for n in range(20)])
        burial = begun(index.bury(buried("file-7")))
        await gatherResults([begun(index.close()), begun(index.close())])
        self.assertEqual(len(await adds), 20)
        self.assertEqual(await burial, stored("file-7"))


def make_index_tests(opened: Callable[[Path], Awaitable[Index]]) -> type[TestCase]:
    """
    Make the tests of an index.

    :param opened: opens an empty index; if it needs a file, the one of this
        path, which does not exist.
    """

    class IndexTests(_IndexTests):
        """The rules that hold for every index."""

        async def open(self) -> Index:
            """Open an empty index, to be closed after the test."""
            index = await opened(Path(self.mktemp()))
            self.addCleanup(index.close)
            return index

    # Trial names tests by these, and finds them again by their name.
    IndexTests.__module__ = opened.__module__
    IndexTests.__qualname__ = IndexTests.__name__
    return IndexTests


class IndexMachine(RuleBasedStateMachine):
    """Whatever is asked in whatever order, an index knows what a dictionary knows."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[StoredName, StoredFile | Tombstone] = {}
        self.index = self.open()

    def open(self) -> Index:
        """Open an empty index."""
        raise NotImplementedError

    def wait(self, result: Deferred[T]) -> T:
        """Return a result when it has fired."""
        raise NotImplementedError

    def expect(self, request: StoredFile | Tombstone) -> StoredFile | None:
        """Do in the model what is asked; return what the index should answer."""
        before = self.model.get(request.name)
        self.model[request.name] = request
        buries = isinstance(request, Tombstone)
        return before if buries and isinstance(before, StoredFile) else None

    def ask(self, request: StoredFile | Tombstone) -> Awaitable[StoredFile | None]:
        """Ask the index to record a file, or to bury one."""
        if isinstance(request, Tombstone):
            return self.index.bury(request)
        return self.index.add(request)

    @rule(file=files())
    def add(self, file: StoredFile) -> None:
        """A file is recorded."""
        self.expect(file)
        self.wait(begun(self.index.add(file)))

    @rule(tombstone=tombstones())
    def bury(self, tombstone: Tombstone) -> None:
        """A name is buried; the answer is the file it had."""
        expected = self.expect(tombstone)
        assert self.wait(begun(self.index.bury(tombstone))) == expected

    @rule(requests=st.lists(files() | tombstones(), min_size=2, max_size=6))
    def ask_at_once(self, requests: list[StoredFile | Tombstone]) -> None:
        """Requests that wait together are answered as if they had come one by one."""
        expected = [self.expect(request) for request in requests]
        results = [begun(self.ask(request)) for request in requests]
        assert [self.wait(result) for result in results] == expected

    @rule(request=files() | tombstones())
    def give_up(self, request: StoredFile | Tombstone) -> None:
        """A request that is cancelled is carried out."""
        self.expect(request)
        given_up(self.ask(request))

    @rule(name=st.sampled_from(NAMES), before=st.none() | files(), after=st.none() | files())
    def amend(self, name: StoredName, before: StoredFile | None, after: StoredFile | None) -> None:
        """A file is exchanged for another if the first is the one that is known."""
        known = self.model.get(name)
        # What was made up is hardly ever what is known.
        guess = known if isinstance(known, StoredFile) else before and evolve(before, name=name)
        new = after and evolve(after, name=name)
        expected = known == guess and (guess or new) is not None
        assert self.wait(begun(self.index.amend(guess, new))) == expected
        if expected and new is not None:
            self.model[name] = new
        elif expected:
            del self.model[name]

    @rule(before=times())
    def clear_tombstones(self, before: float) -> None:
        """The tombstones older than a time go, and are counted."""
        old = [
            name
            for name, known in self.model.items()
            if isinstance(known, Tombstone) and known.buried_at < before
        ]
        for name in old:
            del self.model[name]
        assert self.wait(begun(self.index.clear_tombstones(before))) == len(old)

    def compare(self) -> None:
        """Each name is what the model says; what was given up is done by the first answer."""
        self.wait(begun(self.index.clear_tombstones(0.0)))
        used: Counter[str] = Counter()
        for name in NAMES:
            known = self.model.get(name)
            assert self.wait(begun(self.index.find(name))) == known
            if isinstance(known, StoredFile) and known.owner is not None:
                used[known.owner] += known.size
        there = [known for known in self.model.values() if isinstance(known, StoredFile)]
        there.sort(key=lambda file: str(file.name).encode())
        assert self.wait(begun(self.index.page("", len(NAMES)))) == there
        assert self.wait(begun(self.index.total())) == sum(file.size for file in there)
        by_age = sorted(there, key=lambda file: (file.uploaded_at, str(file.name).encode()))
        assert self.wait(begun(self.index.oldest(BEGINNING, len(NAMES)))) == by_age
        for owner, size in used.items():
            assert self.wait(begun(self.index.used_by(owner))) == size

    @rule()
    def find(self) -> None:
        """What is known of each name is found."""
        self.compare()

    def teardown(self) -> None:
        """At the end too the index knows what the model knows."""
        try:
            self.compare()
        finally:
            self.wait(begun(self.index.close()))
