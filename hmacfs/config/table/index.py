"""Where the facts of the stored files are kept."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, OptionalPath, Switch, Text, Whole
from hmacfs.config.option import Alias, Generation, Option
from hmacfs.config.secrets import Password

INDEX_PATH: Final = Option(
    key="index.path",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="The SQLite file that knows the type, owner and times of every stored file. Without "
    "it the file lies in the storage directory.",
    example=pathlib.Path("/var/lib/hmac-file-server/index.db"),
    aliases=(Alias(Generation.V3_2, "metadata.db_path"),),
    in_effect=True,
)
INDEX_TYPE: Final = Option(
    key="index.type",
    since=Generation.V4,
    kind=Choice(
        ("sqlite", "postgres", "mysql"),
        synonyms=(("postgresql", "postgres"), ("mariadb", "mysql")),
    ),
    default="sqlite",
    summary="Which database keeps the index: a file of SQLite, or a server. Without it SQLite.",
    example="postgres",
    in_effect=True,
)
INDEX_HOST: Final = Option(
    key="index.host",
    since=Generation.V4,
    kind=Text(noun="name or address of a host"),
    default="localhost",
    summary="The host of the database server. Without it localhost.",
    example="db.example.org",
    in_effect=True,
)
INDEX_PORT: Final = Option(
    key="index.port",
    since=Generation.V4,
    kind=Whole(0, 65535),
    default=0,
    summary="The port of the database server; 0 means the usual one of its type. Without it "
    "the usual one.",
    example=5433,
    in_effect=True,
)
INDEX_SOCKET: Final = Option(
    key="index.socket",
    since=Generation.V4,
    kind=OptionalPath(directory=None, socket=True),
    default=None,
    summary="The Unix socket of the database server, in place of host and port. Without it TCP.",
    example=pathlib.Path("/run/postgresql"),
    in_effect=True,
)
INDEX_USER: Final = Option(
    key="index.user",
    since=Generation.V4,
    kind=Text(noun="name of a user"),
    default="hmacfs",
    summary="The user of the database. Without it hmacfs.",
    example="files",
    in_effect=True,
)
INDEX_PASSWORD: Final = Option(
    key="index.password",
    since=Generation.V4,
    kind=Password(),
    default="",
    summary="The password of the database. Without it none is sent.",
    example="",
    secret=True,
    in_effect=True,
)
INDEX_NAME: Final = Option(
    key="index.name",
    since=Generation.V4,
    kind=Text(noun="name of a database"),
    default="hmacfs",
    summary="The name of the database, which should hold nothing else. Without it hmacfs.",
    example="files",
    in_effect=True,
)
INDEX_TLS: Final = Option(
    key="index.tls",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether the connection to the database server is encrypted and its certificate "
    "checked. Without it it is not.",
    example=True,
    in_effect=True,
)
INDEX_CA_FILE: Final = Option(
    key="index.ca_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="Who may vouch for the certificate of the database server, in PEM. Without it whom "
    "the system trusts.",
    example=pathlib.Path("/etc/ssl/db-ca.pem"),
    in_effect=True,
)
INDEX_BACKUP_INTERVAL: Final = Option(
    key="index.backup_interval",
    since=Generation.V4,
    kind=Duration(),
    default=86400.0,
    summary="How often the index is copied while the server runs; 0 means never. Without it "
    "every 24 hours.",
    example=3600.0,
    in_effect=True,
)
INDEX_DURABILITY: Final = Option(
    key="index.durability",
    since=Generation.V4,
    kind=Choice(("full", "fast")),
    default="full",
    summary='With "full", what is known of an upload outlives a loss of power from the answer on; '
    'with "fast" the last second of it may be lost, and reindex finds the files again. MySQL and '
    "MariaDB have innodb_flush_log_at_trx_commit for that instead. Without it full.",
    example="fast",
    in_effect=True,
)
