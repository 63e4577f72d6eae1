"""What the server tells about itself: ``[logging]``, metrics, ``[audit]``."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, FilePath, OptionalPath, Switch, Text, Whole
from hmacfs.config.lists import TextList
from hmacfs.config.network import Address, AddressKind
from hmacfs.config.option import Alias, Generation, Option

EVENTS: Final = (
    "upload",
    "download",
    "delete",
    "auth_success",
    "auth_failure",
    "rate_limited",
    "banned",
    "quota_exceeded",
    "admin_action",
    "validation_failure",
)


def _event(text: str) -> str:
    word = text.strip().lower()
    if word not in EVENTS:
        raise ValueError(f"{text!r} is not an event: they are {', '.join(EVENTS)}")
    return word


LOGGING_LEVEL: Final = Option(
    key="logging.level",
    kind=Choice(
        ("debug", "info", "warn", "error"),
        synonyms=(("warning", "warn"), ("fatal", "error"), ("critical", "error")),
    ),
    default="info",
    summary='How much is logged, from "debug" (most) to "error" (least). Without it info.',
    example="debug",
    aliases=(Alias(Generation.V1_0_5, "LogLevel"),),
    reloadable=True,
    in_effect=True,
)
LOGGING_FILE: Final = Option(
    key="logging.file",
    kind=OptionalPath(),
    default=None,
    summary="The file of the log. Without it the log goes to standard error, which systemd keeps "
    "in its journal. SIGHUP opens the file anew; while it cannot be written, the log goes to "
    "standard error.",
    example=pathlib.Path("/var/log/hmac-file-server/hmac-file-server.log"),
    aliases=(Alias(Generation.FIRST, "LogFile"),),
    in_effect=True,
)
LOGGING_JSON: Final = Option(
    key="logging.json",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether each line of the log is a JSON object. Without it lines are for people.",
    example=True,
    aliases=(Alias(Generation.V2_X, "server.loggingjson"),),
    in_effect=True,
)
LOGGING_MAX_SIZE: Final = Option(
    key="logging.max_size",
    kind=Whole(0, 1_000_000),
    default=100,
    summary="At how many megabytes a new log file is begun; 0 means never. Without it 100.",
    example=10,
    in_effect=True,
)
LOGGING_MAX_BACKUPS: Final = Option(
    key="logging.max_backups",
    kind=Whole(0, 10_000),
    default=7,
    summary="How many old log files are kept. Without it 7.",
    example=3,
    in_effect=True,
)
LOGGING_MAX_AGE: Final = Option(
    key="logging.max_age",
    kind=Whole(0, 100_000),
    default=30,
    summary="How many days old log files are kept; 0 means for ever. Without it 30.",
    example=7,
    in_effect=True,
)
LOGGING_COMPRESS: Final = Option(
    key="logging.compress",
    kind=Switch(),
    default=True,
    summary="Whether old log files are compressed. Without it they are.",
    example=False,
    in_effect=True,
)
SERVER_METRICS_ENABLED: Final = Option(
    key="server.metrics_enabled",
    since=Generation.V1_0_5,
    kind=Switch(),
    default=True,
    summary="Whether numbers for Prometheus are served, on a listener of their own. Without it "
    "they are, for this machine alone.",
    example=False,
    aliases=(Alias(Generation.V3_2, "metrics.enabled"),),
    in_effect=True,
)
SERVER_METRICS_PORT: Final = Option(
    key="server.metrics_port",
    since=Generation.FIRST,
    kind=AddressKind(),
    default=Address("", 9090),
    summary="The port, or the address and port, of the metrics. A port alone listens on "
    "127.0.0.1. Without it port 9090, or no metrics and a warning if that is taken.",
    example=Address("0.0.0.0", 9100),  # noqa: S104 - an example of how to open it on purpose
    aliases=(Alias(Generation.V3_2, "metrics.port"),),
    in_effect=True,
)
SERVER_METRICS_PATH: Final = Option(
    key="server.metrics_path",
    kind=Text(
        noun="path of a URL",
        pattern=r"/[A-Za-z0-9._~/-]*",
        expected='a path that begins with "/"',
    ),
    default="/metrics",
    summary="The path of the metrics. Without it /metrics.",
    example="/internal/metrics",
    aliases=(Alias(Generation.V3_2, "metrics.path"),),
    in_effect=True,
)
AUDIT_ENABLED: Final = Option(
    key="audit.enabled",
    kind=Switch(),
    default=False,
    summary="Whether a record of who did what is kept apart from the log. Without it none is.",
    example=True,
    in_effect=True,
)
AUDIT_OUTPUT: Final = Option(
    key="audit.output",
    kind=Choice(("file", "stdout")),
    default="file",
    summary="Where the record goes; what is written to standard output systemd keeps in its "
    "journal. Without it into a file.",
    example="stdout",
    in_effect=True,
)
AUDIT_PATH: Final = Option(
    key="audit.path",
    kind=FilePath(),
    default=pathlib.Path("/var/log/hmac-file-server/audit.log"),
    summary="The file of the record, which only the server may read.",
    example=pathlib.Path("/var/log/hmac-audit.log"),
    in_effect=True,
)
AUDIT_FORMAT: Final = Option(
    key="audit.format",
    kind=Choice(("json", "text")),
    default="json",
    summary="The form of a line of the record. Without it JSON.",
    example="text",
    in_effect=True,
)
AUDIT_EVENTS: Final = Option(
    key="audit.events",
    kind=TextList("list of events", _event),
    default=EVENTS,
    summary="Which events are recorded. Without it all are.",
    example=("upload", "delete", "auth_failure"),
    reloadable=True,
    in_effect=True,
)
AUDIT_MAX_SIZE: Final = Option(
    key="audit.max_size",
    kind=Whole(0, 1_000_000),
    default=100,
    summary="At how many megabytes a new file of the record is begun, and the old one "
    "compressed; 0 means never. Without it 100.",
    example=10,
    in_effect=True,
)
AUDIT_MAX_AGE: Final = Option(
    key="audit.max_age",
    kind=Whole(0, 100_000),
    default=30,
    summary="How many days old files of the record are kept; 0 means for ever. Without it 30.",
    example=365,
    in_effect=True,
)
