"""Old ways to say one thing with two keys, or two things with one key."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from hmacfs.config import options
from hmacfs.config.names import Match, dotted
from hmacfs.config.resolve import Candidate

_LISTEN_PORT = dotted("ListenPort")
_REDIS_ADDRESS = dotted("RedisAddr")
_REDIS_HOST = dotted("redis.host")
_REDIS_PORT = dotted("redis.port")


def translate(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Say old forms in today's terms."""
    # Version 2.0 left the address empty where there was no Redis.
    said = [each for each in candidates if each.path != _REDIS_ADDRESS or each.raw != ""]
    return tuple(_join_redis_address([_socket_in_listen_port(each) for each in said]))


def _socket_in_listen_port(candidate: Candidate) -> Candidate:
    # Version 2.0 took the path of its Unix socket from ListenPort.
    if (
        candidate.path == _LISTEN_PORT
        and isinstance(candidate.raw, str)
        and candidate.raw.startswith("/")
    ):
        return evolve(candidate, match=Match(options.SERVER_UNIX_SOCKET_PATH))
    return candidate


def _join_redis_address(candidates: list[Candidate]) -> list[Candidate]:
    host = next((each for each in candidates if each.path == _REDIS_HOST), None)
    port = next((each for each in candidates if each.path == _REDIS_PORT), None)
    if host is None or port is None:
        return candidates
    joined = evolve(host, raw=f"{host.raw}:{port.raw}")
    return [joined if each is host else each for each in candidates if each is not port]
