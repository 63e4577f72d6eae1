"""What a configuration needs on the network: what to try, and how it was."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Iterator

from attrs import field, frozen

from hmacfs.config import options
from hmacfs.config.databases import FALLBACK, INDEX, POSTGRES, DatabaseOptions
from hmacfs.config.network import Address
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings


class Service(enum.Enum):
    """What is expected to answer."""

    REDIS = "Redis"
    POSTGRES = "PostgreSQL"
    MYSQL = "MySQL"
    CLAMD = "clamd"


@frozen
class Target:
    """
    One server to try.

    :ivar at: an address, or the path of a Unix socket.
    :ivar switch: the option that makes it needed.
    :ivar key_prefix: what the keys begin with, of Redis.
    :ivar ca_file: who may vouch for its certificate; only with ``tls``.
    """

    service: Service
    at: Address | pathlib.Path
    switch: Option[bool] | Option[str]
    tls: bool = False
    ca_file: pathlib.Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    key_prefix: str = ""

    def __str__(self) -> str:
        """Return what it is and where."""
        return f"{self.service.value} at {self.at}"


def targets(settings: Settings) -> Iterator[Target]:
    """Tell every server that these settings need."""
    if settings[options.REDIS_REDISENABLED]:
        yield Target(
            Service.REDIS,
            settings[options.REDIS_SOCKET] or settings[options.REDIS_REDISADDR],
            options.REDIS_REDISENABLED,
            settings[options.REDIS_TLS] and settings[options.REDIS_SOCKET] is None,
            settings[options.REDIS_CA_FILE],
            user=settings[options.REDIS_USER],
            password=settings[options.REDIS_REDISPASSWORD],
            database=str(settings[options.REDIS_REDISDBINDEX]),
            key_prefix=settings[options.REDIS_KEY_PREFIX],
        )
    if settings[options.INDEX_TYPE] != "sqlite":
        yield _database(settings, INDEX, options.INDEX_TYPE)
    if settings[options.FALLBACK_ENABLED]:
        yield _database(settings, FALLBACK, options.FALLBACK_ENABLED)
    if settings[options.CLAMAV_CLAMAVENABLED]:
        yield Target(
            Service.CLAMD, settings[options.CLAMAV_CLAMAVSOCKET], options.CLAMAV_CLAMAVENABLED
        )


def _database(
    settings: Settings, of: DatabaseOptions, switch: Option[bool] | Option[str]
) -> Target:
    return Target(
        Service.POSTGRES if settings[of.type] == POSTGRES else Service.MYSQL,
        settings[of.socket] or Address(settings[of.host], of.port_of(settings)),
        switch,
        settings[of.tls],
        settings[of.ca_file],
        settings[of.user],
        settings[of.password],
        settings[of.name],
    )
