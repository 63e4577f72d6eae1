"""Tests of hmacfs.library.removal."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.permit import Permit, Scope
from hmacfs.base.errors import Gone, NotCovered, ScopeMissing, Unknown
from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.library.lookup import Lookup
from hmacfs.library.removal import Removal
from hmacfs.stores.interfaces import StoreFailed
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.ingest.bench import NOW, Bench, Delivery, MemoryDisk

DELETES = Permit("jwt", frozenset({Scope.DELETE}), owner="romeo")


class RemovalTests(SynchronousTestCase):
    """A file of romeo's."""

    def setUp(self) -> None:
        self.bench = Bench(MemoryDisk())
        self.addCleanup(self.bench.check_agreement, [named("a"), named("b")])
        self.bench.store("a", b"content", owner="romeo")
        self.removal = Removal(
            Lookup(self.bench.index, self.bench.blobs, 100.0, self.bench.clock.seconds),
            self.bench.index,
            self.bench.blobs,
            self.bench.intake.turns,
            self.bench.clock.seconds,
            self.bench.intake.pending,
        )

    def delete(self, name: str = "a", permit: Permit = DELETES) -> Deferred[StoredFile]:
        """Delete to the end."""
        deletion = begun(self.removal.delete(named(name), permit))
        self.bench.pool.run_all()
        return deletion

    def known(self) -> StoredFile | Tombstone | None:
        """Tell what the index knows of the file."""
        return now(self.bench.index.stored.find(named("a")))

    def test_deleted(self) -> None:
        """Bytes and row are gone, a tombstone says why, and what it was is told."""
        self.assertEqual(self.successResultOf(self.delete()).size, 7)
        self.assertIsNone(self.bench.bytes_of(named("a")))
        self.assertEqual(self.known(), Tombstone(named("a"), NOW, "deleted"))

    def test_refused(self) -> None:
        """Who may not, or not this file, changes nothing."""
        for permit, kind in (
            (Permit("jwt", frozenset({Scope.UPLOAD}), owner="romeo"), ScopeMissing),
            (Permit("jwt", frozenset({Scope.DELETE}), owner="juliet"), Unknown),
            (Permit("jwt", frozenset({Scope.DELETE})), Unknown),
            (Permit("delete", frozenset({Scope.DELETE}), name=named("b")), NotCovered),
        ):
            self.failureResultOf(self.delete(permit=permit), kind)
        self.assertIsInstance(self.known(), StoredFile)

    def test_others(self) -> None:
        """An administrator may delete any file, a signature for the file that file."""
        for permit in (
            Permit("jwt", frozenset({Scope.ADMIN})),
            Permit("delete", frozenset({Scope.DELETE}), name=named("a")),
        ):
            self.successResultOf(self.delete(permit=permit))
            self.bench.clock.advance(1000)
            self.bench.store("a", b"content", owner="romeo")

    def test_scope_before_existence(self) -> None:
        """Without the scope nobody is told what there is."""
        permit = Permit("jwt", frozenset({Scope.UPLOAD}), owner="romeo")
        self.failureResultOf(self.delete("b", permit), ScopeMissing)

    def test_not_there(self) -> None:
        """What never was is unknown, what was deleted is gone."""
        self.failureResultOf(self.delete("b"), Unknown)
        self.delete()
        self.failureResultOf(self.delete(), Gone)

    def test_crash(self) -> None:
        """A crash leaves a file nobody can see: none without a row, and no versions of it."""
        outcomes = set()
        for steps in range(20):
            bench = Bench(MemoryDisk())
            bench.store("a", b"content", owner="romeo")
            version = StoredFile(
                named("a").version("1-a"), 3, b"\0" * 32, "text/plain", NOW, owner="romeo"
            )
            bench.at_once(partial(bench.index.add, version))
            removal = Removal(
                Lookup(bench.index, bench.blobs, 100.0, bench.clock.seconds),
                bench.index,
                bench.blobs,
                bench.intake.turns,
                bench.clock.seconds,
            )
            deletion = begun(removal.delete(named("a"), DELETES))
            for _ in range(steps):
                if bench.pool.busy:
                    bench.pool.step()
            with bench.pool.crash():
                deletion.addErrback(lambda _: None)
            row = now(bench.index.stored.find(named("a")))
            left = now(bench.index.stored.used_by("romeo"))
            outcomes.add((type(row), left))
            if isinstance(row, StoredFile):
                self.assertEqual(bench.bytes_of(named("a")), b"content")
        self.assertEqual(outcomes, {(StoredFile, 10), (StoredFile, 7), (Tombstone, 0)})

    def test_client_goes(self) -> None:
        """Once begun it is done, whether somebody waits or not."""
        deletion = begun(self.removal.delete(named("a"), DELETES))
        self.bench.pool.step()
        deletion.addErrback(lambda _: None)
        deletion.cancel()
        self.assertEqual(self.bench.intake.pending.count, 1)
        self.bench.pool.run_all()
        self.assertIsInstance(self.known(), Tombstone)

    def test_index_fails(self) -> None:
        """When it cannot be recorded the file stays."""
        self.bench.index.stored.close()
        deletion = begun(self.removal.delete(named("a"), DELETES))
        self.bench.pool.run_all()
        self.failureResultOf(deletion, StoreFailed)
        self.bench.index.stored._closed = False
        self.assertEqual(self.bench.bytes_of(named("a")), b"content")

    def test_turns(self) -> None:
        """An upload of the name that is being stored comes first, or after."""
        again = self.bench.upload("a", Delivery(b"content"), 7, owner="romeo")
        deletion = begun(self.removal.delete(named("a"), DELETES))
        self.bench.pool.run_all()
        self.successResultOf(again)
        self.successResultOf(deletion)
        self.assertIsNone(self.bench.bytes_of(named("a")))
