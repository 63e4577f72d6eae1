"""Where the server listens and what its URLs look like: half of ``[server]``."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, FilePath, Size, Switch, Text, Whole
from hmacfs.config.network import NETWORKS, PLACES, Address, AddressKind, OptionalIP, OptionalURL
from hmacfs.config.option import Alias, Generation, Option

SERVER_LISTEN_ADDRESS: Final = Option(
    key="server.listen_address",
    kind=AddressKind(),
    default=Address("", 8080),
    summary="The TCP port, or the address and port, where requests arrive. Without it the server "
    "listens on port 8080; without a host it listens on bind_ip.",
    example=Address("127.0.0.1", 8080),
    aliases=(
        Alias(Generation.FIRST, "ListenPort"),
        Alias(Generation.V3_2, "server.port"),
    ),
    in_effect=True,
)
SERVER_BIND_IP: Final = Option(
    key="server.bind_ip",
    kind=OptionalIP(),
    default="",
    summary="The IP address to listen on, when listen_address is a port alone. Without it the "
    "server listens on all interfaces.",
    example="192.0.2.10",
    aliases=(Alias(Generation.V3_2, "server.interface"),),
    in_effect=True,
)
SERVER_LISTENERS: Final = Option(
    key="server.listeners",
    since=Generation.V4,
    kind=PLACES,
    default=(),
    summary='More places to listen on, each "tcp:HOST:PORT", "tls:HOST:PORT" (with the '
    'certificate of [tls]) or "unix:/PATH". Without it the server listens where listen_address '
    "or unix_socket says.",
    example=("tcp:[::1]:8080", "tls:0.0.0.0:5443"),
    in_effect=True,
)
SERVER_UNIX_SOCKET: Final = Option(
    key="server.unix_socket",
    since=Generation.V1_0_5,
    kind=Switch(),
    default=False,
    summary="Whether to listen on a Unix socket in place of TCP. Without it the server listens "
    "on TCP.",
    example=True,
    in_effect=True,
)
SERVER_UNIX_SOCKET_PATH: Final = Option(
    key="server.unix_socket_path",
    since=Generation.V4,
    kind=FilePath(socket=True),
    default=pathlib.Path("/run/hmac-file-server/http.sock"),
    summary="Where the Unix socket is made when unix_socket is on.",
    example=pathlib.Path("/run/files/http.sock"),
    in_effect=True,
)
SERVER_UNIX_SOCKET_MODE: Final = Option(
    key="server.unix_socket_mode",
    since=Generation.V4,
    kind=Text(noun="octal mode", pattern="0?[0-7]{3}", expected='an octal mode such as "0660"'),
    default="0660",
    summary="The permissions of the Unix socket. Without it the user and the group of the server "
    "may connect.",
    example="0666",
    in_effect=True,
)
SERVER_UNIX_SOCKET_GROUP: Final = Option(
    key="server.unix_socket_group",
    since=Generation.V4,
    kind=Text(noun="name of a group, or empty"),
    default="",
    summary="The group that owns the Unix socket. Without it the group of the server does.",
    example="www-data",
    in_effect=True,
)
SERVER_UPLOAD_PREFIX: Final = Option(
    key="server.upload_prefix",
    since=Generation.V4,
    kind=Text(
        noun="path segment, or empty",
        pattern=r"/?(?!(?:api|files|health|thumbnail)(?:/|$))"
        r"([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*)?/?",
        expected='a path of letters, digits, ".", "_", "~" and "-" that does not begin with "api", '
        '"files", "health" or "thumbnail"',
    ),
    default="upload",
    summary="The first part of upload and download URLs, which is not part of the stored name "
    "and not signed. When empty, names begin right after the host.",
    example="share",
    aliases=(Alias(Generation.FIRST, "UploadSubDir"),),
    in_effect=True,
)
SERVER_PUBLIC_BASE_URL: Final = Option(
    key="server.public_base_url",
    since=Generation.V4,
    kind=OptionalURL(),
    default="",
    summary="The URL under which clients reach the server, without the upload prefix. Without it "
    "the Location of what was uploaded is told as a path, without a host.",
    example="https://files.example.org",
    reloadable=True,
    in_effect=True,
)
SERVER_FORCE_PROTOCOL: Final = Option(
    key="server.force_protocol",
    kind=Choice(("", "http", "https", "ipv4", "ipv6", "auto")),
    default="",
    summary='"http" or "https" refuses requests that came by the other scheme (as seen by a '
    'trusted proxy); "ipv4" or "ipv6" listens on that family alone. Without it, and with "auto", '
    "everything is taken.",
    example="https",
    in_effect=True,
)
SERVER_TRUSTED_PROXIES: Final = Option(
    key="server.trusted_proxies",
    since=Generation.V4,
    kind=NETWORKS,
    default=("127.0.0.0/8", "::1/128"),
    summary="Whose Forwarded and X-Forwarded-* headers are believed. Without it those of this "
    "machine are; the Unix socket is always trusted.",
    example=("127.0.0.0/8", "::1/128", "10.0.0.0/8"),
    reloadable=True,
    in_effect=True,
)
SERVER_MAX_CONNECTIONS: Final = Option(
    key="server.max_connections",
    since=Generation.V4,
    kind=Whole(1, 1_000_000),
    default=2000,
    summary="How many connections may be open at once; more have to wait. Without it 2000.",
    example=500,
    in_effect=True,
)
SERVER_MAX_HEADER_BYTES: Final = Option(
    key="server.max_header_bytes",
    kind=Size(1024),
    default=64 * 1024,
    summary="How large the headers of one request may be altogether. Without it 64 KB.",
    example=16 * 1024,
    in_effect=True,
)
TLS_ENABLED: Final = Option(
    key="tls.enabled",
    kind=Switch(),
    default=False,
    summary="Whether the server speaks TLS itself. Without it a proxy in front has to.",
    example=True,
    aliases=(Alias(Generation.V3_2, "server.sslenabled"),),
    in_effect=True,
)
TLS_CERT_FILE: Final = Option(
    key="tls.cert_file",
    kind=FilePath(),
    default=pathlib.Path("/etc/hmac-file-server/tls/fullchain.pem"),
    summary="The certificate with its chain, in PEM. It is read again at a reload.",
    example=pathlib.Path("/etc/letsencrypt/live/files.example.org/fullchain.pem"),
    aliases=(
        Alias(Generation.V3_2, "server.sslcert"),
        Alias(Generation.V3_2, "tls.certificate"),
    ),
    reloadable=True,
    in_effect=True,
)
TLS_KEY_FILE: Final = Option(
    key="tls.key_file",
    kind=FilePath(),
    default=pathlib.Path("/etc/hmac-file-server/tls/privkey.pem"),
    summary="The private key of the certificate, in PEM. It is read again at a reload.",
    example=pathlib.Path("/etc/letsencrypt/live/files.example.org/privkey.pem"),
    aliases=(Alias(Generation.V3_2, "server.sslkey"),),
    reloadable=True,
    in_effect=True,
)
