"""The list of rules: each is asked, in its order, at every place."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.errors import KindRefused, Refusal
from hmacfs.base.values import Grant
from hmacfs.flow.stage import Sink
from hmacfs.rules.conditions import Conditions
from hmacfs.rules.rule import Material, Rule, Rules
from tests.blobs.samples import named
from tests.flow.awaiting import begun, now
from tests.ingest.bench import Bench, Delivery, MemoryDisk


class Spy(Rule):
    """Notes what it is asked and given, and refuses at one place if it has to."""

    def __init__(self, refuses_at: str = "", taps: bool = True) -> None:
        self.seen: list[str] = []
        self._refuses_at = refuses_at
        self._taps = taps

    def _at(self, place: str) -> None:
        self.seen.append(place)
        if place == self._refuses_at:
            raise KindRefused(f"refused at {place}")

    async def before(self, grant: Grant, conditions: Conditions) -> None:
        """Note it."""
        self._at("before")

    def tap(self, grant: Grant, conditions: Conditions) -> Sink | None:
        """Be given the bytes."""
        return self if self._taps else None

    def write(self, data: bytes | memoryview) -> None:
        """Note the bytes."""
        self._at(bytes(data).decode())

    async def judge(self, material: Material, grant: Grant, conditions: Conditions) -> None:
        """Note the bytes as they are on the disk."""
        read = await material.blob.lane.run(material.blob.read_at, 0, 100)
        self._at(f"judge {read.decode()}")


class RulesTests(SynchronousTestCase):
    """An intake with rules."""

    def uploaded(self, *rules: Rule) -> type[Refusal] | None:
        """Upload a file and tell how that was refused, if it was."""
        self.bench = Bench(MemoryDisk(), rules=Rules(rules))
        self.body = Delivery(b"some", b"bytes")
        upload = self.bench.upload("a", self.body, 9)
        self.bench.pool.run_all()
        self.addCleanup(self.bench.check_agreement, [named("a")])
        try:
            now(upload)
        except Refusal as refusal:
            return type(refusal)
        return None

    def test_order(self) -> None:
        """All is told to each rule: before the body, as the bytes come, and when they are there."""
        spy = Spy()
        self.assertIsNone(self.uploaded(spy))
        self.assertEqual(spy.seen[0], "before")
        self.assertEqual("".join(spy.seen[1:-1]), "somebytes")
        self.assertEqual(spy.seen[-1], "judge somebytes")
        self.assertEqual(self.bench.bytes_of(named("a")), b"somebytes")

    def test_refused_before(self) -> None:
        """What is refused before the body is never asked for, and no later rule is asked."""
        later = Spy()
        self.assertIs(self.uploaded(Spy("before"), later), KindRefused)
        self.assertFalse(self.body.asked)
        self.assertEqual(later.seen, [])

    def test_refused_by_a_tap(self) -> None:
        """A tap that refuses ends the upload, of which nothing is left."""
        spy = Spy("some")
        self.assertIs(self.uploaded(spy), KindRefused)
        self.assertNotIn("judge somebytes", spy.seen)
        self.assertIsNone(self.bench.bytes_of(named("a")))

    def test_refused_by_the_judge(self) -> None:
        """What is refused when all bytes are there is never visible, and nothing is left."""
        later = Spy(taps=False)
        self.assertIs(self.uploaded(Spy("judge somebytes", taps=False), later), KindRefused)
        self.assertEqual(later.seen, ["before"])
        self.assertIsNone(self.bench.bytes_of(named("a")))

    def test_staged(self) -> None:
        """Bytes whose grant came later, as those of a form, are judged all the same."""
        spy = Spy("judge content")
        self.bench = Bench(MemoryDisk(), rules=Rules((spy,)))

        async def work() -> None:
            async with self.bench.intake.staged(Delivery(b"content"), 7) as staged:
                grant = Grant(named("a"), 7, "text/plain", "v")
                await self.bench.intake.store(staged, grant)

        upload = begun(work())
        self.bench.pool.run_all()
        self.failureResultOf(upload, KindRefused)
        self.assertEqual(spy.seen, ["judge content"])
        self.bench.check_agreement([named("a")])

    def test_nothing_is_a_rule(self) -> None:
        """A rule that says nothing lets everything pass."""
        self.assertIsNone(self.uploaded(Rule()))
        self.assertEqual(self.bench.bytes_of(named("a")), b"somebytes")
