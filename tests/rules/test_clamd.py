"""Tests of hmacfs.rules.clamd; what needs a clamd is in tests/real."""

from __future__ import annotations

import pathlib

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.rules.clamd import PING_TIMEOUT, Clamd, ScanFailed, endpoint_of


class UnreachableTests(SynchronousTestCase):
    """A clamd that no connection reaches."""

    def test_silence(self) -> None:
        """A connection that is neither taken nor refused is given up, and that is told."""
        for place in (pathlib.Path("/run/clamd"), ("192.0.2.1", 3310)):
            clock = MemoryReactorClock()
            clamd = Clamd(endpoint_of(clock, place), False, clock, timeout=60.0, most=1)
            outcome = Deferred.fromCoroutine(clamd.ping())
            clock.advance(PING_TIMEOUT - 0.1)
            self.assertNoResult(outcome)
            clock.advance(0.1)
            error = self.failureResultOf(outcome, ScanFailed).value
            self.assertEqual("clamd did not answer within 5 seconds", str(error))

    def test_quiet(self) -> None:
        """One that is down is asked again and again, and no connection is worth a line."""
        reactor = MemoryReactorClock()
        place = ("192.0.2.1", 3310)
        clamd = Clamd(endpoint_of(reactor, place), False, reactor, timeout=60.0, most=1)
        outcome = Deferred.fromCoroutine(clamd.ping())
        outcome.addErrback(lambda _: None)
        with capturedLogs() as logged:
            reactor.tcpClients[0][2].doStart()
        self.assertEqual([], [formatEvent(event) for event in logged])
        outcome.cancel()
