"""Tests of bringing the index to agree with the files."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import StoredName
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.blobs.interfaces import Blobs, OpenBlob, StorageFailed
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.memory import MemoryBlobs
from hmacfs.blobs.naming import Naming
from hmacfs.flow.pools import InlinePool
from hmacfs.ingest import intent
from hmacfs.ingest.reindex import PAGE, Disagreement, Reindex
from hmacfs.stores.interfaces import Index
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.descriptors import close_below
from tests.blobs.samples import named, published, store
from tests.flow.awaiting import now
from tests.stores.samples import buried, stored

CONTENT = b"content"


def described(name: str, content: bytes = CONTENT, **facts: object) -> StoredFile:
    """Make the row of a file."""
    return stored(name, size=len(content), sha256=sha256(content).digest(), **facts)


async def _taken(reindex: Reindex) -> list[Disagreement]:
    return [each async for each in reindex.run()]


def run(
    index: Index,
    blobs: Blobs,
    remembered: Index | None = None,
    *,
    mends: bool = True,
    progress: Callable[[], object] = lambda: None,
) -> list[tuple[str, str]]:
    """Reindex, and return the kind and path of each disagreement."""
    found = now(_taken(Reindex(index, blobs, remembered, mends, progress)))
    return sorted((each.kind.value, each.path.decode()) for each in found)


class InterruptedIndex(MemoryIndex):
    """An index in which somebody else does something just before it is amended."""

    def __init__(self, meanwhile: Callable[[MemoryIndex], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def amend(
        self, before: StoredFile | None, after: StoredFile | Tombstone | None
    ) -> Deferred[bool]:
        """Let the other be first."""
        self._meanwhile(self)
        return super().amend(before, after)


class UnreadableBlobs(MemoryBlobs):
    """Files of which one cannot be opened."""

    def open(self, name: StoredName, whole: int = 0) -> Deferred[OpenBlob | None]:
        """Open the others."""
        if name == named("broken"):
            return self._pool.run(self._broken)
        return super().open(name, whole)

    def _broken(self) -> OpenBlob | None:
        raise StorageFailed("cannot open broken: Input/output error")


class ReindexTests(SynchronousTestCase):
    """``Reindex``, over files in memory."""

    def setUp(self) -> None:
        self.index = MemoryIndex()
        self.blobs = MemoryBlobs(InlinePool())

    def rows(self) -> list[StoredFile]:
        """Return what the index knows."""
        return now(self.index.page("", 99))

    def test_agreement(self) -> None:
        """Where files and rows agree nothing is told and nothing changed."""
        file = described("folder/file", owner="romeo")
        now(store(self.blobs, "folder/file", CONTENT))
        now(self.index.add(file))
        self.assertEqual(run(self.index, self.blobs), [])
        self.assertEqual(self.rows(), [file])

    def test_added(self) -> None:
        """A file without a row gets one: its digest, a type by its name, nobody's."""
        now(store(self.blobs, "folder/photo.jpg", CONTENT))
        self.assertEqual(run(self.index, self.blobs), [("added", "folder/photo.jpg")])
        self.assertEqual(
            self.rows(),
            [described("folder/photo.jpg", content_type="image/jpeg", uploaded_at=0.0)],
        )

    def test_large(self) -> None:
        """The digest is that of all bytes, also of a file that is not read at once."""
        content = bytes(range(256)) * 4096 * 3 + b"end"
        now(store(self.blobs, "large", content))
        run(self.index, self.blobs)
        ((size, digest),) = [(row.size, row.sha256) for row in self.rows()]
        self.assertEqual((size, digest), (len(content), sha256(content).digest()))

    def test_dropped(self) -> None:
        """A row without a file goes, and leaves no tombstone."""
        now(self.index.add(described("gone")))
        self.assertEqual(run(self.index, self.blobs), [("dropped", "gone")])
        self.assertIsNone(now(self.index.find(named("gone"))))

    def test_changed(self) -> None:
        """A file of another size is read again; who uploaded it and when stays known."""
        now(store(self.blobs, "file", b"longer than it was"))
        now(self.index.add(described("file", owner="romeo", expires_at=5.0)))
        self.assertEqual(run(self.index, self.blobs), [("changed", "file")])
        self.assertEqual(
            self.rows(), [described("file", b"longer than it was", owner="romeo", expires_at=5.0)]
        )

    def test_dry_run(self) -> None:
        """A dry run tells the same and changes nothing."""
        now(store(self.blobs, "new", CONTENT))
        now(store(self.blobs, "longer", CONTENT + CONTENT))
        rows = [described("gone"), described("longer")]
        for row in rows:
            now(self.index.add(row))
        expected = [("added", "new"), ("changed", "longer"), ("dropped", "gone")]
        self.assertEqual(run(self.index, self.blobs, mends=False), expected)
        self.assertEqual(self.rows(), rows)
        self.assertEqual(run(self.index, self.blobs), expected)
        self.assertEqual(run(self.index, self.blobs), [])

    def test_deleted(self) -> None:
        """A file that was deleted does not come back, and is told as long as it lies there."""
        now(store(self.blobs, "folder/file.txt", CONTENT))
        now(self.index.bury(buried()))
        for _ in range(2):
            self.assertEqual(run(self.index, self.blobs), [("deleted", "folder/file.txt")])
        self.assertEqual(now(self.index.find(buried().name)), buried())

    def test_blocked(self) -> None:
        """A file of blocked bytes is not made known."""
        now(store(self.blobs, "file", CONTENT))
        now(self.index.block(sha256(CONTENT).digest(), 1.0))
        self.assertEqual(run(self.index, self.blobs), [("blocked", "file")])
        self.assertEqual(self.rows(), [])

    def test_remembered(self) -> None:
        """What an older index knows of the same bytes is taken over."""
        older = MemoryIndex()
        file = described("file", owner="romeo", content_type="x/y", metadata="{}")
        now(older.add(file))
        now(store(self.blobs, "file", CONTENT))
        run(self.index, self.blobs, older)
        self.assertEqual(self.rows(), [file])

    def test_remembered_otherwise(self) -> None:
        """What an older index knows of other bytes, or of a tombstone, is not taken over."""
        older = MemoryIndex()
        now(older.add(described("file", b"another", owner="romeo")))
        now(older.bury(buried("buried")))
        for name in ("file", "buried"):
            now(store(self.blobs, name, CONTENT))
        run(self.index, self.blobs, older)
        self.assertEqual([row.owner for row in self.rows()], [None, None])

    def test_intended(self) -> None:
        """A file that was published and not recorded gets the facts that are kept with it."""
        file = described("file", owner="romeo", content_type="x/y")
        now(published(self.blobs, "file", CONTENT, intent.encode(file)))
        run(self.index, self.blobs)
        self.assertEqual(self.rows(), [file])

    def test_intended_otherwise(self) -> None:
        """Facts kept with a file that are of another, of other bytes, or none, are not taken."""
        now(published(self.blobs, "a", CONTENT, intent.encode(described("b", owner="romeo"))))
        other = intent.encode(described("c", b"another", owner="romeo"))
        now(published(self.blobs, "c", CONTENT, other))
        now(published(self.blobs, "d", CONTENT, b"garbage"))
        run(self.index, self.blobs)
        self.assertEqual(
            [(str(row.name), row.owner) for row in self.rows()],
            [
                ("a", None),
                ("c", None),
                ("d", None),
            ],
        )

    def test_unreadable(self) -> None:
        """What cannot be read is told, keeps its row, and keeps nobody from the others."""
        for known in (False, True):
            blobs = UnreadableBlobs(InlinePool())
            index = MemoryIndex()
            for name in ("broken", "whole"):
                now(store(blobs, name, CONTENT))
            if known:
                now(index.add(described("broken")))
            self.assertEqual(run(index, blobs), [("added", "whole"), ("failed", "broken")])
            names = [str(row.name) for row in now(index.page("", 9))]
            self.assertEqual(names, ["broken", "whole"] if known else ["whole"])

    def test_progress(self) -> None:
        """Each file and each row is counted, over many pages of rows."""
        count = PAGE + 3
        for number in range(count):
            now(store(self.blobs, f"{number}", CONTENT))
            now(self.index.add(described(f"gone-{number}")))
        steps: list[None] = []
        found = run(self.index, self.blobs, progress=lambda: steps.append(None))
        self.assertEqual(len(found), 2 * count)
        self.assertEqual(len(steps), 3 * count)
        self.assertEqual(len(now(self.index.page("", 9999))), count)


class BesideAServerTests(SynchronousTestCase):
    """``Reindex`` while others upload and delete."""

    def setUp(self) -> None:
        self.blobs = MemoryBlobs(InlinePool())

    def test_upload(self) -> None:
        """A file that is recorded while it is read keeps the facts of its upload."""
        file = described("file", owner="romeo")
        index = InterruptedIndex(lambda index: now(index.add(file)))
        now(store(self.blobs, "file", CONTENT))
        self.assertEqual(run(index, self.blobs), [])
        self.assertEqual(now(index.find(file.name)), file)

    def test_deletion(self) -> None:
        """A file that is deleted while it is read stays deleted."""
        index = InterruptedIndex(lambda index: now(index.bury(buried())))
        now(store(self.blobs, "folder/file.txt", CONTENT))
        self.assertEqual(run(index, self.blobs), [])
        self.assertEqual(now(index.find(buried().name)), buried())

    def test_upload_again(self) -> None:
        """A row whose file was gone and has just come again is not dropped."""
        again = described("file", uploaded_at=9.0)
        index = InterruptedIndex(lambda index: now(index.add(again)))
        now(index.add(described("file", uploaded_at=1.0)))
        self.assertEqual(run(index, self.blobs), [])
        self.assertEqual(now(index.find(again.name)), again)

    def test_removed_meanwhile(self) -> None:
        """A file that goes between the walk and the reading is nobody's fault."""

        class Vanishing(MemoryBlobs):
            """Files that are never there when they are opened."""

            def open(self, name: StoredName, whole: int = 0) -> Deferred[OpenBlob | None]:
                """Find none."""
                return self._pool.run(lambda: None)

        blobs = Vanishing(InlinePool())
        now(store(blobs, "file", CONTENT))
        self.assertEqual(run(MemoryIndex(), blobs), [])


class LocalTests(SynchronousTestCase):
    """``Reindex``, over a directory."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()
        self.addCleanup(close_below, self.path)
        self.blobs = LocalBlobs(self.path, InlinePool())
        now(self.blobs.start())
        self.index = MemoryIndex()

    def test_time(self) -> None:
        """Where nothing better is known a file was uploaded when it was last changed."""
        (self.path / "file.txt").write_bytes(CONTENT)
        os.utime(self.path / "file.txt", (1.0, 1_600_000_000.0))
        run(self.index, self.blobs)
        self.assertEqual(
            now(self.index.page("", 9)),
            [described("file.txt", uploaded_at=1_600_000_000.0, content_type="text/plain")],
        )

    def test_passed(self) -> None:
        """What cannot be a stored file is told and left alone."""
        (self.path / "link").symlink_to("/etc/passwd")
        self.assertEqual(run(self.index, self.blobs), [("passed", "link")])
        self.assertEqual(now(self.index.page("", 9)), [])
        self.assertTrue((self.path / "link").is_symlink())

    def test_recalled(self) -> None:
        """What nobody comes across is known again from an older index, if it still is the same."""
        close_below(self.path)
        blobs = LocalBlobs(self.path, InlinePool(), naming=Naming(keyed=True))
        now(blobs.start())
        older = MemoryIndex()
        for name in ("known", "lost", "changed", "deleted", "gone"):
            now(older.add(described(name, b"other" if name == "changed" else CONTENT)))
            if name != "gone":
                now(store(blobs, name, CONTENT))
        now(self.index.add(described("known")))
        now(self.index.bury(Tombstone(named("deleted"), 1.0, "deleted")))
        self.assertEqual(run(self.index, blobs, older, mends=False), [("added", "lost")])
        self.assertEqual(run(self.index, blobs, older), [("added", "lost")])
        known = [str(file.name) for file in now(self.index.page("", 9))]
        self.assertEqual(known, ["known", "lost"])
        self.assertEqual(run(self.index, blobs, older), [])

    def test_folder_of_a_row(self) -> None:
        """A row whose name is a folder now, or below a file, is dropped."""
        (self.path / "folder").mkdir()
        (self.path / "file").touch()
        for name in ("folder", "file/below"):
            now(self.index.add(described(name)))
        expected = [("added", "file"), ("dropped", "file/below"), ("dropped", "folder")]
        self.assertEqual(run(self.index, self.blobs), expected)


class AgreementTests(SynchronousTestCase):
    """Whatever was there before, afterwards the index tells what is there."""

    @given(
        files=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=3)),
        rows=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=3)),
        graves=st.sets(st.sampled_from("abcdef")),
    )
    def test_agreement(
        self, files: dict[str, bytes], rows: dict[str, bytes], graves: set[str]
    ) -> None:
        """The rows are those of the files whose names are not buried; no file is touched."""
        index, blobs = MemoryIndex(), MemoryBlobs(InlinePool())
        for name, content in files.items():
            now(store(blobs, name, content))
        for name, content in rows.items():
            now(index.add(described(name, content)))
        for name in graves:
            now(index.bury(buried(name)))
        foreseen = run(index, blobs, mends=False)
        self.assertEqual(run(index, blobs), foreseen)
        left = [("deleted", name) for name in sorted(graves & files.keys())]
        self.assertEqual(run(index, blobs), left)
        known = {str(row.name): row.size for row in now(index.page("", 9))}
        there = {name: len(content) for name, content in files.items() if name not in graves}
        self.assertEqual(known, there)
        for name in graves:
            self.assertEqual(now(index.find(named(name))), buried(name))
        for name in files:
            self.assertIsNotNone(now(blobs.open(named(name))))
