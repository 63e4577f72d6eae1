"""
The connection to Redis: made when it is needed, shared by all who ask, dropped when it is late.

What is asked before an answer has come goes out at once; Redis answers in order.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, cast

import txredisapi
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error as network
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from hmacfs.flow.pending import Pending
from hmacfs.stores.client_tls import CheckedName
from hmacfs.stores.interfaces import StoreFailed, StoreFull, StoreRefused
from hmacfs.stores.pair import Deadline
from hmacfs.stores.places import Place
from hmacfs.stores.redis_scripts import FORGOTTEN, MARK, NOT_ALLOWED, guarded

_COPY: Final = "READONLY"
_REFUSED: Final = (
    (
        ("WRONGPASS", "ERR invalid password"),
        "refuses the user or the password: see both in the configuration",
    ),
    (("NOAUTH",), "wants a password: name it in the configuration"),
    (
        ("ERR AUTH", "ERR Client sent AUTH", "ERR wrong number of arguments for 'auth'"),
        "knows no such password: take it, or the user, out of the configuration",
    ),
    (
        ("CLUSTERDOWN", "CROSSSLOT", "MOVED", "ERR SELECT is not allowed in cluster"),
        "is one of a cluster: name one that is not",
    ),
    (
        ("ERR DB index", "ERR invalid DB index", "ERR SELECT"),
        "has no database of this number: see it in the configuration, and `databases` of Redis",
    ),
    (
        ("DENIED",),
        "lets nobody in from another machine: give it a password, and see `protected-mode`",
    ),
    (
        # The latter from within a script.
        ("NOPERM", "ERR The user executing the script"),
        NOT_ALLOWED,
    ),
)
_FAILED: Final = (
    (("LOADING",), "is still reading its data: wait"),
    (("MISCONF",), "cannot write its data to its disk and takes no more: see its log"),
    ((_COPY,), "is a copy of another and takes no changes: name the first one"),
    (("ERR max number of clients",), "takes no more connections: raise its `maxclients`"),
    (("BUSY",), "is busy with somebody's script: end that with SCRIPT KILL"),
)
_ENDED: Final = "has ended the connection: see its log"
_LOST: Final = "has lost what it knew"
_FULL: Final = (
    (("OOM",), "has no room left: raise its `maxmemory`, or give it a machine of its own"),
)
_IN_A_SCRIPT: Final = re.compile(
    r"^ERR Error running script.*@user_script: ?\d+: -?"
    r"| script: [0-9a-f]{40}, on @user_script:\d+\.$"
)
"""Where in a script an answer comes from: before Redis 7, since Redis 7."""

_STRANGER: Final = "does not prove that it is {host}: see its certificate and ca_file"


class _Conversation(txredisapi.BaseRedisProtocol):  # type: ignore[misc]  # has no types
    """
    Remembers why it ended.

    :param ended: is given it when it has ended, before those who wait for an answer are told.
    """

    why: BaseException | None = None

    def __init__(self, reactor: IReactorTime, ended: Callable[[_Conversation], object]) -> None:
        # How long an answer may take is for the link to say.
        super().__init__(charset=None, convertNumbers=False)
        self._ended = ended
        # In place of that of the global reactor.
        self.callLater = reactor.callLater

    def connectionLost(self, why: Failure) -> None:
        """Fail whatever waits for an answer."""
        self.why = why.value
        self._ended(self)
        super().connectionLost(why)


class RedisLink:
    """
    A way to ask one Redis.

    What it was asked may be lost with a connection that ends, or with its
    memory.  Each time somebody is told so: by the failure of what was just
    asked, or else of what is asked next.

    :param patience: seconds to wait for an answer, with the way there.
    :param mark: the key under which Redis is marked, to tell its memory from another.
    """

    def __init__(self, place: Place, reactor: IReactorTime, patience: float, mark: bytes) -> None:
        self._place = place
        self._reactor = reactor
        self._name = f"Redis at {place}"
        self._deadline = Deadline(reactor, patience, self._drop, self._name)
        self._patience = patience
        self._mark = mark
        self._memory = b""
        self._untold = ""
        self._conversation: _Conversation | None = None
        self._attempt: Deferred[_Conversation] | None = None
        self._waiting: list[Deferred[_Conversation]] = []
        self._pending = Pending()
        self._closed = False

    def ask(self, *words: str | bytes) -> Deferred[Any]:
        """
        Send a command; tell the answer.

        Fails with :class:`StoreFailed` if that cannot be done in time.
        """
        return self._limited(lambda talk: talk.execute_command(*words))

    def run(self, script: str, keys: Sequence[bytes], values: Sequence[bytes]) -> Deferred[Any]:
        """
        Run a script; tell its answer.

        Fails with :class:`StoreFailed` if that cannot be done in time, or if
        Redis has another memory than when it was last asked.
        """
        guard = guarded(script)
        return self._limited(
            lambda talk: talk.eval(guard, [*keys, self._mark], [*values, self._memory])
        )

    async def close(self) -> None:
        """Wait for what was asked, and end the connection."""
        self._closed = True
        await self._pending.idle()
        conversation = self._conversation
        if conversation is not None and conversation.connected:
            ended = conversation.whenDisconnected()
            conversation.transport.abortConnection()
            await ended

    def _limited(self, question: Any) -> Deferred[Any]:
        answer = self._deadline.limit(Deferred.fromCoroutine(self._asked(question)))
        return answer.addErrback(self._told)

    def _told(self, failure: Failure) -> Failure:
        # Those who have given up do not count as told.
        if failure.check(StoreFailed):
            self._untold = ""
        return failure

    async def _asked(self, question: Any) -> Any:
        if self._closed:
            raise StoreFailed(f"{self._name} was closed")
        with self._pending:
            conversation = await self._connected()
            if self._untold:
                raise self._failed(StoreFailed, self._untold)
            try:
                return await self._answered(question, conversation)
            except Exception as error:
                raise self._explained(error, conversation) from error

    async def _answered(self, question: Any, conversation: _Conversation) -> Any:
        try:
            return await question(conversation)
        except txredisapi.ResponseError as error:
            answer = _IN_A_SCRIPT.sub("", str(error))
            if answer.startswith(_COPY):
                # Another may have taken its place, and its address, and know less.
                self._untold = self._untold or _ENDED
                self._drop()
            if not answer.startswith(FORGOTTEN):
                raise
            await self._remember(conversation)
            raise self._failed(StoreFailed, _LOST) from error

    def _connected(self) -> Deferred[_Conversation]:
        result: Deferred[_Conversation] = Deferred()
        if self._conversation is not None and self._conversation.connected:
            result.callback(self._conversation)
            return result
        self._waiting.append(result)
        if self._attempt is None:
            self._attempt = Deferred.fromCoroutine(self._connect())
            self._attempt.addCallbacks(self._settled, self._settled)
        return result

    def _settled(self, outcome: _Conversation | Failure) -> None:
        self._attempt = None
        waiting, self._waiting = self._waiting, []
        for result in waiting:
            result.callback(outcome)

    async def _connect(self) -> _Conversation:
        conversation = None
        try:
            factory = Factory.forProtocol(partial(_Conversation, self._reactor, self._broken))
            factory.noisy = False
            conversation = cast(_Conversation, await self._endpoint().connect(factory))
            place = self._place
            if place.password or place.user:
                user = (place.user,) if place.user else ()
                await conversation.execute_command("AUTH", *user, place.password)
            if place.database:
                await conversation.execute_command("SELECT", place.database)
            await conversation.execute_command("PING")
            await self._remember(conversation)
        except BaseException as error:
            if conversation is not None:
                conversation.transport.abortConnection()
            raise self._explained(error, conversation) from error
        self._conversation = conversation
        return conversation

    async def _remember(self, conversation: _Conversation) -> None:
        """See that this is the memory we know, for one that is empty must be told what it was."""
        mark = secrets.token_hex(16).encode()
        memory = await conversation.eval(MARK, [self._mark], [mark])
        if self._memory not in (b"", memory):
            self._untold = _LOST
        self._memory = memory

    def _broken(self, conversation: _Conversation) -> None:
        # Redis may come back as it was some time ago.
        if conversation is self._conversation:
            self._untold = self._untold or _ENDED

    def _endpoint(self) -> IStreamClientEndpoint:
        place = self._place
        if place.socket is not None:
            return UNIXClientEndpoint(self._reactor, str(place.socket), self._patience)
        endpoint = HostnameEndpoint(self._reactor, place.host, place.port, self._patience)
        if not place.tls:
            return endpoint
        return wrapClientTLS(CheckedName(place.host, place.ca_file), endpoint)

    def _drop(self) -> None:
        # Whatever else waits is told now: nothing will come any more.
        if self._attempt is not None:
            self._attempt.cancel()
        conversation, self._conversation = self._conversation, None
        if conversation is not None and conversation.connected:
            conversation.transport.abortConnection()

    def _explained(self, error: BaseException, conversation: _Conversation | None) -> Exception:
        if isinstance(error, txredisapi.ConnectionError) and conversation is not None:
            error = conversation.why or error
        match error:
            case StoreFailed():
                return error
            case txredisapi.ResponseError():
                return self._of_answer(str(error))
            case CertificateError() | VerificationError():
                return self._failed(StoreRefused, _STRANGER.format(host=self._place.host))
            case SSL.Error():
                return self._failed(StoreRefused, _of_tls(error))
            case network.DNSLookupError():
                sentence = "cannot be found: see its name in the configuration"
            case network.ConnectError() | OSError():
                sentence = f"cannot be reached: see whether it runs, and its address ({error})"
            case CancelledError():
                sentence = f"cannot be reached within {self._patience:g} seconds"
            case network.ConnectionClosed() | txredisapi.RedisError():
                sentence = f"{_ENDED} ({error})"
            case Exception():
                return error
            case _:
                raise error
        return self._failed(StoreFailed, sentence)

    def _of_answer(self, answer: str) -> StoreFailed:
        answer = _IN_A_SCRIPT.sub("", answer)
        for kind, table in (
            (StoreRefused, _REFUSED),
            (StoreFailed, _FAILED),
            (StoreFull, _FULL),
        ):
            for beginnings, sentence in table:
                if answer.startswith(beginnings):
                    return self._failed(kind, f"{sentence} ({answer})")
        return self._failed(StoreFailed, f"failed: {answer}")

    def _failed(self, kind: type[StoreFailed], sentence: str) -> StoreFailed:
        return kind(f"{self._name} {sentence}")


def _of_tls(error: SSL.Error) -> str:
    reasons = "; ".join(reason for *_, reason in error.args[0]) if error.args else ""
    return (
        f"does not come to terms about TLS ({reasons or 'it hung up'}): see its certificate, "
        "and tls and ca_file in the configuration"
    )
