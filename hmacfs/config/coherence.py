"""What single values cannot tell: whether the whole makes sense."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any, Final

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.base.units import render_duration
from hmacfs.config import options
from hmacfs.config.databases import FALLBACK, INDEX, POSTGRES
from hmacfs.config.kinds import FilePath, OptionalPath, socket_path
from hmacfs.config.option import Option
from hmacfs.config.problems import Problem
from hmacfs.config.settings import Settings, Source

SHORTEST_ROTATION: Final = 3600.0
"""Seconds from one key to the next below which it is told that this is a lot of work."""

_POSTGRES_SOCKET: Final = ".s.PGSQL."


def contradictions(settings: Settings, file: str) -> Iterator[Problem]:
    """Tell why these settings cannot be used, though each value could be."""
    yield from _missing_secret(settings, file)
    yield from _impossible(settings, file)
    yield from _two_addresses(settings, file)
    yield from _thresholds(settings, file)
    yield from _missing_partners(settings, file)
    yield from _wrong_paths(settings, file)
    yield from _among_files(settings, file)
    yield from _long_socket_directories(settings, file)


def doubts(settings: Settings, file: str) -> Iterator[Problem]:
    """Tell what the settings switch on that cannot work, where the rest can."""
    if settings[options.SECURITY_ENABLEJWT]:
        at = options.SECURITY_ENABLEJWT
        audience = settings[options.SECURITY_JWT_AUDIENCE]
        if not settings[options.SECURITY_JWTSECRET]:
            yield _at(settings, at, file, "no token will be accepted", "jwtsecret is not set")
        if not audience and not settings[options.SERVER_PUBLIC_BASE_URL]:
            yield _at(
                settings,
                at,
                file,
                "tokens that name an audience will be refused",
                "set public_base_url or jwt_audience",
            )
    for option in settings.given():
        if not option.in_effect and settings[option] != option.default:
            yield _at(settings, option, file, "this is not yet in effect", "do not rely on it")
    yield from _unwise_rotation(settings, file)
    if settings[options.QUOTAS_TRACKING] == "redis" and not settings[options.REDIS_REDISENABLED]:
        message, hint = "Redis is not on, so this server counts for itself", "set redisenabled"
        yield _at(settings, options.QUOTAS_TRACKING, file, message, hint)
    if not settings[options.SERVER_NETWORKEVENTS]:
        given = [each for each in settings.given() if each.section == "network_resilience"]
        for option in [each for each in given if settings[each] is not False][:1]:
            yield _at(
                settings,
                option,
                file,
                "nothing in [network_resilience] has an effect",
                "switch server.networkevents on",
            )


def _at(
    settings: Settings, option: Option[Any], file: str, message: str, hint: str = ""
) -> Problem:
    origin = settings.origin(option)
    if origin.source is Source.ENVIRONMENT:
        file = f"environment variable {origin.spelling}"
    name = origin.spelling or option.key
    return Problem(file, origin.line, origin.column, f"{name}: {message}", hint)


def _missing_secret(settings: Settings, file: str) -> Iterator[Problem]:
    if not settings[options.SECURITY_SECRET] and settings[options.SECURITY_KEYS_FILE] is None:
        yield _at(
            settings,
            options.SECURITY_SECRET,
            file,
            "it is not set",
            'make one with "openssl rand -hex 32"',
        )


def _impossible(settings: Settings, file: str) -> Iterator[Problem]:
    """Tell what nobody may believe to have: without it files would lie elsewhere, or bare."""
    if settings[options.SECURITY_ENCRYPTION_KEY_FILE] is not None:
        message = "this server cannot encrypt what it stores yet"
        hint = "leave it out, and encrypt the file system"
        yield _at(settings, options.SECURITY_ENCRYPTION_KEY_FILE, file, message, hint)
    if settings[options.S3_ENABLED]:
        message = "this server cannot keep files in a bucket yet"
        hint = "leave it out: files lie in storage_path"
        yield _at(settings, options.S3_ENABLED, file, message, hint)


def _unwise_rotation(settings: Settings, file: str) -> Iterator[Problem]:
    if not settings[options.KEY_ROTATION_ENABLED]:
        return
    if settings[options.SECURITY_KEYS_FILE] is None:
        message = "no key will be made, for there is no file for keys"
        hint = 'set keys_file in [security], such as "/var/lib/hmac-file-server/keys.toml"'
        yield _at(settings, options.KEY_ROTATION_ENABLED, file, message, hint)
        return
    interval, grace = options.KEY_ROTATION_ROTATION_INTERVAL, options.KEY_ROTATION_GRACE_PERIOD
    often, kept = render_duration(settings[interval]), render_duration(settings[grace])
    if settings[interval] < SHORTEST_ROTATION:
        message = f"the XMPP server would have to be told a new secret every {often}"
        yield _at(settings, interval, file, message, "rotate by the day or by the week")
    if settings[grace] < settings[options.UPLOADS_UPLOAD_SLOT_TTL]:
        ttl = render_duration(settings[options.UPLOADS_UPLOAD_SLOT_TTL])
        message = f"URLs that are good for {ttl} are refused {kept} after a new key is in use"
        yield _at(settings, grace, file, message, "let it be longer than upload_slot_ttl")
    if settings[grace] > settings[interval]:
        message = f"a key that is replaced after {often} stays good for another {kept}"
        yield _at(settings, grace, file, message, "let it be no longer than rotation_interval")


def _two_addresses(settings: Settings, file: str) -> Iterator[Problem]:
    host = settings[options.SERVER_LISTEN_ADDRESS].host
    bind = settings[options.SERVER_BIND_IP]
    if host and bind and host != bind:
        yield _at(
            settings,
            options.SERVER_BIND_IP,
            file,
            f"listen_address says {host} and this says {bind}",
            "say it once",
        )


def _thresholds(settings: Settings, file: str) -> Iterator[Problem]:
    up, down = options.SERVER_WORKER_SCALE_UP_THRESH, options.SERVER_WORKER_SCALE_DOWN_THRESH
    if settings[down] >= settings[up]:
        at = down if settings.origin(down).source is not Source.DEFAULT else up
        yield _at(
            settings,
            at,
            file,
            f"threads would be added at {settings[up]} % and taken away at {settings[down]} %",
            "the lower one has to be lower",
        )


def _missing_partners(settings: Settings, file: str) -> Iterator[Problem]:
    if settings[options.ADMIN_ENABLED]:
        yield from _unusable_administration(settings, file)


def _unusable_administration(settings: Settings, file: str) -> Iterator[Problem]:
    kind = settings[options.ADMIN_AUTH_TYPE]
    needed = options.ADMIN_AUTH_TOKEN if kind == "bearer" else options.ADMIN_AUTH_PASSWORD
    if not settings[needed]:
        message = "nobody could be recognised as administrator"
        yield _at(settings, options.ADMIN_ENABLED, file, message, f"set {needed.key}")
    if settings[options.ADMIN_BIND] is None and not settings[options.SERVER_METRICS_ENABLED]:
        message, hint = "there is no listener for it", "set admin.bind, or metrics_enabled"
        yield _at(settings, options.ADMIN_ENABLED, file, message, hint)
    if kind == "basic" and ":" in settings[options.ADMIN_AUTH_USERNAME]:
        message = "a colon ends the name where a password follows it (RFC 7617)"
        yield _at(settings, options.ADMIN_AUTH_USERNAME, file, message)


def _wrong_paths(settings: Settings, file: str) -> Iterator[Problem]:
    for option in settings.given():
        path = settings[option]
        if not isinstance(option.kind, (FilePath, OptionalPath)) or path is None:
            continue
        wrong = _wrong_path(path, directory=option.kind.directory)
        if wrong:
            yield _at(settings, option, file, wrong)


def _among_files(settings: Settings, file: str) -> Iterator[Problem]:
    files = options.SERVER_STORAGE_PATH
    for option in settings.given():
        path = settings[option]
        if option is files or not isinstance(option.kind, (FilePath, OptionalPath)) or not path:
            continue
        try:
            place = path.resolve()
            below = settings[files].resolve()
        except OSError:
            # Which is told of the path itself.
            continue
        if place.is_relative_to(below) and not place.is_relative_to(below / INTERNAL_DIRECTORY):
            message = f"{path} is among the uploaded files in {settings[files]}"
            hint = "uploads reach it there, and downloads too: put it elsewhere"
            yield _at(settings, option, file, message, hint)


def _long_socket_directories(settings: Settings, file: str) -> Iterator[Problem]:
    for database in (INDEX, FALLBACK):
        place = settings[database.socket]
        if place is None or settings[database.type] != POSTGRES:
            continue
        # PostgreSQL is told the directory of its socket, and names the socket itself.
        if not place.name.startswith(_POSTGRES_SOCKET):
            place /= f"{_POSTGRES_SOCKET}{database.port_of(settings)}"
        try:
            socket_path(str(place))
        except ValueError as reason:
            yield _at(settings, database.socket, file, str(reason))


def _wrong_path(path: pathlib.Path, *, directory: bool | None) -> str:
    try:
        if directory and path.exists() and not path.is_dir():
            return f"{path} is not a directory"
        if directory is False and path.is_dir():
            return f"{path} is a directory"
    except OSError as reason:
        return f"{path} cannot be looked at: {reason.strerror}"
    return ""
