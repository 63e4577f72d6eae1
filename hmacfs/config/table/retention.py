"""How long files live: ages in ``[server]``, ``[retention]``, ``[versioning]``."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, OptionalPath, Size, Switch, Whole
from hmacfs.config.option import Alias, Combine, Generation, Option, times

SERVER_MAX_FILE_AGE: Final = Option(
    key="server.max_file_age",
    kind=Duration(60),
    default=30 * 86400.0,
    summary="After what time files are deleted. Giving it switches deletion on; without it, and "
    "without one of the switches, nothing is ever deleted. Of several names of this setting the "
    "shortest time rules.",
    example=90 * 86400.0,
    aliases=(
        Alias(Generation.V1_0_5, "DeleteFilesAfterPeriod", only_if="DeleteFiles"),
        Alias(Generation.V1_0_5, "MaxRetentionTime", only_if="RetentionPolicyEnabled"),
        Alias(Generation.V2_X, "server.filettl", only_if="server.filettlenabled"),
        Alias(Generation.V3_2, "uploads.ttl", only_if="uploads.ttlenabled"),
        Alias(
            Generation.V3_2,
            "storage.retention_days",
            convert=times(86400),
            turns_on="server.filettlenabled",
        ),
    ),
    turns_on="server.filettlenabled",
    combine=Combine.SMALLEST,
    reloadable=True,
    in_effect=True,
)
SERVER_FILETTLENABLED: Final = Option(
    key="server.filettlenabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether files older than max_file_age are deleted. Without it they are when "
    "max_file_age is given.",
    example=True,
    aliases=(
        Alias(Generation.V1_0_5, "DeleteFiles"),
        Alias(Generation.V1_0_5, "RetentionPolicyEnabled"),
        Alias(Generation.V3_2, "uploads.ttlenabled"),
    ),
    combine=Combine.ANY,
    reloadable=True,
    in_effect=True,
)
SERVER_CLEANUP_INTERVAL: Final = Option(
    key="server.cleanup_interval",
    kind=Duration(60),
    default=86400.0,
    summary="How often files that are due are deleted; nobody can fetch them before that "
    "either. Without it every 24 hours.",
    example=3600.0,
    reloadable=True,
    in_effect=True,
)
RETENTION_MAX_SIZE: Final = Option(
    key="retention.max_size",
    since=Generation.V4,
    kind=Size(),
    default=0,
    summary="How much all files together may take before the oldest are deleted; 0 means any "
    "amount. Without it any amount.",
    example=100 * 1024**3,
    aliases=(Alias(Generation.V1_0_5, "MaxRetentionSize", only_if="RetentionPolicyEnabled"),),
    reloadable=True,
    in_effect=True,
)
RETENTION_TOMBSTONE_AGE: Final = Option(
    key="retention.tombstone_age",
    since=Generation.V4,
    kind=Duration(),
    default=30 * 86400.0,
    summary="How long the name of a deleted file is remembered, so that its old upload URL "
    "cannot bring it back. Without it 30 days.",
    example=365 * 86400.0,
    reloadable=True,
    in_effect=True,
)
RETENTION_REPORT: Final = Option(
    key="retention.report",
    since=Generation.V4,
    kind=Switch(),
    default=True,
    summary="Whether deletions are written to report_path. Without it they are when report_path "
    "is given.",
    example=False,
    aliases=(
        Alias(Generation.V1_0_5, "DeleteReport"),
        Alias(Generation.V1_0_5, "WriteReport"),
        Alias(Generation.V1_0_5, "DeleteFilesReport"),
    ),
    combine=Combine.ANY,
    in_effect=True,
)
RETENTION_REPORT_PATH: Final = Option(
    key="retention.report_path",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="A file to which each deletion adds a line of JSON: time, path, size, age and "
    "reason. Without it there is no report.",
    example=pathlib.Path("/var/log/hmac-file-server/deleted.jsonl"),
    aliases=(
        Alias(Generation.V1_0_5, "DeleteFilesReportPath"),
        Alias(Generation.V1_0_5, "ReportPath"),
    ),
    in_effect=True,
)
VERSIONING_ENABLEVERSIONING: Final = Option(
    key="versioning.enableversioning",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether an upload to an existing name makes a new version. Without it such an "
    "upload is refused.",
    example=True,
    aliases=(
        Alias(Generation.V1_0_5, "EnableVersioning"),
        Alias(Generation.V3_2, "versioning.enabled"),
    ),
    in_effect=True,
)
VERSIONING_BACKEND: Final = Option(
    key="versioning.backend",
    kind=Choice(("simple",), synonyms=(("timestamp", "simple"),)),
    default="simple",
    summary="How versions are kept. There is one way, simple.",
    example="simple",
    aliases=(Alias(Generation.V1_0_5, "VersioningStrategy"),),
    in_effect=True,
)
VERSIONING_MAXVERSIONS: Final = Option(
    key="versioning.maxversions",
    since=Generation.V2_X,
    kind=Whole(1, 10_000),
    default=1,
    summary="How many old versions are kept beside the current one. Without it one.",
    example=5,
    aliases=(
        Alias(Generation.V1_0_5, "MaxVersions"),
        Alias(Generation.V3_2, "versioning.max_revisions"),
    ),
    in_effect=True,
)
