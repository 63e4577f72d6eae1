"""What stays while the server runs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import UploadFailed
from hmacfs.config import options
from hmacfs.config.settings import Settings
from hmacfs.service.foundation import Foundation, Reactor


class FoundationTests(SynchronousTestCase):
    """``Foundation``."""

    def test_failing_listener(self) -> None:
        """A listener of events that fails is logged, and whoever told it does not notice."""
        settings = Settings.of({options.SERVER_STORAGE_PATH: Path(self.mktemp())})
        foundation = Foundation(settings, cast(Reactor, reactor))
        foundation.events.listen(UploadFailed, lambda event: 1 // 0)
        foundation.events.tell(UploadFailed("no-space"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
