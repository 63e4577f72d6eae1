"""``xmpp-config``: the lines that the XMPP server, or the proxy before this server, needs."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from hmacfs.cli.command import Command, CommandFailed, add_option, settings_of
from hmacfs.cli.surroundings import FINE, WRONG, Surroundings
from hmacfs.config import options
from hmacfs.config.network import Address
from hmacfs.config.settings import Settings
from hmacfs.service import keys
from hmacfs.service.keys import KeysUnusable

EXAMPLE_URL: Final = "https://files.example.org"
"""Stands for the public URL where nobody has said it."""

HIDDEN: Final = "(hidden: -show-secret shows it)"

_PROSODY: Final = """\
-- For /etc/prosody/prosody.cfg.lua; the module is one of Prosody's community modules.
Component {domain} "http_upload_external"
  http_upload_external_base_url = {base_url}
  http_upload_external_secret = {secret}
  http_upload_external_protocol = "v2"
  http_upload_external_file_size_limit = {size_limit}
"""

_FILE_SHARE: Final = """\
-- For /etc/prosody/prosody.cfg.lua; the module is Prosody's own, from 0.12 on.
Component {domain} "http_file_share"
  http_file_share_base_url = {base_url}
  http_file_share_secret = {secret}
  http_file_share_size_limit = {size_limit}
"""

_EJABBERD: Final = """\
# For "modules:" in /etc/ejabberd/ejabberd.yml.
  mod_http_upload:
    host: {domain}
    put_url: {url}
    get_url: {url}
    external_secret: {secret}
    max_size: {size_limit}
"""

_NGINX: Final = """\
# For the "server" block of {host} in nginx.
client_max_body_size 0;
location / {{
    # Nothing after the address: targets go on as they came, for they are signed.
    proxy_pass http://{nginx_address};
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Forwarded "";
    proxy_read_timeout 300s;
}}
# WebSockets, on which clients follow uploads.
location /api/v3/progress/ {{
    proxy_pass http://{nginx_address};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Forwarded "";
    proxy_read_timeout 300s;
}}
"""

_APACHE: Final = """\
# For the <VirtualHost> of {host} in Apache, with: a2enmod headers proxy_http
LimitRequestBody 0
# Targets go on as they came, for they are signed.
AllowEncodedSlashes NoDecode
ProxyRequests Off
ProxyPreserveHost On
ProxyPass / {apache_address} nocanon timeout=300 ttl=60 upgrade=websocket
RequestHeader set X-Forwarded-Proto expr=%{{REQUEST_SCHEME}}
RequestHeader unset Forwarded
"""


def _quoted(text: str) -> str:
    # YAML reads what JSON has, and so does Lua where there is no control character.
    return json.dumps(text, ensure_ascii=False)


@frozen
class _Peer:
    """
    A program that is to be told of this server.

    :ivar signs: tells the secret that it has to know; ``None`` for none.
    """

    lines: str
    signs: Callable[[Settings], str] | None = None


def _signing_secret(settings: Settings) -> str:
    return keys.read_ring(settings).newest_key(time.time()).secret.decode()


def _file_share_secret(settings: Settings) -> str:
    return settings[options.SECURITY_FILE_SHARE_SECRET] or _signing_secret(settings)


PEERS: Final[Mapping[str, _Peer]] = {
    "prosody": _Peer(_PROSODY, _signing_secret),
    "prosody-file-share": _Peer(_FILE_SHARE, _file_share_secret),
    "ejabberd": _Peer(_EJABBERD, _signing_secret),
    "nginx": _Peer(_NGINX),
    "apache": _Peer(_APACHE),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", choices=tuple(PEERS), help="what is to be configured")
    add_option(
        parser,
        "base-url",
        metavar="URL",
        help="where clients reach this server, else server.public_base_url",
    )
    add_option(
        parser,
        "domain",
        default="upload.example.org",
        metavar="HOST",
        help="the XMPP address of the upload service, else upload.example.org",
    )
    add_option(
        parser,
        "show-secret",
        action="store_true",
        help="write the secret also where no terminal reads it",
    )


def _run(arguments: argparse.Namespace, around: Surroundings) -> int:
    settings = settings_of(arguments, around)
    peer = PEERS[arguments.program]
    origin = arguments.base_url or settings[options.SERVER_PUBLIC_BASE_URL]
    if not origin:
        origin = EXAMPLE_URL
        print(
            f"{EXAMPLE_URL} stands for the URL under which clients reach this server: "
            "set server.public_base_url, or give -base-url",
            file=around.stderr,
        )
    host = urlsplit(origin).hostname
    if not host:
        raise CommandFailed(f"{origin} is no URL such as {EXAMPLE_URL}", WRONG)
    prefix = settings[options.SERVER_UPLOAD_PREFIX]
    url = f"{origin.rstrip('/')}/{prefix}".rstrip("/")
    facts = {
        "domain": _quoted(arguments.domain),
        "url": _quoted(url),
        "base_url": _quoted(f"{url}/"),
        "secret": _quoted(_secret(peer, settings, arguments.show_secret, around)),
        "size_limit": settings[options.SERVER_MAX_UPLOAD_SIZE],
        "host": host,
        "nginx_address": _address(settings, "unix:{path}:"),
        "apache_address": _address(settings, "unix:{path}|http://localhost/", "http://{address}/"),
    }
    around.stdout.write(peer.lines.format(**facts))
    return FINE


def _secret(peer: _Peer, settings: Settings, is_asked: bool, around: Surroundings) -> str:
    if peer.signs is None:
        return ""
    # What goes to a file or a log is not always meant to hold a secret.
    if not is_asked and not around.stdout.isatty():
        return HIDDEN
    try:
        return peer.signs(settings)
    except KeysUnusable as error:
        raise CommandFailed(str(error)) from None
    except LookupError:
        raise CommandFailed("all keys are retired, or none is in use yet") from None


def _address(settings: Settings, unix: str, tcp: str = "{address}") -> str:
    if settings[options.SERVER_UNIX_SOCKET]:
        return unix.format(path=settings[options.SERVER_UNIX_SOCKET_PATH])
    address = settings[options.SERVER_LISTEN_ADDRESS]
    host = settings[options.SERVER_BIND_IP] or address.host or "127.0.0.1"
    return tcp.format(address=Address(host, address.port))


COMMANDS: Final = (Command("xmpp-config", _arguments, _run),)
