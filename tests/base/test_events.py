"""The bus of events."""

from __future__ import annotations

import contextlib
import io

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.events import (
    ABORTED,
    ConnectionsChanged,
    DownloadSent,
    Events,
    RequestsChanged,
    UploadFailed,
)
from tests.blobs.samples import named


class EventsTests(SynchronousTestCase):
    """``Events``."""

    def setUp(self) -> None:
        self.complaints: list[str] = []
        self.events = Events(lambda: self.complaints.append("failed"))
        self.heard: list[object] = []

    def test_kinds(self) -> None:
        """A listener hears the events of its kind, in their order, and no others."""
        self.events.listen(ConnectionsChanged, self.heard.append)
        self.events.tell(ConnectionsChanged(1))
        self.events.tell(RequestsChanged(7))
        self.events.tell(ConnectionsChanged(2))
        self.assertEqual(self.heard, [ConnectionsChanged(1), ConnectionsChanged(2)])

    def test_several_listeners(self) -> None:
        """Who listens first hears first; one may listen to several kinds."""
        self.events.listen(UploadFailed, lambda event: self.heard.append(("first", event)))
        self.events.listen(UploadFailed, lambda event: self.heard.append(("second", event)))
        self.events.tell(UploadFailed(ABORTED))
        expected = [("first", UploadFailed(ABORTED)), ("second", UploadFailed(ABORTED))]
        self.assertEqual(self.heard, expected)

    def test_nobody_listens(self) -> None:
        """An event that nobody wants is no matter."""
        self.events.tell(UploadFailed(ABORTED))
        self.assertEqual((self.heard, self.complaints), ([], []))

    def test_failing_listener(self) -> None:
        """A listener that fails is complained of, and disturbs nobody else."""

        def fail(event: UploadFailed) -> None:
            raise ZeroDivisionError

        self.events.listen(UploadFailed, fail)
        self.events.listen(UploadFailed, self.heard.append)
        self.events.tell(UploadFailed("a"))
        self.events.tell(UploadFailed("b"))
        self.assertEqual(self.heard, [UploadFailed("a"), UploadFailed("b")])
        self.assertEqual(self.complaints, ["failed", "failed"])

    def test_complaint_by_default(self) -> None:
        """Without anybody to complain to, the traceback goes to standard error."""
        events = Events()
        events.listen(UploadFailed, lambda event: 1 // 0)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            events.tell(UploadFailed("a"))
        self.assertIn("ZeroDivisionError", said.getvalue())

    def test_listening_while_told(self) -> None:
        """Who begins to listen during an event hears the next."""

        def join(event: UploadFailed) -> None:
            self.events.listen(UploadFailed, self.heard.append)

        self.events.listen(UploadFailed, join)
        self.events.tell(UploadFailed("a"))
        self.assertEqual(self.heard, [])
        self.events.tell(UploadFailed("b"))
        self.assertEqual(self.heard, [UploadFailed("b")])


class ValueTests(SynchronousTestCase):
    """The events themselves."""

    def test_size(self) -> None:
        """No download has fewer than no bytes."""
        self.assertEqual(DownloadSent(0, 1.0, complete=True, name=named("x")).size, 0)
        self.assertRaises(ValueError, DownloadSent, -1, 1.0, True, named("x"))
