"""Tests of hmacfs.rules.quota."""

from __future__ import annotations

from attrs import define, evolve, field
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import DailyQuotaExceeded, QuotaExceeded
from hmacfs.base.names import StoredName
from hmacfs.base.values import Grant, StoredFile, Tombstone
from hmacfs.rules.days import DAY, OwnDays
from hmacfs.rules.quota import Limits, Quotas, Share, Usage, owned
from hmacfs.stores.interfaces import StoreFailed
from hmacfs.stores.memory import MemoryIndex
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.stores.samples import stored

NOW = 10 * DAY + 5000.0


class OwnerTests(SynchronousTestCase):
    """Whose a file is."""

    def test_owned(self) -> None:
        """The signature says it; else the hash that ejabberd's paths begin with; else nobody."""
        sha1 = "0123456789abcdef" * 2 + "01234567"
        for path, owner, expected in (
            (f"{sha1}/x/photo.jpg", None, sha1),
            (f"{sha1}/x/photo.jpg", "romeo", "romeo"),
            (sha1, None, None),
            (f"{sha1.upper()}/x", None, None),
            (f"{sha1}0/x", None, None),
            (f"x/{sha1}/x", None, None),
        ):
            grant = Grant(named(path), 1, "text/plain", "v", owner)
            self.assertEqual(owned(grant).owner, expected, path)


class Place:
    """An index, and quotas over it."""

    def __init__(self, limits: Limits) -> None:
        self.index = MemoryIndex()
        self.time = NOW
        self.usage = Usage(lambda: self.time)
        self.quotas = Quotas(self.index, self.usage, lambda: self.time, limits, self.drop)

    async def drop(self, file: StoredFile) -> bool:
        """Delete a file as the server does."""
        return await self.index.amend(file, Tombstone(file.name, self.time, "expired"))

    def add(self, name: str, size: int, age: float = 0) -> StoredFile:
        """Store a file of romeo's."""
        file = stored(name, size=size, owner="romeo", uploaded_at=self.time - age)
        now(self.index.add(file))
        now(begun(self.quotas.stored(file)))
        return file

    def reserve(self, size: int, claimed: int | None = None, owner: str = "romeo") -> Share:
        """Hold a share, until the test ends."""
        return now(begun(self.quotas.reserve(owner, size, claimed)))

    def names(self) -> list[str]:
        """Tell the files."""
        return [str(file.name) for file in now(self.index.page("", 99))]


class TotalTests(SynchronousTestCase):
    """What owners may have stored."""

    def test_fits(self) -> None:
        """An owner may have as much as the quota, and not one byte more."""
        place = Place(Limits(10))
        place.add("a", 5)
        place.reserve(5)
        with self.assertRaises(QuotaExceeded) as caught:
            place.reserve(6)
        facts = {"used": 10, "limit": 10, "requested": 6}
        self.assertEqual(caught.exception.facts, facts)

    def test_on_its_way(self) -> None:
        """What is on its way counts, until it has ended."""
        place = Place(Limits(10))
        with place.reserve(6):
            self.assertRaises(QuotaExceeded, place.reserve, 5)
            with place.reserve(4):
                self.assertRaises(QuotaExceeded, place.reserve, 1)
        with place.reserve(10):
            pass
        self.assertEqual(place.usage.owners, 0)

    def test_several_holders(self) -> None:
        """A share is given back when the last of those who see to the upload has ended."""
        place = Place(Limits(10))
        share = place.reserve(6)
        with share:
            with share:
                pass
            self.assertRaises(QuotaExceeded, place.reserve, 5)
            share.end()
            with place.reserve(10):
                pass
        with place.reserve(10):
            pass

    def test_limits(self) -> None:
        """Some have a limit of their own; of two limits the smaller rules; 0 bytes are a limit."""
        limits = Limits(10, custom={"juliet": 100, "nurse": None})
        for owner, claimed, expected in (
            ("romeo", None, 10),
            ("romeo", 5, 5),
            ("romeo", 0, 0),
            ("romeo", 50, 10),
            ("juliet", None, 100),
            ("nurse", None, None),
            ("nurse", 7, 7),
        ):
            self.assertEqual(limits.total(owner, claimed), expected)

    def test_nobody(self) -> None:
        """Without an owner, or without a limit, there is no quota."""
        now(begun(Place(Limits(1)).quotas.reserve(None, 500)))
        Place(Limits()).reserve(500)

    def test_recorded_meanwhile(self) -> None:
        """A file that may be counted twice, as stored and as on its way, refuses nobody."""
        place = Place(Limits(10))
        first = place.reserve(6)
        with first:
            first.recording()
            place.add("a", 6)
            second = begun(place.quotas.reserve("romeo", 4))
            self.assertNoResult(second)
            first.end()
            with self.successResultOf(second):
                self.assertRaises(QuotaExceeded, place.reserve, 1)

    def test_index_fails(self) -> None:
        """Where nobody can tell what is used nothing is held."""
        place = Place(Limits(10))
        now(place.index.close())
        self.failureResultOf(begun(place.quotas.reserve("romeo", 1)), StoreFailed)
        self.assertEqual(place.usage.owners, 0)


class DropTests(SynchronousTestCase):
    """The oldest go for the newest."""

    def test_drop(self) -> None:
        """So many of the oldest go that the rest fits, and no file of others."""
        place = Place(Limits(10, drops=True))
        for number in range(5):
            place.add(f"f{number}", 2, age=100 - number)
        now(place.index.add(stored("other", size=50, owner="juliet", uploaded_at=1.0)))
        with place.reserve(5) as share:
            newest = place.add("new", 5)
            share.end()
        now(begun(place.quotas.settle("romeo", None, newest)))
        self.assertEqual(place.names(), ["f3", "f4", "new", "other"])

    def test_too_large(self) -> None:
        """What would not fit alone is refused, and so is what others on their way leave no room."""
        place = Place(Limits(10, drops=True))
        place.add("old", 9)
        refusal = self.assertRaises(QuotaExceeded, place.reserve, 11)
        self.assertEqual(refusal.facts, {"limit": 10, "requested": 11})
        self.assertIn("has room for 10 beside", refusal.detail)
        with place.reserve(8):
            self.assertRaises(QuotaExceeded, place.reserve, 3)
        self.assertEqual(place.names(), ["old"])

    def test_never_itself(self) -> None:
        """The newest stays, whatever the clock says of the others."""
        place = Place(Limits(10, drops=True))
        place.add("future", 9, age=-5000)
        newest = place.add("new", 5)
        now(begun(place.quotas.settle("romeo", None, newest)))
        self.assertEqual(place.names(), ["new"])

    def test_refuses(self) -> None:
        """Where that is not wanted nothing goes."""
        place = Place(Limits(10))
        place.add("old", 9)
        now(begun(place.quotas.settle("romeo", None, place.add("new", 5))))
        self.assertEqual(place.names(), ["new", "old"])

    def test_fails(self) -> None:
        """An old file that cannot be deleted is no fault of the new one."""
        place = Place(Limits(10, drops=True))
        newest = place.add("new", 5)
        now(place.index.close())
        now(begun(place.quotas.settle("romeo", None, newest)))


class DailyTests(SynchronousTestCase):
    """What owners may send in a day."""

    def test_day(self) -> None:
        """What came since midnight UTC counts; the refusal tells when the day is over."""
        place = Place(Limits(daily=10))
        place.add("yesterday", 9, age=5001)
        place.add("today", 6, age=5000)
        place.reserve(4)
        with self.assertRaises(DailyQuotaExceeded) as caught:
            place.reserve(1)
        self.assertEqual(caught.exception.facts["retry_after"], DAY - 5000)
        place.time += DAY - 5000
        with place.reserve(6):
            pass

    def test_deleted(self) -> None:
        """A file that is deleted on the day it came still counts, and not on the next."""
        place = Place(Limits(daily=10))
        now(begun(place.drop(place.add("a", 8))))
        self.assertRaises(DailyQuotaExceeded, place.reserve, 3)
        now(begun(place.drop(place.add("old", 8, age=2 * DAY))))
        place.reserve(1)
        place.time += DAY
        with place.reserve(9):
            pass

    def test_elsewhere(self) -> None:
        """What came to another server counts, once; what the days do not know the index tells."""
        place = Place(Limits(daily=10))
        midnight = place.usage.midnight()
        for _ in range(2):
            now(begun(place.quotas.days.add("romeo", midnight, "elsewhere", 4)))
        place.add("here", 5)
        place.reserve(1)
        self.assertRaises(DailyQuotaExceeded, place.reserve, 1)
        other = Place(Limits(daily=10))
        now(other.index.add(stored("before", size=9, owner="romeo", uploaded_at=NOW)))
        self.assertRaises(DailyQuotaExceeded, other.reserve, 2)

    def test_nobody_knows(self) -> None:
        """Where the days cannot be asked the index alone tells, and uploads go on."""

        class NoDays(OwnDays):
            """Days that cannot be asked."""

            async def add(self, owner: str, day: int, upload: str, size: int) -> None:
                """Fail."""
                raise StoreFailed("away")

            async def total(self, owner: str, day: int) -> int:
                """Fail."""
                raise StoreFailed("away")

        place = Place(Limits(daily=10))
        place.quotas = evolve(place.quotas, days=NoDays())
        place.add("a", 6)
        place.reserve(4)
        self.assertRaises(DailyQuotaExceeded, place.reserve, 1)


@define(eq=False)
class Upload:
    """An upload of the machine."""

    size: int
    share: Share
    name: StoredName = field(default=StoredName(("x",)))


class SlowIndex(MemoryIndex):
    """An index whose sums are told when the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Deferred[int], int]] = []
        self.slow = True

    def used_by(self, owner: str, since: float | None = None) -> Deferred[int]:
        """Tell the sum as it is now, later."""
        if not self.slow:
            return super().used_by(owner, since)
        later: Deferred[int] = Deferred()
        self.waiting.append((later, now(super().used_by(owner, since))))
        return later


class QuotaMachine(RuleBasedStateMachine):
    """Whatever order uploads begin, are recorded and end in, the quota is never exceeded."""

    LIMIT = 20

    def __init__(self) -> None:
        super().__init__()
        self.index = SlowIndex()
        self.quotas = Quotas(
            self.index, Usage(lambda: NOW), lambda: NOW, Limits(self.LIMIT, self.LIMIT)
        )
        self.asking: list[tuple[int, Deferred[Share]]] = []
        self.running: list[Upload] = []
        self.recorded: list[Upload] = []
        self.names = 0

    @rule(size=st.integers(0, 12))
    def begin(self, size: int) -> None:
        """An upload asks for its share."""
        asked = begun(self.quotas.reserve("romeo", size))
        self.asking.append((size, asked))
        self.look()

    def look(self) -> None:
        """Take the answers that there are."""
        still = []
        for size, asked in self.asking:
            outcome: list[object] = []
            asked.addBoth(outcome.append)
            if not outcome:
                still.append((size, asked))
            elif isinstance(outcome[0], Share):
                outcome[0].__enter__()
                self.running.append(Upload(size, outcome[0]))
            else:
                assert outcome[0].check(QuotaExceeded, DailyQuotaExceeded)  # type: ignore[attr-defined]
        self.asking = still

    @precondition(lambda self: self.index.waiting)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The index answers one of those who wait."""
        place = data.draw(st.integers(0, len(self.index.waiting) - 1))
        later, value = self.index.waiting.pop(place)
        later.callback(value)
        self.look()

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        """A file is in the index, and its upload does not know it yet."""
        upload = data.draw(st.sampled_from(self.running))
        self.running.remove(upload)
        self.names += 1
        upload.share.recording()
        file = stored(f"f{self.names}", size=upload.size, owner="romeo", uploaded_at=NOW)
        now(self.index.add(evolve(file)))
        self.recorded.append(upload)

    @precondition(lambda self: self.recorded or self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """An upload ends, stored or not."""
        upload = data.draw(st.sampled_from(self.recorded + self.running))
        (self.recorded if upload in self.recorded else self.running).remove(upload)
        upload.share.__exit__(None, None, None)
        self.look()

    @invariant()
    def never_exceeded(self) -> None:
        """What is stored and what is on its way fit together."""
        stored_bytes = now(self.index.total())
        assert stored_bytes + sum(upload.size for upload in self.running) <= self.LIMIT

    def teardown(self) -> None:
        """When all has ended nothing is held, and all that is left may be used."""
        for upload in self.running + self.recorded:
            upload.share.__exit__(None, None, None)
        self.running, self.recorded = [], []
        while self.index.waiting:
            later, value = self.index.waiting.pop()
            later.callback(value)
            self.look()
            for upload in self.running:
                upload.share.__exit__(None, None, None)
            self.running = []
        assert not self.asking
        assert self.quotas.usage.owners == 0
        self.index.slow = False
        left = self.LIMIT - now(self.index.total())
        with now(begun(self.quotas.reserve("romeo", left))):
            pass


QuotaMachineTests = QuotaMachine.TestCase
