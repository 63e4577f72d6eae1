"""What the health is said to be."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.version import VERSION
from hmacfs.web.health import Answer, Health, History, Part
from hmacfs.web.peers import Peers
from tests.flow.awaiting import now


class AnswerTests(SynchronousTestCase):
    """``Health.answer``; what requests get is tested with the tree of URLs."""

    def setUp(self) -> None:
        self.parts = {"storage": Part("ok", "much room")}
        self.draining = False
        self.time = 1000.0
        self.health = Health(
            self.look, lambda: 1.5, Peers([]), History(lambda: self.time), lambda: self.draining
        )

    async def look(self) -> dict[str, Part]:
        """Tell how the parts are."""
        return self.parts

    def answer(self, accept: str | None = None, *, details: bool = False) -> Answer:
        """Ask for the health."""
        return now(self.health.answer(accept, details=details))

    def text(self) -> tuple[int, bytes]:
        """Ask for the health in a word."""
        status, headers, body = self.answer()
        self.assertEqual(
            headers, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        )
        return status, body

    def test_words(self) -> None:
        """The worst part decides; a degraded server still works, one that stops does not."""
        self.parts["index"] = Part("ok")
        self.assertEqual(self.text(), (200, b"OK\n"))
        self.parts["index"] = Part("degraded")
        self.assertEqual(self.text(), (200, b"OK\n"))
        self.parts["storage"] = Part("failing")
        self.assertEqual(self.text(), (503, b"FAILING\n"))
        self.draining = True
        self.assertEqual(self.text(), (503, b"DRAINING\n"))

    def test_details(self) -> None:
        """Details are for those who may have them."""
        status, headers, body = self.answer("application/json")
        self.assertEqual((status, json.loads(body)), (200, {"status": "ok"}))
        self.assertEqual(headers["Content-Type"], "application/json")
        _, _, body = self.answer("application/json", details=True)
        self.assertEqual(
            json.loads(body),
            {
                "status": "ok",
                "version": VERSION,
                "uptime_seconds": 1.5,
                "parts": {"storage": {"status": "ok", "detail": "much room", "since": 1000}},
            },
        )

    def test_since(self) -> None:
        """Each part tells since when it has been as it is, whatever is said of it meanwhile."""
        for part, time, since in (
            (Part("ok"), 1000.0, 1000),
            (Part("ok", "more room"), 1001.0, 1000),
            (Part("degraded"), 1002.0, 1002),
            (Part("ok"), 1003.0, 1003),
        ):
            self.parts["storage"], self.time = part, time
            _, _, body = self.answer("application/json", details=True)
            self.assertEqual(json.loads(body)["parts"]["storage"]["since"], since)

    def test_states(self) -> None:
        """Programs are told the state by its name."""
        for state in ("ok", "degraded", "failing"):
            self.parts["storage"] = Part(state)
            _, _, body = self.answer("application/json")
            self.assertEqual(json.loads(body), {"status": state})
        self.draining = True
        status, _, body = self.answer("application/json")
        self.assertEqual((status, json.loads(body)), (503, {"status": "draining"}))
