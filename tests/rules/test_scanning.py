"""What becomes of files when the scanner says something, or nothing."""

from __future__ import annotations

import json
import stat
from hashlib import sha256
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import Infected, Refusal, TooLarge, Unavailable
from hmacfs.base.events import FileRemoved, ScanEnded
from hmacfs.base.names import StoredName
from hmacfs.base.values import Tombstone
from hmacfs.flow.turns import Turns
from hmacfs.ingest.versions import Versions
from hmacfs.rules.clamd import ScanFailed, TooLargeToScan
from hmacfs.rules.postponed import Postponed
from hmacfs.rules.quarantine import Quarantine, discard
from hmacfs.rules.rule import Rules
from hmacfs.rules.scannable import Scannable
from hmacfs.rules.scanning import INFECTED, Scanning, Scope
from hmacfs.stores.interfaces import versions_of
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.flow.held_pool import HeldPool
from tests.ingest.bench import NOW, Bench, Delivery, MemoryDisk


class FakeScanner:
    """Finds the word virus, if it is there.

    :ivar broken: whether it says nothing.
    :ivar limit: the most bytes it takes.
    """

    def __init__(self) -> None:
        self.broken = False
        self.limit = 100
        self.scans = 0

    async def scan(self, subject: Scannable) -> str | None:
        """Look for the word."""
        self.scans += 1
        if self.broken:
            raise ScanFailed("it is broken")
        data = await subject.lane.run(subject.read_at, 0, 1000)
        if len(data) > self.limit:
            raise TooLargeToScan
        return "Virus" if b"virus" in data else None

    async def ping(self) -> None:
        """Answer, or not."""
        if self.broken:
            raise ScanFailed("it is broken")


class ScanningCase(SynchronousTestCase):
    """An intake whose uploads are scanned."""

    def begin(self, scope: Scope | None = None, *, postpones: bool = False) -> None:
        """Begin with settings."""
        self.scanner = FakeScanner()
        self.place = Path(self.mktemp())
        self.bench = Bench(MemoryDisk())
        self.rule = Scanning(
            self.scanner,
            scope or Scope(),
            Postponed(self.place / "unscanned", self.bench.pool) if postpones else None,
            Quarantine(self.place / "quarantine"),
            self.bench.intake.events,
            self.bench.clock.seconds,
            self.bench.clock.seconds,
        )
        self.bench.rules = Rules((self.rule,))
        self.bench.begin()
        self.outcomes: list[str] = []
        self.rule.events.listen(ScanEnded, lambda event: self.outcomes.append(event.outcome))

    def put(self, name: str, data: bytes) -> Refusal | None:
        """Upload, and tell what it was refused for."""
        self.body = Delivery(data)
        upload = self.bench.upload(name, self.body, len(data))
        self.bench.pool.run_all()
        try:
            now(upload)
        except Refusal as refusal:
            return refusal
        return None


class JudgeTests(ScanningCase):
    """Uploads."""

    def test_clean(self) -> None:
        """What is clean is stored; without a byte it is not even asked."""
        self.begin()
        self.assertIsNone(self.put("a", b"clean"))
        self.assertIsNone(self.put("b", b""))
        self.assertEqual(self.outcomes, ["clean"])

    def test_infected(self) -> None:
        """What is infected is refused with its signature and kept where nobody else can read."""
        self.begin()
        refusal = self.put("a", b"a virus")
        self.assertIsInstance(refusal, Infected)
        assert refusal is not None
        self.assertEqual(refusal.facts, {"signature": "Virus"})
        self.assertIsNone(self.bench.bytes_of(named("a")))
        digest = sha256(b"a virus").digest()
        kept = self.place / "quarantine" / digest.hex()
        self.assertEqual(kept.read_bytes(), b"a virus")
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(kept.with_suffix(".json").stat().st_mode), 0o600)
        facts = json.loads(kept.with_suffix(".json").read_text())
        self.assertEqual((facts["name"], facts["found_at"]), ("a", NOW))
        self.assertTrue(discard(kept.parent, digest))
        self.assertFalse(discard(kept.parent, digest))
        self.assertEqual(list(kept.parent.iterdir()), [])
        self.assertEqual(self.outcomes, ["infected"])

    def test_quarantine_fails(self) -> None:
        """That it cannot be kept is no reason to publish it."""
        self.begin()
        self.place.mkdir()
        (self.place / "quarantine").write_bytes(b"in the way")
        self.assertIsInstance(self.put("a", b"a virus"), Infected)
        self.assertIsNone(self.bench.bytes_of(named("a")))

    def test_too_large(self) -> None:
        """What is too large for the rule or for the scanner is taken, or refused with the limit."""
        self.begin(Scope(largest=10))
        self.assertIsNone(self.put("a", b"virus 89012"))
        self.assertEqual((self.scanner.scans, self.outcomes), (0, ["oversize"]))
        self.begin(Scope(largest=200))
        self.assertIsNone(self.put("a", b"virus" * 30))
        self.assertEqual(self.outcomes, ["oversize"])
        self.begin(Scope(largest=200, refuses_larger=True))
        self.assertIsInstance(self.put("a", b"virus" * 30), TooLarge)
        self.assertTrue(self.body.asked)
        self.assertIsInstance(self.put("b", b"x" * 201), TooLarge)
        self.assertFalse(self.body.asked)
        self.assertEqual(self.outcomes, ["oversize"])

    def test_every_extension(self) -> None:
        """A star in the list of extensions stands for all files."""
        self.begin(Scope(extensions=frozenset({"*"})))
        for name in ("a", "a.txt"):
            self.assertIsInstance(self.put(name, b"virus"), Infected)

    def test_extensions(self) -> None:
        """Only what has one of the extensions is scanned, if there is a list."""
        self.begin(Scope(extensions=frozenset({".exe"})))
        self.assertIsNone(self.put("a.txt", b"a virus"))
        self.assertIsInstance(self.put("a.exe.txt", b"a virus"), Infected)

    def test_refuses_while_broken(self) -> None:
        """Without a scan nothing is stored; once that is known, nothing is asked for."""
        self.begin()
        self.scanner.broken = True
        refusal = self.put("a", b"clean")
        self.assertIsInstance(refusal, Unavailable)
        assert refusal is not None
        self.assertIn("retry_after", refusal.facts)
        self.assertTrue(self.body.asked)
        self.assertIsInstance(self.put("b", b"clean"), Unavailable)
        self.assertFalse(self.body.asked)
        self.scanner.broken = False
        self.assertIsNone(self.put("c", b"clean"))
        self.assertEqual(self.outcomes, ["failed", "clean"])


class LaterTests(ScanningCase):
    """Files that are published while the scanner is broken."""

    def catch_up(self) -> None:
        """Scan what was postponed."""
        done = begun(self.rule.catch_up(self.bench.index, self.bench.blobs, Turns()))
        self.bench.pool.run_all()
        now(done)

    def noted(self) -> list[StoredName]:
        """Tell what is still to be scanned."""
        pool = HeldPool()
        wait = begun(Postponed(self.place / "unscanned", pool).some(10))
        pool.run_all()
        return sorted(now(wait))

    def test_catch_up(self) -> None:
        """They are scanned when it works again; what is infected goes, and leaves a tombstone."""
        self.begin(postpones=True)
        self.scanner.broken = True
        for name, data in (("clean", b"clean"), ("bad", b"a virus"), ("gone", b"a virus")):
            self.assertIsNone(self.put(name, data))
        self.assertEqual(len(self.noted()), 3)
        self.catch_up()
        self.assertEqual(len(self.noted()), 3)
        self.scanner.broken = False
        self.bench.at_once(lambda: self.bench.blobs.remove(named("gone")))
        removed: list[tuple[str, str]] = []
        self.rule.events.listen(
            FileRemoved, lambda event: removed.append((str(event.file.name), event.reason))
        )
        self.catch_up()
        self.assertEqual(removed, [("bad", "infected")])
        self.assertEqual(self.noted(), [])
        self.assertEqual(self.bench.bytes_of(named("clean")), b"clean")
        self.assertIsNone(self.bench.bytes_of(named("bad")))
        buried = self.bench.at_once(lambda: self.bench.index.find(named("bad")))
        self.assertEqual(buried, Tombstone(named("bad"), NOW, INFECTED))
        self.assertEqual(sorted(self.outcomes[3:]), ["clean", "infected"])

    def test_versions(self) -> None:
        """What became a version before it could be scanned is scanned, and goes if infected."""
        self.begin(postpones=True)
        bench = self.bench
        versions = Versions(bench.index, bench.blobs, 9, bench.clock.seconds)
        bench.intake = evolve(bench.intake, versions=versions)
        self.scanner.broken = True
        for name, last in (("a", b"clean too"), ("b", b"another virus")):
            for data in (b"clean", b"a virus", last):
                self.assertIsNone(self.put(name, data))
        self.scanner.broken = False
        self.catch_up()
        self.assertEqual(bench.bytes_of(named("a")), b"clean too")
        (kept,) = bench.at_once(lambda: versions_of(bench.index, named("a")))
        self.assertEqual(bench.bytes_of(kept.name), b"clean")
        self.assertIsNone(bench.bytes_of(named("b")))
        self.assertEqual(bench.at_once(lambda: versions_of(bench.index, named("b"))), [])

    def test_killed(self) -> None:
        """Killed at any moment of it, it leaves no infected bytes once it was done again."""
        for steps in range(30):
            self.begin(postpones=True)
            bench = self.bench
            versions = Versions(bench.index, bench.blobs, 9, bench.clock.seconds)
            bench.intake = evolve(bench.intake, versions=versions)
            self.scanner.broken = True
            for data in (b"a virus", b"another virus"):
                self.assertIsNone(self.put("a", data))
            (version,) = bench.at_once(lambda: versions_of(self.bench.index, named("a")))
            self.scanner.broken = False
            killed = begun(self.rule.catch_up(bench.index, bench.blobs, Turns()))
            killed.addErrback(lambda _: None)
            for _ in range(steps):
                if bench.pool.busy:
                    bench.pool.step()
            with bench.pool.crash():
                killed.cancel()
            self.catch_up()
            self.assertEqual(self.noted(), [])
            for name in (named("a"), version.name):
                self.assertIsNone(bench.bytes_of(name), f"{name} after {steps}")

    def test_no_room_for_notes(self) -> None:
        """Where it cannot be noted that a file is to be scanned it is not taken."""
        self.begin(postpones=True)
        self.place.write_bytes(b"no directory")
        self.scanner.broken = True
        self.assertIsInstance(self.put("a", b"a virus"), Unavailable)
        self.assertIsNone(self.bench.bytes_of(named("a")))

    def test_torn_note(self) -> None:
        """A note that a crash cut short is of an upload that was never told to be stored."""
        self.begin(postpones=True)
        directory = self.place / "unscanned"
        directory.mkdir(parents=True)
        for name, data in (("0" * 64, b"cut sh"), ("1" * 64, b""), ("2" * 64, b"../x")):
            (directory / name).write_bytes(data)
        self.assertEqual(self.noted(), [])
        self.assertEqual(list(directory.iterdir()), [])
