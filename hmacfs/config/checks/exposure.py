"""Security checks of what is open to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from hmacfs.config import options
from hmacfs.config.checks.findings import Sighting, Subject, Weight

WEAK_SCHEMES: Final = {
    "v": "binds no type and never expires",
    "token": "never expires",
    "v2": "never expires",
    "query": "joins its fields without separators",
    "v1": "joins its fields without separators",
    "v2-header": "binds the bytes only with X-Content-SHA256",
    "bearer": "binds no type and never expires",
}
"""What each scheme leaves open."""


def is_local(host: str) -> bool:
    """Tell whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def weak_schemes(subject: Subject) -> Iterator[Sighting]:
    """Name the accepted ways to sign that leave something open."""
    option = options.SECURITY_SCHEMES
    weak = [scheme for scheme in subject.settings[option] if scheme in WEAK_SCHEMES]
    if weak:
        named = "; ".join(f"{scheme} {WEAK_SCHEMES[scheme]}" for scheme in weak)
        message = f"some accepted signatures leave something open: {named}"
        yield Weight.ADVICE, message, "leave out of schemes what nobody needs", option


def plain_http(subject: Subject) -> Iterator[Sighting]:
    """Find a listener that others reach without TLS."""
    settings = subject.settings
    address = settings[options.SERVER_LISTEN_ADDRESS]
    host = address.host or settings[options.SERVER_BIND_IP]
    if settings[options.TLS_ENABLED] or settings[options.SERVER_UNIX_SOCKET] or is_local(host):
        return
    yield (
        Weight.ADVICE,
        f"port {address.port} speaks plain HTTP on {host or 'all interfaces'}",
        "listen on 127.0.0.1 behind a proxy with TLS",
        options.SERVER_LISTEN_ADDRESS,
    )


def open_metrics(subject: Subject) -> Iterator[Sighting]:
    """Find metrics that others than this machine reach."""
    settings = subject.settings
    host = settings[options.SERVER_METRICS_PORT].host
    if settings[options.SERVER_METRICS_ENABLED] and host and not is_local(host):
        message = f"the metrics can be read on {host}"
        yield Weight.ADVICE, message, "let a firewall say by whom", options.SERVER_METRICS_PORT


def open_admin(subject: Subject) -> Iterator[Sighting]:
    """Find an interface for administrators that others than this machine reach."""
    settings = subject.settings
    at = options.SERVER_METRICS_PORT if settings[options.ADMIN_BIND] is None else options.ADMIN_BIND
    where = settings[options.ADMIN_BIND] or settings[options.SERVER_METRICS_PORT]
    if settings[options.ADMIN_ENABLED] and where.host and not is_local(where.host):
        message = f"the interface for administrators listens on {where}"
        yield Weight.PROBLEM, message, "bind it to 127.0.0.1", at


def trusting(subject: Subject) -> Iterator[Sighting]:
    """Find networks of proxies so large that clients are in them."""
    option = options.SERVER_TRUSTED_PROXIES
    for text in subject.settings[option]:
        network = ipaddress.ip_network(text)
        if network.prefixlen == 0:
            message = f"everybody is a trusted proxy ({text}), and may claim any address"
            yield Weight.PROBLEM, message, "name the proxies", option
        elif network.prefixlen < 8 and not network.is_loopback:
            message = f"{text} is a large network of trusted proxies"
            yield Weight.ADVICE, message, "name the proxies", option


def plain_stores(subject: Subject) -> Iterator[Sighting]:
    """Find stores on other machines that are spoken to without encryption or password."""
    settings = subject.settings
    for name, switch, host, tls, password in (
        (
            "Redis",
            options.REDIS_REDISENABLED,
            settings[options.REDIS_REDISADDR].host,
            options.REDIS_TLS,
            options.REDIS_REDISPASSWORD,
        ),
        (
            "the fallback database",
            options.FALLBACK_ENABLED,
            settings[options.FALLBACK_HOST],
            options.FALLBACK_TLS,
            options.FALLBACK_PASSWORD,
        ),
    ):
        if not settings[switch] or is_local(host):
            continue
        if not settings[tls]:
            message = f"{name} on {host} is spoken to without encryption"
            yield Weight.ADVICE, message, f"set {tls.key}", switch
        if not settings[password]:
            message = f"{name} on {host} asks for no password"
            yield Weight.ADVICE, message, f"set {password.key}", switch


def no_bans(subject: Subject) -> Iterator[Sighting]:
    """Find that secrets may be guessed without end."""
    if not subject.settings[options.BANS_ENABLED]:
        message = "addresses that guess signatures are never shut out"
        yield Weight.ADVICE, message, "enable [bans]", options.BANS_ENABLED


def open_socket(subject: Subject) -> Iterator[Sighting]:
    """Find a Unix socket that everybody may connect to."""
    option = options.SERVER_UNIX_SOCKET_MODE
    if subject.settings[options.SERVER_UNIX_SOCKET] and int(subject.settings[option], 8) & 0o002:
        message = "everybody on this machine may connect to the Unix socket, as a trusted proxy"
        yield Weight.ADVICE, message, 'use "0660" and unix_socket_group', option
