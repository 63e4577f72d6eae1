"""A server without sockets: its faces over memory, and a client that sees every byte."""

from __future__ import annotations

import email.parser
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol, cast

from attrs import define, evolve, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from hmacfs.auth.keyring import Keyring
from hmacfs.auth.mac import message_v, message_v2
from hmacfs.auth.schemes import Door, Entrance, Terms, open_doors
from hmacfs.base.events import Events
from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.flow.pools import InlinePool, Pool
from hmacfs.flow.sendfile import SendReactor
from hmacfs.ingest.intake import Intake
from hmacfs.ingest.restoration import Restoration
from hmacfs.ingest.unverified import Unverified
from hmacfs.library.delivery import Delivery
from hmacfs.library.lookup import Lookup
from hmacfs.library.removal import Removal
from hmacfs.library.serving import Policy
from hmacfs.rules.kinds import Extensions, Names
from hmacfs.rules.rule import Rules
from hmacfs.rules.space import Space
from hmacfs.stores.memory import MemoryIndex
from hmacfs.uploads.limits import Limits
from hmacfs.uploads.sessions import Sessions
from hmacfs.uploads.table import Table
from hmacfs.web.api import Api
from hmacfs.web.deletion import Deletion
from hmacfs.web.files import Files
from hmacfs.web.following import Following
from hmacfs.web.guard import Guard
from hmacfs.web.health import Health, History, Part
from hmacfs.web.paths import Paths
from hmacfs.web.patience import Patience
from hmacfs.web.peers import Peers
from hmacfs.web.progress import Seats
from hmacfs.web.promptness import Promptness
from hmacfs.web.proof import Proof
from hmacfs.web.put import Put
from hmacfs.web.resumable import Resumable
from hmacfs.web.root import Root
from hmacfs.web.rufh import Rufh
from hmacfs.web.rufh_answers import RufhAnswers
from hmacfs.web.session_access import SessionAccess
from hmacfs.web.session_token import SessionTokens
from hmacfs.web.site import Conduct, CountedChannel, StreamingSite
from hmacfs.web.thumbnails import ThumbnailPages
from hmacfs.web.tus import Tus
from hmacfs.web.tus_creation import TusCreation
from hmacfs.web.tus_offer import TusOffer
from hmacfs.web.upload_urls import UploadUrls
from hmacfs.web.uploads import Uploads
from hmacfs.web.v3 import Offer, V3Uploads
from hmacfs.web.versions import VersionFaces
from tests.flow.held_pool import HeldPool

SECRET = "correct horse battery staple"
NOW = 1_800_000_000.0
MAX_UPLOAD_SIZE = 10_000_000
TERMS = Terms(
    shared=Keyring.of(SECRET),
    jwt=Keyring.of("a secret for tokens only"),
    delete_secret="a secret for deleting only",
    jwt_audiences=("files.example.org",),
)

OFFER = Offer(
    frozenset({"chunked", "resumable"}), 1000, 100, ("chunked_upload", "resumable_upload")
)


@implementer(IHalfCloseableDescriptor)
class Wire(StringTransport):
    """A connection in memory that remembers how it was closed."""

    half_closed = False
    aborted = False

    def loseWriteConnection(self) -> None:
        """Close our side."""
        self.half_closed = True

    def readConnectionLost(self, reason: Failure) -> None:
        """Take no note of a client that closes its side."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """Take no note of our own closing."""

    def abortConnection(self) -> None:
        """Cut the connection."""
        self.aborted = True
        super().abortConnection()


@frozen
class Response:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Talk(Protocol):
    """One connection to a server, whatever that is."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def lose(self) -> None:
        """Vanish, and wait until the server has seen it."""

    def close(self) -> None:
        """Close the connection in good order."""

    def response(self, method: str = "GET") -> Response:
        """Read one whole response."""
        raise NotImplementedError


class Asked(Protocol):
    """A server that tests ask, in memory or a daemon."""

    def connect(self, host: str = ...) -> Talk:
        """Open a connection."""
        raise NotImplementedError

    def ask(
        self, method: str, target: str, headers: Sequence[str] = (), body: bytes | None = None
    ) -> Response:
        """Send one request on a connection of its own and read the answer."""
        raise NotImplementedError


@define
class Conversation:
    """One connection, from its client's side."""

    channel: CountedChannel
    wire: Wire
    _read: int = 0

    def send(self, data: bytes) -> None:
        """Send bytes, as the network might bring them."""
        self.channel.dataReceived(data)

    def lose(self) -> None:
        """Vanish."""
        self.channel.connectionLost(Failure(ConnectionLost()))

    def close(self) -> None:
        """Close the connection in good order."""
        self.channel.connectionLost(Failure(ConnectionDone()))

    def output(self) -> bytes:
        """Tell what the server sent since the last response that was read."""
        sent: bytes = self.wire.value()
        return sent[self._read :]

    def response(self, method: str = "GET") -> Response:
        """Read one whole response; it must be there."""
        head, separator, rest = self.output().partition(b"\r\n\r\n")
        if not separator:
            raise AssertionError(f"no response yet: {head!r}")
        status_line, _, fields = head.partition(b"\r\n")
        headers = {
            name.lower(): value
            for name, value in email.parser.BytesParser().parsebytes(fields).items()
        }
        status = int(status_line.split()[1])
        has_body = method != "HEAD" and status not in (100, 204, 304)
        length = int(headers.get("content-length", 0)) if has_body else 0
        if len(rest) < length:
            raise AssertionError(f"{length} bytes announced, {len(rest)} there")
        self._read += len(head) + 4 + length
        return Response(status, headers, rest[:length])


@define
class Server:
    """Everything behind the sockets, with time that only the test moves."""

    root: Path
    prefix: str = "upload"
    min_free_bytes: int = 0
    patience: Patience = field(factory=Patience)
    pool: Pool = field(factory=InlinePool)
    max_connections: int = 10
    force_protocol: str = ""
    keep_alive: bool = True
    max_idle: int = 0
    counts_devices: bool = False
    client_timeout: float = 300.0
    served_kinds: Extensions = field(factory=Extensions)
    taken_kinds: Extensions = field(factory=Extensions)
    terms: Terms = field(factory=lambda: TERMS)
    require_auth: bool = False
    unverified_bytes: tuple[int, int] = (1_000_000, 3_000_000)
    base_url: str = ""
    limits: Limits = field(factory=Limits)
    tus: TusOffer = field(factory=lambda: TusOffer(MAX_UPLOAD_SIZE))
    interim: str = "direct"
    offer: Offer = OFFER
    seats: Seats = field(factory=Seats)
    proof: Proof = field(factory=Proof)
    parts: dict[str, Part] = field(factory=lambda: {"storage": Part("ok")})
    clock: MemoryReactorClock = field(factory=MemoryReactorClock, init=False)
    index: MemoryIndex = field(factory=MemoryIndex, init=False)
    events: Events = field(factory=Events, init=False)
    blobs: LocalBlobs = field(init=False)
    intake: Intake = field(init=False)
    unverified: Unverified = field(init=False)
    sessions: Sessions = field(init=False)
    root_of_urls: Root = field(init=False)
    site: StreamingSite = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Put the parts together, as the composition root does."""
        self.blobs = LocalBlobs(self.root, self.pool)
        self.blobs.start()
        paths = Paths(self.prefix, self.base_url)
        peers = Peers([ip_network("10.0.0.0/8")])
        space = Space(self.blobs.free_bytes, self.min_free_bytes, self.clock.seconds)
        self.intake = Intake(
            self.blobs,
            self.index,
            space,
            self.pool,
            MAX_UPLOAD_SIZE,
            1000.0,
            self.now,
            self.clock.seconds,
            events=self.events,
            rules=Rules((Names(self.taken_kinds),)),
        )
        lookup = Lookup(self.index, self.blobs, 1000.0, self.now)
        doors = open_doors(self.terms)
        self.unverified = Unverified(*self.unverified_bytes)
        uploads = Uploads(self.intake, self.unverified, paths, peers)
        unfinished = LocalUnfinished(self.root, self.pool)
        unfinished.start()
        # Tests are many, and descriptors few.
        weakref.finalize(self, _let_go, self.pool, self.blobs.close, unfinished.close)
        self.sessions = Sessions(Table(unfinished, self.events), self.intake, self.limits)
        files = Files(
            lookup,
            Delivery(cast(SendReactor, self.clock), 40.0),
            paths,
            Policy(private=self.require_auth),
            self.served_kinds,
            Guard(doors[Entrance.DOWNLOAD] if self.require_auth else None, self.now),
            self.now,
            self.clock.seconds,
            self.events,
        )
        of_v3 = evolve(
            files, policy=Policy(private=True), guard=Guard(doors[Entrance.API_V3], self.now)
        )
        removal = Removal(lookup, self.index, self.blobs, self.intake.turns, self.now)
        urls = UploadUrls(self.sessions, doors, paths, peers, self.now, self.proof)
        answers = RufhAnswers(urls, self.interim)
        resumable = Resumable(
            Tus(urls, TusCreation(urls, self.tus), self.tus, files, removal),
            Rufh(urls, uploads, answers, self.tus.on, self.tus.checks),
        )
        self.root_of_urls = Root(
            Put(
                doors,
                uploads,
                peers,
                SessionTokens(self.sessions, uploads, peers, proof=self.proof),
                resumable.rufh,
                self.now,
            ),
            files,
            Deletion(doors[Entrance.DELETE], removal, paths, self.now),
            self._api(doors, uploads, of_v3, peers),
            Health(self._parts, lambda: 1.5, peers, History(self.now)),
            resumable,
            ThumbnailPages(files, None),
            Promptness(self.clock, self.client_timeout),
        )
        self.site = StreamingSite(
            self.root_of_urls.app.resource(),
            self.clock,
            Conduct(
                peers,
                self.patience,
                self.max_connections,
                16384,
                self.force_protocol,
                self.keep_alive,
                self.max_idle,
                self.counts_devices,
            ),
            self.events,
        )

    def _api(
        self, doors: Mapping[Entrance, Door], uploads: Uploads, of_v3: Files, peers: Peers
    ) -> Api:
        access = SessionAccess(self.sessions, doors[Entrance.API_V3], peers, self.now, self.proof)
        v3 = V3Uploads(access, self.intake, uploads.paths, peers, self.offer, self.now)
        prepare = partial(self.pool.run, import_module, "hmacfs.web.websocket")
        following = Following(access, self.seats, self.clock, prepare)
        versions = VersionFaces(
            of_v3,
            Restoration(self.intake, of_v3.lookup.seen),
            doors[Entrance.API_V3],
            peers,
            self.now,
        )
        return Api(doors, uploads, of_v3, v3, following, versions, peers, self.now)

    async def _parts(self) -> dict[str, Part]:
        return self.parts

    def now(self) -> float:
        """Tell the time of day."""
        return NOW + self.clock.seconds()

    def connect(self, host: str = "192.0.2.1") -> Conversation:
        """Open a connection."""
        channel = self.site.buildProtocol(IPv4Address("TCP", host, 40000))
        if channel is None:
            raise ConnectionRefusedError
        wire = Wire(peerAddress=IPv4Address("TCP", host, 40000))
        channel.makeConnection(wire)
        return Conversation(channel, wire)

    def ask(
        self, method: str, target: str, headers: Sequence[str] = (), body: bytes | None = None
    ) -> Response:
        """Send one request on a connection of its own and read the answer."""
        conversation = self.connect()
        conversation.send(request(method, target, headers, body))
        response = conversation.response(method)
        conversation.close()
        return response


def _let_go(pool: Pool, *closings: Callable[[], object]) -> None:
    for close in closings:
        close()
    if isinstance(pool, HeldPool):
        pool.run_all()


def request(
    method: str, target: str, headers: Sequence[str] = (), body: bytes | None = None
) -> bytes:
    """Write a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: files.example.org", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + (body or b"")


def mac_v(path: str, length: int) -> str:
    """Sign an upload as ejabberd and Prosody's first protocol do."""
    return Keyring.of(SECRET).sign(message_v(path.encode(), length, "")).hex()


def mac_v2(path: str, length: int, content_type: str) -> str:
    """Sign an upload as Prosody's second protocol does."""
    return Keyring.of(SECRET).sign(message_v2(path.encode(), length, content_type)).hex()
