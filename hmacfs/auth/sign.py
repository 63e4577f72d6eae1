"""
Signing: the URL or the headers by which each scheme is used.

It is what an XMPP server or another issuer does, for the command line, for
tests, and for the slots that this server issues itself.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from urllib.parse import quote

from attrs import field, frozen

from hmacfs.auth import delete, header_v1, header_v2, joined, link, mac, query
from hmacfs.auth.credentials import from_hexadecimal
from hmacfs.auth.jws import Tokens
from hmacfs.auth.jwt import DEFAULT_SCOPES
from hmacfs.auth.keyring import Keyring
from hmacfs.auth.permit import Scope, flat_name
from hmacfs.auth.schemes import Terms
from hmacfs.base.names import StoredName
from hmacfs.base.values import DEFAULT_CONTENT_TYPE


class CannotSign(ValueError):
    """There is no such scheme, or it cannot sign this; the message is a sentence."""


@frozen
class Order:
    """
    What is to be signed.

    :ivar name: the file; schemes that know no folders take a name of one segment.
    :ivar size: in bytes.
    :ivar now: seconds since the epoch.
    :ivar unique: a UUID, for the schemes whose signatures count once.
    :ivar lifetime: seconds for which links and tokens are good.
    :ivar base_url: the URL that the name is appended to, upload prefix and all.
    :ivar method: what a V2 header is for, with ``uri``.
    :ivar sha256: the digest that a V2 header covers in place of name and size.
    :ivar owner: the subject of a token.
    """

    name: StoredName
    size: int
    now: float
    unique: str
    content_type: str = DEFAULT_CONTENT_TYPE
    lifetime: float = 3600.0
    base_url: str = ""
    method: str = "POST"
    uri: str = "/api/v2/upload"
    sha256: bytes | None = None
    owner: str | None = None
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    quota: int | None = None
    allowed_types: tuple[str, ...] | None = None

    @property
    def path(self) -> bytes:
        """The path that schemes by path sign."""
        return str(self.name).encode()

    @property
    def timestamp(self) -> int:
        """Now, in whole seconds."""
        return int(self.now)

    @property
    def expires(self) -> int:
        """When the lifetime ends, in whole seconds since the epoch."""
        return int(self.now + self.lifetime)


@frozen
class Signed:
    """
    A signature ready for use.

    :ivar url: where to send the request; empty if the signature is not for one place.
    :ivar headers: what to send with it.
    """

    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def line(self) -> str:
        """The signature in one line: the URL, the header, or options of curl for several."""
        if not self.headers:
            return self.url
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return lines[0] if len(lines) == 1 else " ".join(f"-H '{line}'" for line in lines)


Signer = Callable[[Terms, Order], Signed]


def _url(order: Order, parameters: Mapping[str, str], *, path: bool = True) -> str:
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    place = f"/{quote(str(order.name))}" if path else ""
    return f"{order.base_url.rstrip('/')}{place}" + (f"?{pairs}" if pairs else "")


def _base64(terms: Terms, message: bytes, now: float) -> str:
    return base64.b64encode(terms.shared.sign(message, now)).decode()


def _filename(order: Order) -> str:
    return flat_name(str(order.name)).leaf


def _by_mac(version: mac.Version) -> Signer:
    def signed(terms: Terms, order: Order) -> Signed:
        if version is not mac.V and order.path == mac.LINK_PATH:
            raise CannotSign(f"{version.parameter} cannot be for a file of this name")
        message = version.message(order.path, order.size, order.content_type)
        digest = terms.shared.sign(message, order.now).hex()
        return Signed(_url(order, {version.parameter: digest}))

    return signed


def _by_bearer(terms: Terms, order: Order) -> Signed:
    message = mac.message_v(order.path, order.size, order.content_type)
    token = terms.shared.sign(message, order.now).hex()
    return Signed(_url(order, {}), {"Authorization": f"Bearer {token}"})


def _by_query(terms: Terms, order: Order) -> Signed:
    filename = _filename(order)
    joined.check_name_and_size(filename, order.size)
    message = query.message(filename, order.size, order.timestamp, order.unique)
    parameters = {
        "filename": filename,
        "timestamp": str(order.timestamp),
        "uploadid": order.unique,
        "signature": _base64(terms, message, order.now),
    }
    return Signed(_url(order, parameters, path=False))


def _by_v1(terms: Terms, order: Order) -> Signed:
    filename = _filename(order)
    joined.check_name_and_type(filename, order.content_type)
    message = header_v1.message(filename, order.content_type, order.timestamp)
    signature = _base64(terms, message, order.now)
    return Signed(
        headers={
            "Authorization": f"HMAC-SHA256 {signature}",
            "X-Upload-Timestamp": str(order.timestamp),
        }
    )


def _by_v2_header(terms: Terms, order: Order) -> Signed:
    headers = {"X-Upload-Timestamp": str(order.timestamp), "X-Upload-ID": order.unique}
    if order.sha256 is None:
        filename = _filename(order)
        joined.check_name_and_size(filename, order.size)
        content = f"{filename}{order.size}"
        if from_hexadecimal(content) is not None:
            raise CannotSign("file name and size could be a content hash: give the hash")
    else:
        content = headers["X-Content-SHA256"] = order.sha256.hex()
    message = header_v2.message(order.method, order.uri, order.timestamp, order.unique, content)
    signature = _base64(terms, message, order.now)
    return Signed(headers={"Authorization": f"HMAC-SHA256-V2 {signature}", **headers})


def _bearer_of(keyring: Keyring, algorithm: str, claims: dict[str, object], now: float) -> str:
    told = {name: value for name, value in claims.items() if value is not None}
    return f"Bearer {Tokens(keyring, algorithm).write(told, now)}"


def _by_jwt(terms: Terms, order: Order) -> Signed:
    if terms.jwt is None:
        raise CannotSign("there is no secret for JWT: set security.jwtsecret")
    claims: dict[str, object] = {
        "iss": terms.jwt_issuer,
        "sub": order.owner,
        "aud": terms.jwt_audiences[0] if terms.jwt_audiences else None,
        "exp": order.expires,
        "iat": order.timestamp,
        "jti": order.unique,
        "scope": sorted(scope.value for scope in order.scopes),
        "upload_quota": order.quota,
        "allowed_types": None if order.allowed_types is None else list(order.allowed_types),
    }
    token = _bearer_of(terms.jwt, terms.jwt_algorithm, claims, order.now)
    return Signed(headers={"Authorization": token})


def _by_prosody(terms: Terms, order: Order) -> Signed:
    slot, _, filename = str(order.name).partition("/")
    if not filename:
        raise CannotSign("a slot has a path of two segments: SLOT/FILENAME")
    claims: dict[str, object] = {
        "sub": order.owner,
        "exp": order.expires,
        "iat": order.timestamp,
        "slot": slot,
        "filename": filename,
        "filesize": order.size,
        "filetype": order.content_type,
    }
    token = _bearer_of(terms.file_share or terms.shared, "HS256", claims, order.now)
    return Signed(_url(order, {}), {"Authorization": token})


def _by_link(terms: Terms, order: Order) -> Signed:
    digest = terms.shared.sign(link.message(order.path, order.expires), order.now).hex()
    return Signed(_url(order, {"expires": str(order.expires), "get": digest}))


def _by_delete(terms: Terms, order: Order) -> Signed:
    if not terms.delete_secret:
        raise CannotSign("there is no secret for deleting: set security.delete_secret")
    message = delete.message(order.path, terms.delete_secret)
    return Signed(_url(order, {"token": terms.shared.sign(message, order.now).hex()}))


SIGNERS: Mapping[str, Signer] = {
    "v": _by_mac(mac.V),
    "v2": _by_mac(mac.V2),
    "token": _by_mac(mac.TOKEN),
    "query": _by_query,
    "v1": _by_v1,
    "v2-header": _by_v2_header,
    "bearer": _by_bearer,
    "jwt": _by_jwt,
    "prosody": _by_prosody,
    "get": _by_link,
    "delete": _by_delete,
}
"""How each scheme signs, by its name."""


def sign(scheme: str, terms: Terms, order: Order) -> Signed:
    """
    Sign an order as this scheme does.

    :raises CannotSign: if there is no such scheme, or a secret is missing.
    :raises NameRefused: if the scheme takes no folders, and the name has one.
    :raises SignatureAmbiguous: if the signature would not be accepted for that.
    :raises LookupError: if no key signs at this time.
    """
    try:
        signer = SIGNERS[scheme]
    except KeyError:
        raise CannotSign(f"there is no signature scheme {scheme!r}") from None
    return signer(terms, order)
