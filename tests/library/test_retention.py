"""Tests of hmacfs.library.retention."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import Events, FileRemoved
from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import StorageFailed
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.flow.pools import InlinePool
from hmacfs.library import journal
from hmacfs.library.disposal import Disposal
from hmacfs.library.journal import Busy
from hmacfs.library.report import Deletion
from hmacfs.library.retention import PAGE, Reason, Retention, Schedule, Terms
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import content, named, store
from tests.flow.awaiting import begun, now
from tests.stores.samples import stored

NOW = 1000.0


class CountingIndex(MemoryIndex):
    """An index that remembers the largest answer it gave, and lets others come in between."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self.read = 0
        self.before_amend: Callable[[StoredFile], object] = lambda _: None

    def oldest(
        self, after: tuple[float, str], limit: int, owner: str | None = None
    ) -> Deferred[list[StoredFile]]:
        """Tell the oldest files."""
        self.largest = max(self.largest, limit)
        return super().oldest(after, limit, owner)

    def page(self, start: str, limit: int) -> Deferred[list[StoredFile]]:
        """Tell files by their names."""

        def count(rows: list[StoredFile]) -> list[StoredFile]:
            self.read += len(rows)
            return rows

        return super().page(start, limit).addCallback(count)

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Deferred[bool]:
        """Do what the test does first, and then this."""
        assert before is not None
        self.before_amend(before)
        return super().amend(before, after)


class Place:
    """An index, files, and what deletes them."""

    def __init__(self, directory: Path, terms: Terms) -> None:
        self.index = CountingIndex()
        self.blobs = MemoryBlobs(InlinePool())
        self.time = NOW
        self.events = Events()
        self.removed: list[tuple[str, str]] = []
        self.events.listen(
            FileRemoved, lambda event: self.removed.append((str(event.file.name), event.reason))
        )
        self.journal = directory / "journal"
        self.report = directory / "report.jsonl"
        self.retention = Retention(
            Disposal(self.index, self.blobs, lambda: self.time, events=self.events),
            Schedule(self.index, terms, lambda: self.time),
            self.journal,
            self.report,
            100.0,
            InlinePool(),
            lambda: self.time,
        )

    def add(self, name: str, size: int = 1, age: float = 0, left: float | None = None) -> None:
        """Store a file of an age, which expires in a while."""
        file = stored(
            name,
            size=size,
            uploaded_at=NOW - age,
            expires_at=None if left is None else NOW + left,
        )
        now(self.index.add(file))
        now(store(self.blobs, name, b"x" * size))

    def add_version(self, name: str, id: str, age: float) -> None:
        """Store a version of an age."""
        version = named(name).version(id)
        now(self.index.add(evolve(stored(name, size=1, uploaded_at=NOW - age), name=version)))
        now(store(self.blobs, "of which it is one", b"x"))
        now(self.blobs.rename(named("of which it is one"), version))

    def run(self) -> int:
        """Delete what is due."""
        return now(begun(self.retention.run()))

    def names(self) -> list[str]:
        """Tell the files that are there; index and bytes agree on them."""
        rows = [str(file.name) for file in now(self.index.page("", 9999))]
        names = map(StoredName.known, rows)
        found = [str(name) for name in names if now(content(self.blobs, name)) is not None]
        assert rows == found
        return rows

    def lines(self) -> list[tuple[str, str]]:
        """Tell the paths and reasons of the report."""
        lines = self.report.read_text(encoding="utf-8").splitlines()
        return [(line["path"], line["reason"]) for line in map(json.loads, lines)]


class RetentionTests(SynchronousTestCase):
    """Files that have had their time, and others."""

    def place(self, max_age: float | None = None, max_size: int = 0) -> Place:
        """Make an empty place."""
        directory = Path(self.mktemp())
        directory.mkdir()
        return Place(directory, Terms(max_age, max_size))

    def test_versions(self) -> None:
        """Older versions go with their file, or when they are due, and leave no tombstones."""
        place = self.place(max_age=100)
        for name, left in (("a", -1.0), ("b", None)):
            place.add(name, left=left)
            for id, age in (("1-a", 50), ("2-b", 500)):
                place.add_version(name, id, age)
        self.assertEqual(place.run(), 2)
        kept = named("b").version("1-a")
        self.assertEqual(place.names(), sorted([str(kept), "b"]))
        self.assertEqual(
            sorted((reason, name[:7]) for name, reason in place.removed),
            [("age", ".hmacfs"), ("expired", ".hmacfs"), ("expired", ".hmacfs"), ("expired", "a")],
        )
        self.assertEqual([str(each.name) for each in now(place.index.buried("", 99))], ["a"])

    def test_versions_after_crash(self) -> None:
        """What a crash left of versions goes too."""
        place = self.place()
        place.add("a", left=-1)
        place.add_version("a", "1-a", 5)
        place.add_version("b", "1-a", 5)
        orphan = named("b").version("1-a")
        for name in (named("a"), orphan):
            file = now(place.index.find(name))
            assert isinstance(file, StoredFile)
            grave = None if name.is_version else Tombstone(name, NOW, "expired")
            now(place.index.amend(file, grave))
        place.journal.write_text(f"a\n{orphan}\n")
        self.assertEqual(place.run(), 0)
        self.assertEqual(place.names(), [])
        for name in (named("a"), orphan, named("a").version("1-a")):
            self.assertIsNone(now(content(place.blobs, name)), name)

    def test_nothing_asked(self) -> None:
        """Without terms only files that expire go, and those at their moment."""
        place = self.place()
        place.add("old", age=900)
        place.add("later", left=0.5)
        place.add("now", left=0)
        place.add("before", left=-5)
        self.assertEqual(place.run(), 2)
        self.assertEqual(place.names(), ["later", "old"])
        self.assertEqual(place.lines(), [("before", "expired"), ("now", "expired")])

    def test_no_versions(self) -> None:
        """Where a file has no older versions the rows of other files are not looked at for that."""
        place = self.place(max_age=100)
        for number in range(150):
            place.add(f"old/{number}", age=200)
            place.add(f"young/{number}")
        self.assertEqual(place.run(), 150)
        self.assertLessEqual(place.index.read, 150)

    def test_age(self) -> None:
        """A file goes when it is as old as allowed, whenever its bytes were touched."""
        place = self.place(max_age=100)
        for name, age in (("a", 99.5), ("b", 100), ("c", 500)):
            place.add(name, age=age)
        self.assertEqual(place.run(), 2)
        self.assertEqual(place.names(), ["a"])
        self.assertEqual(place.removed, [("c", "age"), ("b", "age")])

    def test_size(self) -> None:
        """The oldest go until the others are small enough together, and none more."""
        place = self.place(max_size=10)
        for name, age, size in (("new", 1, 4), ("older", 3, 5), ("mid", 2, 4), ("oldest", 9, 1)):
            place.add(name, size, age)
        self.assertEqual(place.run(), 2)
        self.assertEqual(place.names(), ["mid", "new"])
        self.assertEqual(place.run(), 0)

    def test_tombstones(self) -> None:
        """A deleted name is remembered for its time, and then forgotten by a later run."""
        place = self.place(max_age=100)
        place.add("a", age=500)
        place.run()
        self.assertEqual(now(place.index.find(named("a"))), Tombstone(named("a"), NOW, "expired"))
        place.time += 101
        place.run()
        self.assertIsNone(now(place.index.find(named("a"))))

    def test_pages(self) -> None:
        """Many files go page by page."""
        place = self.place(max_age=100, max_size=5)
        for number in range(2 * PAGE + 7):
            place.add(f"f{number:04}", age=500 if number < PAGE + 3 else 50)
        self.assertEqual(place.run(), 2 * PAGE + 2)
        self.assertEqual(len(place.names()), 5)
        self.assertEqual(place.index.largest, PAGE)

    def test_replaced(self) -> None:
        """A file that became another after it was looked at stays."""
        place = self.place(max_age=100)
        place.add("a", age=500)
        place.add("b", age=500)
        place.index.before_amend = lambda file: (
            now(place.index.add(evolve(file, uploaded_at=NOW))) if str(file.name) == "a" else None
        )
        self.assertEqual(place.run(), 1)
        self.assertEqual(place.names(), ["a"])

    def test_look_only(self) -> None:
        """Who only looks is told just what would be deleted, and nothing changes."""
        place = self.place(max_age=100, max_size=10)
        for name, size, age, left in (
            ("expired", 9, 1, -1),
            ("aged", 9, 200, None),
            ("large", 9, 50, None),
            ("stays", 9, 5, None),
        ):
            place.add(name, size, age, left)

        async def look() -> list[tuple[str, Reason]]:
            async with aclosing(place.retention.schedule.pages()) as pages:
                return [(str(due.file.name), due.reason) async for page in pages for due in page]

        seen = now(begun(look()))
        self.assertEqual(
            seen,
            [("expired", Reason.EXPIRED), ("aged", Reason.AGE), ("large", Reason.SIZE)],
        )
        self.assertEqual(len(place.names()), 4)
        place.run()
        self.assertEqual(place.removed, [(name, reason.value) for name, reason in seen])

    def test_unreportable(self) -> None:
        """When the report cannot be written nothing is deleted."""
        place = self.place(max_age=100)
        place.add("a", age=500)
        place.report.mkdir()
        self.failureResultOf(begun(place.retention.run()), StorageFailed)
        self.assertEqual(place.names(), ["a"])

    def test_one_at_a_time(self) -> None:
        """While somebody deletes nobody else does; afterwards one may again."""
        place = self.place(max_age=100)
        place.add("a", age=500)
        held = journal.held(place.journal)
        self.failureResultOf(begun(place.retention.run()), Busy)
        held.close()
        self.assertEqual(place.run(), 1)

    def test_crash(self) -> None:
        """What a crash left between a row and its bytes is freed by the next run."""
        place = self.place(max_age=100)
        for name in ("buried", "stays"):
            place.add(name, age=1)
        held = journal.held(place.journal)
        held.begin([named("buried"), named("stays")])
        now(place.index.bury(Tombstone(named("buried"), NOW, "expired")))
        held.close()
        self.assertEqual(place.run(), 0)
        self.assertIsNone(now(content(place.blobs, named("buried"))))
        self.assertEqual(place.names(), ["stays"])

    def test_crash_long_ago(self) -> None:
        """A name that may have a new file by now is left alone."""
        place = self.place()
        place.add("a", age=1)
        held = journal.held(place.journal)
        held.begin([named("a")])
        now(place.index.bury(Tombstone(named("a"), NOW - 100, "expired")))
        held.close()
        place.run()
        self.assertIsNotNone(now(content(place.blobs, named("a"))))

    def test_told_to_stop(self) -> None:
        """When it is to stop it ends after the page it has begun."""
        place = self.place(max_age=100)
        for number in range(PAGE + 1):
            place.add(f"f{number:04}", age=500)
        self.assertEqual(now(begun(place.retention.run(lambda: False))), PAGE)
        self.assertEqual(len(place.names()), 1)

    def test_told(self) -> None:
        """Each deletion is told, with the age that the file had."""
        place = self.place(max_age=100)
        place.add("a", 3, age=500)
        seen: list[Deletion] = []
        now(begun(place.retention.run(told=seen.append)))
        (deletion,) = seen
        self.assertEqual(
            json.loads(deletion.line()),
            {
                "time": "1970-01-01T00:16:40.000+00:00",
                "path": "a",
                "size": 3,
                "age_seconds": 500.0,
                "reason": "age",
            },
        )


ages = st.integers(0, 40).map(float)
histories = st.lists(
    st.tuples(ages, st.none() | st.integers(-20, 20).map(float), st.integers(0, 9)), max_size=12
)


class PropertyTests(SynchronousTestCase):
    """Retention compared with a model that looks at all files at once."""

    @given(histories, st.none() | st.integers(1, 40).map(float), st.integers(0, 60))
    def test_model(
        self, history: list[tuple[float, float | None, int]], age: float | None, size: int
    ) -> None:
        """What stays has not expired, is young enough, and is the newest that may stay."""
        with TemporaryDirectory() as directory:
            place = Place(Path(directory), Terms(age, size))
            model: dict[StoredName, StoredFile] = {}
            for number, (old, left, length) in enumerate(history):
                place.add(f"f{number:02}", length, old, left)
                file = now(place.index.find(named(f"f{number:02}")))
                assert isinstance(file, StoredFile)
                model[file.name] = file
            kept = [file for file in model.values() if not file.expired(NOW)]
            kept = [file for file in kept if age is None or file.uploaded_at + age > NOW]
            kept.sort(key=lambda file: (file.uploaded_at, file.name))
            while size and sum(file.size for file in kept) > size:
                kept.pop(0)
            self.assertEqual(place.run(), len(model) - len(kept))
            self.assertEqual(place.names(), sorted(str(file.name) for file in kept))
            self.assertEqual(len(place.lines()), len(model) - len(kept))
            self.assertEqual(place.run(), 0)
