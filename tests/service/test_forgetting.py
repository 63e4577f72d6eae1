"""Tests of hmacfs.service.forgetting; what is removed is shown against a real server."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from hmacfs.base.events import Administered
from hmacfs.base.origin import current
from hmacfs.service.forgetting import Erasure
from hmacfs.service.requests import Forgotten, Request, is_running, requests_of
from hmacfs.service.server import FileServer
from hmacfs.stores.interfaces import StoreFailed
from tests.service.server_case import ServerCase

ALICE = "a" * 40


class AnsweringTests(ServerCase):
    """``answering``."""

    async def answered(self) -> Any:
        """Ask, as a command does before a server is killed; return what the next one answers."""
        requests = requests_of(self.settings())
        requests.ask(Request(ALICE, "somebody"))
        server = self.server()
        self.acts: list[tuple[str, str, str, Any]] = []
        server._foundation.events.listen(Administered, self.note)
        server.startService()
        await server.ready()
        self.assertTrue(is_running(self.settings()))
        while (answer := requests.take_answer(ALICE)) is None:
            await deferLater(reactor, 0.01)
        await server.stopService()
        self.assertEqual(requests.pending(), [])
        return answer

    def note(self, act: Administered) -> None:
        """Note what is told of requests."""
        origin = current()
        if act.action == "forget":
            who = None if origin is None else dict(origin.who())
            self.acts.append((act.action, act.outcome, act.subject, who))

    async def begun(self) -> FileServer:
        """Start a server with a file, and stop it."""
        server = await self.started()
        self.assertEqual((await self.put(f"{ALICE}/1/photo", b"hello"))[0], 201)
        await server.stopService()
        return server

    async def test_after_a_crash(self) -> None:
        """What was asked before a crash is done by the next server."""
        await self.begun()
        answer = await self.answered()
        self.assertEqual([file["name"] for file in answer["removed"]], [f"{ALICE}/1/photo"])
        self.assertEqual(self.acts, [("forget", "done", ALICE, {"user": "somebody"})])
        self.assertFalse((self.root / ALICE).exists())

    async def test_failed(self) -> None:
        """A failure is told, once, to whoever asked."""
        await self.begun()
        for error, told in ((StoreFailed("it is away"), "it is away"), (ValueError(), "the log")):

            async def fail(_: Erasure, __: str, error: Exception = error) -> Forgotten:
                raise error

            self.patch(Erasure, "remove", fail)
            answer = await self.answered()
            self.assertIn(told, answer["error"])
            self.assertEqual(self.acts, [("forget", "failed", ALICE, {"user": "somebody"})])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
