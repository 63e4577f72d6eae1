"""``/api/v3/progress/SESSION``: a WebSocket that tells how an upload goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from hmacfs.uploads.machine import State
from hmacfs.uploads.session import Session
from hmacfs.web.progress import Follower, Progress, Seats
from hmacfs.web.request import StreamingRequest
from hmacfs.web.session_access import SessionAccess
from hmacfs.web.v3_documents import PREFIX


@frozen
class Following:
    """
    Lets clients follow uploads.

    :param seats: how many may.
    :param clock: when they are told something.
    :param prepare: reads ``web.websocket`` from the disk, unless that is done.
    """

    access: SessionAccess
    seats: Seats
    clock: IReactorTime
    prepare: Callable[[], Awaitable[object]]

    async def follow(self, request: StreamingRequest, session: str) -> None:
        """
        Switch to a WebSocket and tell how a session goes, until it or the client has gone.

        :raises UpgradeRequired: if the client wants no WebSocket.
        :raises Unknown: if there is no such session, or it is somebody else's.
        :raises FollowsTooMany: if the owner of the upload follows too many.
        :raises Unavailable: if too many follow.
        """
        # What makes frames takes memory, which is not needed until somebody follows.
        await self.prepare()
        from hmacfs.web.websocket import WebSocket, handshake

        answer = handshake(request)
        found = await self.access.find(request, session, over=True)
        owner = found.draft.owner
        holder = f"at {self.access.peers.place_of(request)}" if owner is None else f"of {owner}"
        with self.seats.seat(found.id, holder):
            socket = WebSocket(request.channel, self.clock)
            request.channel.switch_to(socket, answer)
            view = _View(found)
            follower = Follower(socket, self.clock, PREFIX + found.id, view.progress)

            def moved(session: Session, received: int) -> None:
                view.moved(session, received)
                follower.changed()

            stop = self.access.sessions.watch(found.id, moved)
            try:
                follower.changed()
                # The request ends with the connection, and then this is cancelled.
                await Deferred()
            finally:
                stop()
                follower.stop()


class _View:
    """What was last told of a session."""

    def __init__(self, session: Session) -> None:
        self.moved(session, session.received)

    def moved(self, session: Session, received: int) -> None:
        """Take what the session is now."""
        self._session = session
        self._received = received

    def progress(self) -> Progress:
        """Tell it."""
        session = self._session
        is_over = session.state not in (State.OPEN, State.COMPLETE)
        return Progress(self._received, session.length, session.state.value, is_over)
