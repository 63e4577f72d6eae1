"""Settings become the stores of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs.contents import ContentStore
from hmacfs.blobs.naming import Naming
from hmacfs.config import options
from hmacfs.config.databases import INDEX, POSTGRES, DatabaseOptions
from hmacfs.config.settings import Settings
from hmacfs.stores.drivers import Driver
from hmacfs.stores.pair import Pair
from hmacfs.stores.places import Place
from hmacfs.stores.server_index import ServerIndex
from hmacfs.stores.servers import server_pair, server_survey
from hmacfs.stores.sql_index import Relieve, SqlIndex
from hmacfs.stores.sqlite import SqliteIndex, sqlite_survey
from hmacfs.stores.survey import SqlSurvey

INDEX_PATIENCE: Final = 10.0
"""
Seconds after which the server of the index has failed.

Longer than for the shared state, for the index is written before an upload is
answered, and nothing takes over from it.
"""

SURVEY_PATIENCE: Final = 30.0
"""Seconds after which the server has failed to survey the index, for which it looks at all rows."""

SQLITE: Final = "sqlite"


def internal_path(settings: Settings) -> Path:
    """Tell where the server's own files lie."""
    return settings[options.SERVER_STORAGE_PATH] / INTERNAL_DIRECTORY


def index_path(settings: Settings) -> Path:
    """Tell where the file of the index lies, if it is one."""
    return settings[options.INDEX_PATH] or internal_path(settings) / "index.sqlite"


def backup_directory(settings: Settings) -> Path:
    """Tell where the copies of the index lie that the server makes by itself."""
    return internal_path(settings) / "backup"


def contents(settings: Settings) -> ContentStore:
    """Make the store of the bytes that equal files have together, or had when it was on."""
    switches = (options.SERVER_DEDUPLICATION_ENABLED, options.DEDUPLICATION_ENABLED)
    takes = all(settings[option] for option in switches)
    configured = settings[options.DEDUPLICATION_DIRECTORY]
    directory = configured.resolve() if configured else internal_path(settings) / "contents"
    return ContentStore(directory, settings[options.DEDUPLICATION_MAXSIZE], takes)


def naming(settings: Settings) -> Naming:
    """Tell what files are called in the storage."""
    secret = settings[options.SECURITY_SECRET]
    return Naming(
        settings[options.SERVER_FILE_NAMING] == "HMAC", secret.encode() if secret else None
    )


def is_file(settings: Settings) -> bool:
    """Tell whether the index is a file of this machine."""
    return settings[options.INDEX_TYPE] == SQLITE


def database_place(settings: Settings, of: DatabaseOptions) -> Place:
    """Tell where a database server is."""
    return Place(
        settings[of.host],
        of.port_of(settings),
        settings[of.socket],
        settings[of.user],
        settings[of.password],
        settings[of.name],
        settings[of.tls],
        settings[of.ca_file],
    )


def driver_of(kind: str, *, synced: bool = True) -> Driver:
    """
    Tell how to speak with a kind of database server.

    :param synced: whether what it has written outlives a loss of power.
    """
    # A driver takes memory, which servers without a database have no use for.
    if kind == POSTGRES:
        from hmacfs.stores.postgresql import Postgresql

        return Postgresql(synced)
    from hmacfs.stores.mysql import Mysql

    return Mysql()


def make_index(
    settings: Settings,
    reactor: IReactorFromThreads,
    clock: IReactorTime,
    *,
    takes_over: bool = False,
    relieve: Relieve | None = None,
) -> SqlIndex:
    """
    Make the index, which is not open yet.

    :param takes_over: whether the storage may take it over from another.
    :param relieve: makes room on a disk that is full; see :class:`SqlIndex`.
    """
    synced = settings[options.INDEX_DURABILITY] == "full"
    if is_file(settings):
        return SqliteIndex(
            index_path(settings), reactor, synced=synced, clock=clock, relieve=relieve
        )
    driver = driver_of(settings[options.INDEX_TYPE], synced=synced)
    place = database_place(settings, INDEX)
    return index_in_server(
        settings,
        driver,
        place,
        server_pair(driver, place, reactor, clock, INDEX_PATIENCE, "index"),
        takes_over=takes_over,
    )


def index_in_server(
    settings: Settings, driver: Driver, place: Place, pair: Pair, *, takes_over: bool = False
) -> ServerIndex:
    """Make the index in a database server, of the storage that is configured."""
    called = f"the database {place.database} of {driver.name} at {place}"
    return ServerIndex(pair, internal_path(settings), called, takes_over=takes_over)


def make_survey(settings: Settings, reactor: IReactorFromThreads, clock: IReactorTime) -> SqlSurvey:
    """Make what surveys the index, which is not open yet; to be opened after the index."""
    if is_file(settings):
        return sqlite_survey(index_path(settings), reactor, clock=clock)
    driver, place = driver_of(settings[options.INDEX_TYPE]), database_place(settings, INDEX)
    return server_survey(driver, place, reactor, clock, SURVEY_PATIENCE)
