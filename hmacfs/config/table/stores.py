"""Where facts are shared: Redis, a SQL database."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, OptionalPath, Switch, Text, Whole
from hmacfs.config.network import Address, AddressKind
from hmacfs.config.option import Alias, Generation, Option, times
from hmacfs.config.secrets import Password


def _on_this_machine(given: object) -> object:
    """``redis.port`` alone is a port of this machine."""
    return f"localhost:{given}" if isinstance(given, (int, str)) else given


REDIS_REDISENABLED: Final = Option(
    key="redis.redisenabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether what several servers must agree on, such as which signatures were used, is "
    "shared by way of Redis. Without it it is kept on this machine.",
    example=True,
    aliases=(Alias(Generation.V3_2, "redis.enabled"),),
    in_effect=True,
)
REDIS_REDISADDR: Final = Option(
    key="redis.redisaddr",
    since=Generation.V2_X,
    kind=AddressKind(default_port=6379),
    default=Address("localhost", 6379),
    summary="Where Redis listens. Without it localhost:6379.",
    example=Address("redis.example.org", 6379),
    aliases=(
        Alias(Generation.V1_0_5, "RedisAddr", turns_on="redis.redisenabled"),
        Alias(Generation.V3_2, "redis.address"),
        Alias(Generation.V3_2, "redis.host"),
        Alias(Generation.V3_2, "redis.port", convert=_on_this_machine),
    ),
    in_effect=True,
)
REDIS_REDISPASSWORD: Final = Option(
    key="redis.redispassword",
    since=Generation.V2_X,
    kind=Password(),
    default="",
    summary="The password of Redis. Without it none is sent.",
    example="",
    aliases=(
        Alias(Generation.V1_0_5, "RedisPassword"),
        Alias(Generation.V3_2, "redis.password"),
    ),
    secret=True,
    in_effect=True,
)
REDIS_REDISDBINDEX: Final = Option(
    key="redis.redisdbindex",
    since=Generation.V2_X,
    kind=Whole(0, 100_000),
    default=0,
    summary="The number of the database in Redis. Without it 0.",
    example=2,
    aliases=(
        Alias(Generation.V1_0_5, "RedisDB"),
        Alias(Generation.V3_2, "redis.database"),
        Alias(Generation.V3_2, "redis.db"),
    ),
    in_effect=True,
)
REDIS_REDISHEALTHCHECKINTERVAL: Final = Option(
    key="redis.redishealthcheckinterval",
    since=Generation.V2_X,
    kind=Duration(1),
    default=120.0,
    summary="How often Redis is asked whether it is well while nothing else is asked of it; "
    "every second while it is away. Without it every 2 minutes.",
    example=30.0,
    in_effect=True,
)
REDIS_TLS: Final = Option(
    key="redis.tls",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether the connection to Redis is encrypted and its certificate checked. Without "
    "it it is not.",
    example=True,
    in_effect=True,
)
REDIS_CA_FILE: Final = Option(
    key="redis.ca_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="Who may vouch for the certificate of Redis, in PEM. Without it whom the system "
    "trusts.",
    example=pathlib.Path("/etc/ssl/redis-ca.pem"),
    in_effect=True,
)
REDIS_SOCKET: Final = Option(
    key="redis.socket",
    since=Generation.V4,
    kind=OptionalPath(socket=True),
    default=None,
    summary="The socket of Redis in the file system, in place of its address. Without it the "
    "address is taken.",
    example=pathlib.Path("/run/redis/redis-server.sock"),
    in_effect=True,
)
REDIS_USER: Final = Option(
    key="redis.user",
    since=Generation.V4,
    kind=Text(noun="name of a user"),
    default="",
    summary="The user of Redis, where its ACL names users. Without it the default one.",
    example="files",
    in_effect=True,
)
REDIS_KEY_PREFIX: Final = Option(
    key="redis.key_prefix",
    since=Generation.V4,
    kind=Text(noun="beginning of keys"),
    default="hmac-file-server:",
    summary="What all keys in Redis begin with; servers with the same one share what they know. "
    "Without it hmac-file-server:.",
    example="files.example.org:",
    in_effect=True,
)
FALLBACK_ENABLED: Final = Option(
    key="fallback.enabled",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether a SQL database takes over while Redis is away. Without it a file of this "
    "machine does.",
    example=True,
    aliases=(Alias(Generation.V2_0, "FallbackEnabled"),),
    in_effect=True,
)
FALLBACK_TYPE: Final = Option(
    key="fallback.type",
    since=Generation.V4,
    kind=Choice(
        ("postgres", "mysql"),
        synonyms=(("postgresql", "postgres"), ("mariadb", "mysql")),
    ),
    default="postgres",
    summary="Which database it is. Without it PostgreSQL.",
    example="mysql",
    aliases=(Alias(Generation.V2_0, "FallbackDBType"),),
    in_effect=True,
)
FALLBACK_HOST: Final = Option(
    key="fallback.host",
    since=Generation.V4,
    kind=Text(noun="name or address of a host"),
    default="localhost",
    summary="The host of the database. Without it localhost.",
    example="db.example.org",
    aliases=(Alias(Generation.V2_0, "FallbackDBHost"),),
    in_effect=True,
)
FALLBACK_PORT: Final = Option(
    key="fallback.port",
    since=Generation.V4,
    kind=Whole(0, 65535),
    default=0,
    summary="The port of the database; 0 means the usual one of its type. Without it the usual "
    "one.",
    example=5433,
    aliases=(Alias(Generation.V2_0, "FallbackDBPort"),),
    in_effect=True,
)
FALLBACK_SOCKET: Final = Option(
    key="fallback.socket",
    since=Generation.V4,
    kind=OptionalPath(directory=None, socket=True),
    default=None,
    summary="The Unix socket of the database, in place of host and port. Without it TCP.",
    example=pathlib.Path("/run/mysqld/mysqld.sock"),
    in_effect=True,
)
FALLBACK_USER: Final = Option(
    key="fallback.user",
    since=Generation.V4,
    kind=Text(noun="name of a user"),
    default="hmacfs",
    summary="The user of the database. Without it hmacfs.",
    example="files",
    aliases=(Alias(Generation.V2_0, "FallbackDBUser"),),
    in_effect=True,
)
FALLBACK_PASSWORD: Final = Option(
    key="fallback.password",
    since=Generation.V4,
    kind=Password(),
    default="",
    summary="The password of the database. Without it none is sent.",
    example="",
    aliases=(Alias(Generation.V2_0, "FallbackDBPassword"),),
    secret=True,
    in_effect=True,
)
FALLBACK_NAME: Final = Option(
    key="fallback.name",
    since=Generation.V4,
    kind=Text(noun="name of a database"),
    default="hmacfs",
    summary="The name of the database. Without it hmacfs.",
    example="files",
    aliases=(Alias(Generation.V2_0, "FallbackDBName"),),
    in_effect=True,
)
FALLBACK_TLS: Final = Option(
    key="fallback.tls",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether the connection to the database is encrypted and its certificate checked. "
    "Without it it is not.",
    example=True,
    in_effect=True,
)
FALLBACK_CA_FILE: Final = Option(
    key="fallback.ca_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="Who may vouch for the certificate of the database, in PEM. Without it whom the "
    "system trusts.",
    example=pathlib.Path("/etc/ssl/db-ca.pem"),
    in_effect=True,
)
STORES_CALL_TIMEOUT: Final = Option(
    key="stores.call_timeout",
    since=Generation.V4,
    kind=Duration(0.001),
    default=0.7,
    summary="How long one question to Redis or to the database may take before it counts as "
    "failed. Without it 700 milliseconds.",
    example=2.0,
    aliases=(Alias(Generation.V3_2, "redis.timeout"),),
    in_effect=True,
)
SESSION_STORE_ENABLED: Final = Option(
    key="session_store.enabled",
    kind=Switch(),
    default=True,
    summary="Whether servers that share a Redis tell each other which unfinished uploads they "
    "have, so that a request that comes to another one is told to try again. Without it they do.",
    example=False,
    in_effect=True,
)
SESSION_STORE_CLEANUP_INTERVAL: Final = Option(
    key="session_store.cleanup_interval",
    kind=Duration(1),
    default=60.0,
    summary="How often unfinished uploads whose time is over are looked for, and their bytes "
    "deleted. Without it every minute.",
    example=600.0,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "session_store.cleanup_interval_minutes", convert=times(60)),),
)
