"""tus 1.0.0 by the daemon, sentence by sentence of the specification."""

from __future__ import annotations

from typing import Final

from tests.real.case import ServerCase
from tests.real.wire import SECTIONS, RealServer, failures
from tests.web import tus_suite as suite

CASES: Final = (
    suite.TableTests,
    suite.CoreTests,
    suite.DeferredTests,
    suite.ExpectationTests,
    suite.ChecksumTests,
    suite.TerminationTests,
    suite.ConcatenationTests,
    suite.CredentialTests,
    suite.OfferTests,
)
MANY: Final = 1000


class TusTests(ServerCase):
    """What a server in memory is asked, and what needs real time."""

    def test_specification(self) -> None:
        """Every sentence."""
        daemon = self.start(SECTIONS)
        self.assertEqual([], list(failures(CASES, server=RealServer(daemon))))
