"""Resumable uploads of the IETF's draft by the daemon, on the URLs of XMPP and on ``/files``."""

from __future__ import annotations

from typing import Final

from tests.real.case import ServerCase
from tests.real.wire import SECTIONS, RealServer, failures
from tests.web import rufh_suite as suite

CASES: Final = (
    suite.SlotTests,
    suite.ExpectationTests,
    suite.HearingTests,
    suite.RefusalTests,
    suite.DigestTests,
    suite.CreationTests,
)


class RufhTests(ServerCase):
    """What a server in memory is asked, and what needs real connections."""

    def test_drafts(self) -> None:
        """Every sentence, in every draft."""
        server = RealServer(self.start(SECTIONS))
        found = failures(CASES, server=server, uploads=lambda _: server.uploads())
        self.assertEqual([], list(found))
