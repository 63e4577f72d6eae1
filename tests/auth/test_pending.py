"""Signatures that wait for facts of the file."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.auth.facts import PartFacts
from hmacfs.auth.pending import Fact, FileFacts, Pending, settled
from hmacfs.auth.permit import Permit
from hmacfs.base.errors import MalformedRequest, SizeMismatch

NEEDS = frozenset({Fact.FILENAME, Fact.SIZE})


def verify(file: FileFacts) -> Permit:
    """Stand for a verification: the permit shows what it was given."""
    return Permit("x", filename=file.filename, size=file.size, owner=file.content_type)


def wait(known: PartFacts) -> Pending:
    """Make a signature that waits."""
    pending = settled("x", NEEDS, known, verify)
    assert isinstance(pending, Pending)
    return pending


class PendingTests(SynchronousTestCase):
    """``Pending`` and ``settled``."""

    def test_at_once(self) -> None:
        """What needs nothing more is verified at once."""
        permit = settled("x", NEEDS, PartFacts("a", size=0), verify)
        self.assertEqual(Permit("x", filename="a", size=0, owner=""), permit)

    def test_missing(self) -> None:
        """It tells what is missing as the facts come in."""
        pending = wait(PartFacts())
        self.assertEqual(NEEDS, pending.missing(PartFacts()))
        self.assertEqual({Fact.SIZE}, pending.missing(PartFacts("a")))
        self.assertEqual(set(), pending.missing(PartFacts("a", size=0)))

    def test_settles(self) -> None:
        """What the headers told and what the form tells are taken together."""
        permit = wait(PartFacts(size=5)).settle(PartFacts("a", "b/c"))
        self.assertEqual(Permit("x", filename="a", size=5, owner="b/c"), permit)

    def test_told_twice(self) -> None:
        """A fact that is told twice the same is one fact."""
        permit = wait(PartFacts(size=5)).settle(PartFacts("a", size=5))
        self.assertEqual(Permit("x", filename="a", size=5, owner=""), permit)

    def test_other_size(self) -> None:
        """A file that has not the announced size is refused, and both are told."""
        refusal = self.assertRaises(
            SizeMismatch, wait(PartFacts(size=0)).settle, PartFacts("a", size=1)
        )
        self.assertEqual({"expected": 0, "received": 1}, refusal.facts)
        refusal = self.assertRaises(
            SizeMismatch, wait(PartFacts(size=7)).missing, PartFacts("a", size=0)
        )
        self.assertEqual({"expected": 7, "received": 0}, refusal.facts)

    def test_other_fact(self) -> None:
        """Any other fact that is told in two ways is refused."""
        pending = wait(PartFacts(timestamp="1"))
        part = PartFacts("a", size=1, timestamp="2")
        self.assertRaises(MalformedRequest, pending.settle, part)

    def test_ended_too_early(self) -> None:
        """A form that ends without a fact that is needed is refused, by the fact's name."""
        refusal = self.assertRaises(MalformedRequest, wait(PartFacts()).settle, PartFacts("a"))
        self.assertIn("size", refusal.detail)
