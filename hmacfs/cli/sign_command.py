"""``sign``: make the URL or the headers by which a scheme is used."""

from __future__ import annotations

import argparse
import hashlib
import json
import mimetypes
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from attrs import frozen

from hmacfs.auth import joined
from hmacfs.auth.jwt import DEFAULT_SCOPES
from hmacfs.auth.permit import Scope
from hmacfs.auth.schemes import SCHEME_NAMES, Terms
from hmacfs.auth.sign import SIGNERS, CannotSign, Order, sign
from hmacfs.base.errors import Refusal
from hmacfs.base.names import StoredName
from hmacfs.base.units import parse_duration, parse_size
from hmacfs.base.values import DEFAULT_CONTENT_TYPE
from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings
from hmacfs.service import keys
from hmacfs.service.keys import KeysUnusable
from hmacfs.web.paths import UPLOAD_URL

T = TypeVar("T")

PATHLESS: Final = frozenset({"jwt"})
"""Schemes that are for no one file."""

SIZELESS: Final = frozenset({"jwt", "v1", "get", "delete"})
"""Schemes that cover no size."""

BLOCK: Final = 1024 * 1024
"""Bytes of a file to read at once."""


@frozen
class Described:
    """What the command line says of the file to be signed for."""

    name: StoredName
    size: int
    content_type: str
    sha256: bytes | None


def _explained(read: Callable[[str], T]) -> Callable[[str], T]:
    # argparse shows the text of this error only, not that of a ValueError.
    def explained(text: str) -> T:
        try:
            return read(text)
        except Refusal as refusal:
            raise argparse.ArgumentTypeError(refusal.detail) from None
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return explained


def _digest(text: str) -> bytes:
    if len(text) != 2 * hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 has 64 hexadecimal digits")
    return bytes.fromhex(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    def add(name: str, read: Callable[[str], object] = str, **details: object) -> None:
        add_option(parser, name, type=_explained(read), **details)

    add_option(parser, "scheme", required=True, choices=tuple(SIGNERS), help="the way to sign")
    add("file", Path, metavar="FILE", help="take name, size, type and digest from a file")
    add("path", metavar="PATH", help="the name of the file on the server")
    add("size", parse_size, metavar="N", help="its size, in bytes or with a unit")
    add("type", metavar="TYPE", help=f"its content type, or {DEFAULT_CONTENT_TYPE}")
    add("sha256", _digest, metavar="HEX", help="its digest, for v2-header")
    add(
        "expires",
        parse_duration,
        default=3600.0,
        metavar="SECONDS",
        help="how long a link or a token is good, else one hour",
    )
    add("base-url", metavar="URL", help="where the server is, else what the configuration says")
    add("upload-id", joined.upload_id, metavar="UUID", help="else one is made up")
    add("method", default="POST", help="of the request, for v2-header; else POST")
    add("uri", default="/api/v2/upload", help="of the request, for v2-header; else that of V2")
    add("owner", metavar="JID", help="whom a token is for")
    add("scope", Scope, action="append", help="upload, download, delete or admin; repeatable")
    add("quota", parse_size, metavar="N", help="the most bytes that the owner may store")
    add("allowed-type", action="append", metavar="PATTERN", help="such as image/*; repeatable")


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    try:
        terms = keys.terms(settings, keys.read_ring(settings))
    except KeysUnusable as error:
        raise CommandFailed(str(error)) from None
    _check_switches(arguments.scheme, terms, around)
    try:
        made = sign(arguments.scheme, terms, _order(arguments, settings))
    except CannotSign as error:
        raise CommandFailed(str(error), WRONG) from None
    except Refusal as refusal:
        raise CommandFailed(refusal.detail, WRONG) from None
    except LookupError:
        raise CommandFailed("all keys are retired, or none is in use yet") from None
    if arguments.json:
        document = {"url": made.url or None, "headers": dict(made.headers)}
        print(json.dumps(document, ensure_ascii=False), file=around.stdout)
    else:
        print(made.line, file=around.stdout)
    return FINE


def _check_switches(scheme: str, terms: Terms, around: Surroundings) -> None:
    if scheme == "jwt" and terms.jwt is None:
        raise CommandFailed("tokens are off: set enablejwt and jwtsecret in [security]", WRONG)
    if scheme in SCHEME_NAMES and terms.enabled is not None and scheme not in terms.enabled:
        print(f"warning: security.schemes leaves {scheme!r} out", file=around.stderr)


def _order(arguments: argparse.Namespace, settings: Settings) -> Order:
    file = _described(arguments)
    return Order(
        file.name,
        file.size,
        time.time(),
        arguments.upload_id or str(uuid.uuid4()),
        content_type=file.content_type,
        lifetime=arguments.expires,
        base_url=_place(arguments, settings),
        method=arguments.method,
        uri=arguments.uri,
        sha256=file.sha256,
        owner=arguments.owner,
        scopes=frozenset(arguments.scope or DEFAULT_SCOPES),
        quota=arguments.quota,
        allowed_types=None if arguments.allowed_type is None else tuple(arguments.allowed_type),
    )


def _described(arguments: argparse.Namespace) -> Described:
    scheme, file = arguments.scheme, arguments.file
    path, size, kind = arguments.path, arguments.size, arguments.type
    sha256 = arguments.sha256
    if file is not None:
        path = file.name if path is None else path
        size = file.stat().st_size if size is None else size
        kind = mimetypes.guess_type(file.name)[0] if kind is None else kind
        if scheme == "v2-header" and sha256 is None:
            sha256 = _digest_of(file)
    if path is None and scheme not in PATHLESS:
        raise CommandFailed(f"{scheme} is for one file: give --path or --file", WRONG)
    if size is None and scheme not in SIZELESS and sha256 is None:
        raise CommandFailed(f"{scheme} covers the size: give --size or --file", WRONG)
    name = StoredName.parse(os.fsencode("any" if path is None else path))
    return Described(name, size or 0, kind or DEFAULT_CONTENT_TYPE, sha256)


def _digest_of(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.digest()


def _place(arguments: argparse.Namespace, settings: Settings) -> str:
    """Tell the URL that names are appended to, or that the query is appended to."""
    origin = arguments.base_url or settings[options.SERVER_PUBLIC_BASE_URL] or _own(settings)
    prefix = settings[options.SERVER_UPLOAD_PREFIX]
    if arguments.scheme == "query":
        prefix = UPLOAD_URL.decode()
    return f"{origin.rstrip('/')}/{prefix}" if prefix else origin


def _own(settings: Settings) -> str:
    address = settings[options.SERVER_LISTEN_ADDRESS]
    host = settings[options.SERVER_BIND_IP] or address.host or "127.0.0.1"
    scheme = "https" if settings[options.TLS_ENABLED] else "http"
    return f"{scheme}://{Address(host, address.port)}"


COMMANDS: Final = (Command("sign", _arguments, _run),)
