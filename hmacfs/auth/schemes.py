"""The signature schemes in their order, and the doors that they open."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import field, frozen

from hmacfs.auth import mac
from hmacfs.auth.bearer import BearerMac
from hmacfs.auth.claims import LEEWAY
from hmacfs.auth.delete import SignedDelete
from hmacfs.auth.facts import RequestFacts
from hmacfs.auth.file_share import SlotToken
from hmacfs.auth.header_v1 import HeaderV1
from hmacfs.auth.header_v2 import HeaderV2
from hmacfs.auth.jws import Tokens
from hmacfs.auth.jwt import V3Token
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.link import DownloadLink
from hmacfs.auth.pending import Pending
from hmacfs.auth.permit import Permit
from hmacfs.auth.query import QuerySignature
from hmacfs.base.errors import SignatureMissing


class Scheme(Protocol):
    """A way to sign a request."""

    @property
    def name(self) -> str:
        """What logs, metrics and ``security.schemes`` call it."""

    def is_used_by(self, facts: RequestFacts) -> bool:
        """Tell whether the request carries this scheme's signature, right or wrong."""

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Verify the signature, or tell what it covers that is not known yet.

        Raises a :class:`~hmacfs.base.errors.Refusal`.
        """


class Entrance(enum.Enum):
    """
    A kind of request, by what may sign it.

    ``PUT`` names the file by its path, ``FORM`` sends it as part of a form,
    ``QUERY`` names it in the query.
    """

    PUT = enum.auto()
    FORM = enum.auto()
    QUERY = enum.auto()
    API_V1 = enum.auto()
    API_V2 = enum.auto()
    API_V3 = enum.auto()
    TUS = enum.auto()
    DOWNLOAD = enum.auto()
    DELETE = enum.auto()


@frozen
class Terms:
    """
    What the configuration says about signatures.

    :ivar shared: the secret shared with the XMPP server, ``security.secret``.
    :ivar jwt: the secret of V3 tokens; ``None`` switches them off.
    :ivar file_share: the secret of Prosody's tokens; ``None`` means the shared one.
    :ivar delete_secret: of Metronome's signed delete; empty switches it off.
    :ivar enabled: names of the listed schemes that are on; ``None`` means all.
    :ivar slot_ttl: seconds for which a query signature is good.
    :ivar signature_max_age: seconds, either way, for which V1 and V2 headers are.
    :ivar leeway: seconds by which the clocks of issuers of tokens may differ.
    :ivar jwt_longest_life: seconds that a V3 token may be good altogether.
    """

    shared: Keyring
    jwt: Keyring | None = None
    file_share: Keyring | None = None
    delete_secret: str = field(default="", repr=False)
    enabled: frozenset[str] | None = None
    jwt_algorithm: str = "HS256"
    jwt_issuer: str = "hmac-file-server"
    jwt_audiences: tuple[str, ...] = ()
    slot_ttl: float = 3600.0
    signature_max_age: float = 300.0
    leeway: float = LEEWAY
    jwt_longest_life: float = math.inf


@frozen
class Row:
    """
    A scheme in the table.

    :ivar entrances: which requests it may sign.
    :ivar make: makes the scheme, or tells that the terms leave it out.
    :ivar weakness: what its signature leaves open, for whoever may do without it.
    :ivar listed: whether ``security.schemes`` switches it; the others follow
        an option of their own, and are on where that lets them.
    """

    name: str
    entrances: frozenset[Entrance]
    make: Callable[[Terms], Scheme | None]
    weakness: str | None = None
    listed: bool = True


def _tokens_of_v3(terms: Terms) -> Scheme | None:
    if terms.jwt is None:
        return None
    tokens = Tokens(terms.jwt, terms.jwt_algorithm)
    return V3Token(
        tokens, terms.jwt_issuer, terms.jwt_audiences, terms.leeway, terms.jwt_longest_life
    )


def _signed_delete(terms: Terms) -> Scheme | None:
    return SignedDelete(terms.shared, terms.delete_secret) if terms.delete_secret else None


_BY_PATH = frozenset({Entrance.PUT, Entrance.FORM})
_NO_TYPE = "it covers neither the type nor a time: a URL is good until the file exists"
_NO_TIME = "it covers no time: a URL is good until the file exists"

SCHEMES: tuple[Row, ...] = (
    Row("v2", _BY_PATH, lambda terms: mac.QueryMac(mac.V2, terms.shared), _NO_TIME),
    Row("token", _BY_PATH, lambda terms: mac.QueryMac(mac.TOKEN, terms.shared), _NO_TIME),
    Row("v", _BY_PATH, lambda terms: mac.QueryMac(mac.V, terms.shared), _NO_TYPE),
    Row(
        "query",
        frozenset({Entrance.QUERY, Entrance.FORM, Entrance.TUS}),
        lambda terms: QuerySignature(terms.shared, terms.slot_ttl),
        "it covers neither the type nor the bytes, and its fields are joined without separators",
    ),
    Row(
        "prosody",
        _BY_PATH,
        lambda terms: SlotToken(Tokens(terms.file_share or terms.shared), terms.leeway),
    ),
    Row(
        "jwt",
        frozenset(
            {
                Entrance.PUT,
                Entrance.FORM,
                Entrance.API_V3,
                Entrance.TUS,
                Entrance.DOWNLOAD,
                Entrance.DELETE,
            }
        ),
        _tokens_of_v3,
    ),
    Row("bearer", _BY_PATH, lambda terms: BearerMac(terms.shared), _NO_TYPE),
    Row(
        "v1",
        frozenset({Entrance.API_V1}),
        lambda terms: HeaderV1(terms.shared, terms.signature_max_age),
        "it covers neither the size nor the bytes, and its fields are joined without separators",
    ),
    Row(
        "v2-header",
        frozenset({Entrance.API_V2, Entrance.API_V3}),
        lambda terms: HeaderV2(terms.shared, terms.signature_max_age),
        "without X-Content-SHA256 it does not cover the bytes",
    ),
    Row(
        "get",
        frozenset({Entrance.DOWNLOAD}),
        lambda terms: DownloadLink(terms.shared),
        listed=False,
    ),
    Row(
        "delete",
        frozenset({Entrance.DELETE}),
        _signed_delete,
        "it covers no time",
        listed=False,
    ),
)
"""
Every scheme, in the order in which a request's signature is looked for.

The highest version stands first, and only the first that a request carries is
looked at: a wrong ``v2`` is not mended by a right ``v``
(mod_http_upload_external, README).
"""

SCHEME_NAMES: tuple[str, ...] = tuple(row.name for row in SCHEMES if row.listed)
"""The names that ``security.schemes`` may list."""


def _told_to_nobody(permit: Permit) -> None:
    """Take no note of it."""


@frozen
class Door:
    """
    Where requests of one kind show what they may do.

    :param schemes: in the order in which they are looked for.
    :param accepted: is told what each signature that is genuine allows.
    """

    schemes: tuple[Scheme, ...]
    accepted: Callable[[Permit], object] = field(default=_told_to_nobody, eq=False, repr=False)

    def read(self, facts: RequestFacts) -> Permit | Pending:
        """
        Turn the facts of a request into what its signature allows.

        :raises SignatureMissing: if it carries no signature.
        :raises Refusal: what the scheme that it carries found wrong.
        """
        for scheme in self.schemes:
            if scheme.is_used_by(facts):
                permit = scheme.read(facts)
                if isinstance(permit, Pending):
                    return permit.telling(self.accepted)
                self.accepted(permit)
                return permit
        raise SignatureMissing("the request carries no signature of a kind that is taken here")


def open_doors(
    terms: Terms, accepted: Callable[[Permit], object] = _told_to_nobody
) -> Mapping[Entrance, Door]:
    """
    Make the door of every kind of request.

    :param accepted: is told what each signature that is genuine allows.
    :raises ValueError: if a scheme is to be on that there is not.
    """
    strangers = sorted((terms.enabled or frozenset()) - set(SCHEME_NAMES))
    if strangers:
        raise ValueError(f"there is no signature scheme {strangers[0]!r}")
    made = [
        (row, scheme)
        for row in SCHEMES
        if terms.enabled is None or row.name in terms.enabled or not row.listed
        if (scheme := row.make(terms)) is not None
    ]
    return {
        entrance: Door(tuple(scheme for row, scheme in made if entrance in row.entrances), accepted)
        for entrance in Entrance
    }
