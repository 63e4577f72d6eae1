"""What the process takes of its machine."""

from __future__ import annotations

import math
import resource
from pathlib import Path

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.observe.usage import ProcessorShare, resident_bytes


class ResidentTests(SynchronousTestCase):
    """``resident_bytes``."""

    def test_pages(self) -> None:
        """The system counts in pages, we in bytes."""
        statm = Path(self.mktemp())
        statm.write_bytes(b"73342 15871 2301 755 0 39402 0\n")
        self.assertEqual(resident_bytes(statm), 15871 * resource.getpagesize())

    def test_this_process(self) -> None:
        """A running Python has some megabytes, and not more than it ever had."""
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.assertGreater(resident_bytes(), 4 * 1024 * 1024)
        self.assertLess(resident_bytes(), most * 1.1)

    def test_unknown(self) -> None:
        """Where the system does not say, it is not a number, and nothing fails."""
        self.assertTrue(math.isnan(resident_bytes(Path("/nowhere"))))


@define
class Machine:
    """A clock and a processor that only the test moves."""

    time: float = 1000.0
    spent: float = 7.0

    def share(self) -> ProcessorShare:
        """Begin to watch it."""
        return ProcessorShare(lambda: self.time, lambda: self.spent)


class ProcessorShareTests(SynchronousTestCase):
    """``ProcessorShare``."""

    def setUp(self) -> None:
        self.machine = Machine()
        self.share = self.machine.share()

    def work(self, elapsed: float, spent: float) -> float:
        """Let time pass, and tell the share."""
        self.machine.time += elapsed
        self.machine.spent += spent
        return self.share.percent()

    def test_since_the_last_look(self) -> None:
        """The share is that of the time since the last look; what was before does not count."""
        self.assertEqual(self.work(10, 1), 10)
        self.assertEqual(self.work(4, 2), 50)
        self.assertEqual(self.work(4, 0), 0)

    def test_several_cores(self) -> None:
        """One core is 100, so several can be more."""
        self.assertEqual(self.work(2, 3), 150)

    def test_looks_soon_after_each_other(self) -> None:
        """A look soon after another tells the same, and takes nothing from the next."""
        self.assertEqual(self.work(0, 0), 0)
        self.assertEqual(self.work(10, 1), 10)
        self.assertEqual(self.work(0.5, 0.5), 10)
        self.assertEqual(self.work(0.5, 0.0), 50)
