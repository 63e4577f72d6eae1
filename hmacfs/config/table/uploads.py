"""``[uploads]``: what is taken in, and how."""

from __future__ import annotations

from typing import Final

from hmacfs.config.kinds import Choice, Duration, Size, Switch, Whole
from hmacfs.config.lists import EXTENSIONS
from hmacfs.config.option import Alias, Generation, Option, times

MB: Final = 1024**2


UPLOADS_ALLOWED_EXTENSIONS: Final = Option(
    key="uploads.allowed_extensions",
    since=Generation.V2_X,
    kind=EXTENSIONS,
    default=(),
    summary="Which file extensions may be uploaded. Without it, and when empty, all may; with "
    "it a name without an extension is refused too.",
    example=(".jpg", ".png", ".pdf"),
    aliases=(Alias(Generation.V2_X, "AllowedExtensions"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_BLOCKED_EXTENSIONS: Final = Option(
    key="uploads.blocked_extensions",
    since=Generation.V4,
    kind=EXTENSIONS,
    default=(),
    summary="Which file extensions are refused, wherever in the name they stand. Without it none.",
    example=(".exe", ".js"),
    reloadable=True,
    in_effect=True,
)
UPLOADS_CHUNKED_UPLOADS_ENABLED: Final = Option(
    key="uploads.chunked_uploads_enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether a file may be sent in several chunks. Without it it may.",
    example=False,
    reloadable=True,
    in_effect=True,
)
UPLOADS_CHUNK_SIZE: Final = Option(
    key="uploads.chunk_size",
    since=Generation.V2_X,
    kind=Size(1024),
    default=10 * MB,
    summary="The size of a chunk that is proposed to clients; of a file that would have more than "
    "a thousand of them chunks are larger. Without it 10 MB.",
    example=5 * MB,
    aliases=(Alias(Generation.V2_0, "ChunkSize"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_BUFFER_SIZE: Final = Option(
    key="uploads.buffer_size",
    since=Generation.V4,
    kind=Size(4096),
    default=MB,
    summary="How much of an upload may wait in memory for the disk before the client is made to "
    "wait. Without it 1 MB.",
    example=4 * MB,
    aliases=(Alias(Generation.V1_0_5, "BufferSize"),),
    in_effect=True,
)
UPLOADS_RESUMABLE_UPLOADS_ENABLED: Final = Option(
    key="uploads.resumable_uploads_enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether an interrupted upload may be taken up again. Without it it may.",
    example=False,
    aliases=(
        Alias(Generation.V2_X, "ResumeableUploads"),
        Alias(Generation.V3_2, "uploads.allow_session_resume"),
    ),
    reloadable=True,
    in_effect=True,
)
UPLOADS_MAX_RESUMABLE_AGE: Final = Option(
    key="uploads.max_resumable_age",
    kind=Duration(1),
    default=48 * 3600.0,
    summary="How long after its beginning an upload may be taken up again. Without it 48 hours.",
    example=72 * 3600.0,
    aliases=(
        Alias(Generation.V3_2, "uploads.session_persistence_duration"),
        Alias(Generation.V3_2, "session_store.max_session_age"),
        Alias(Generation.V3_2, "session_store.expiry_hours", convert=times(3600)),
    ),
    in_effect=True,
)
UPLOADS_SESSIONTIMEOUT: Final = Option(
    key="uploads.sessiontimeout",
    kind=Duration(1),
    default=3600.0,
    summary="How long after its last byte an unfinished upload is kept. Without it one hour.",
    example=5400.0,
    in_effect=True,
)
UPLOADS_SESSION_PERSISTENCE: Final = Option(
    key="uploads.session_persistence",
    kind=Switch(),
    default=True,
    summary="Whether unfinished uploads survive a restart. Without it they do.",
    example=False,
    in_effect=True,
)
UPLOADS_SESSION_RECOVERY_TIMEOUT: Final = Option(
    key="uploads.session_recovery_timeout",
    kind=Duration(),
    default=300.0,
    summary="How long what an upload is still to bring counts against its owner's quota after its "
    "last byte. Without it 5 minutes.",
    example=600.0,
    in_effect=True,
)
UPLOADS_CLIENT_RECONNECT_WINDOW: Final = Option(
    key="uploads.client_reconnect_window",
    kind=Duration(),
    default=120.0,
    summary="How long after the last byte of an upload nobody else may begin one of its name. "
    "Without it 2 minutes.",
    example=300.0,
    in_effect=True,
)
UPLOADS_MAX_SESSIONS: Final = Option(
    key="uploads.max_sessions",
    since=Generation.V4,
    kind=Whole(1, 10_000_000),
    default=20_000,
    summary="How many unfinished uploads are kept at most. Without it 20000.",
    example=5000,
    aliases=(Alias(Generation.V3_2, "session_store.max_sessions"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_MAX_SESSIONS_PER_OWNER: Final = Option(
    key="uploads.max_sessions_per_owner",
    since=Generation.V4,
    kind=Whole(1, 10_000_000),
    default=1000,
    summary="How many unfinished uploads of one owner are kept at most. Without it 1000.",
    example=100,
    reloadable=True,
    in_effect=True,
)
UPLOADS_MAX_SESSION_BYTES: Final = Option(
    key="uploads.max_session_bytes",
    since=Generation.V4,
    kind=Size(),
    default=0,
    summary="How many bytes unfinished uploads may have announced together; 0 means any number. "
    "Without it any number.",
    example=100 * 1024 * MB,
    reloadable=True,
    in_effect=True,
)
UPLOADS_UPLOAD_SLOT_TTL: Final = Option(
    key="uploads.upload_slot_ttl",
    kind=Duration(1),
    default=3600.0,
    summary="How long a signed upload URL with a time in it is good. Without it one hour.",
    example=7200.0,
    reloadable=True,
    in_effect=True,
)
UPLOADS_RETRY_FAILED_UPLOADS: Final = Option(
    key="uploads.retry_failed_uploads",
    kind=Switch(),
    default=True,
    summary="Whether a resumable upload whose bytes are all here is kept when it cannot be stored "
    "for a while (no room, a scanner that is away), so that its client can ask again. Without it "
    "it is.",
    example=False,
    reloadable=True,
    in_effect=True,
)
UPLOADS_MAX_UPLOAD_RETRIES: Final = Option(
    key="uploads.max_upload_retries",
    kind=Whole(0, 1_000_000),
    default=0,
    summary="How often a resumable upload may break off and be taken up again; 0 means any number. "
    "Without it any number.",
    example=8,
    aliases=(
        Alias(Generation.V1_0_5, "MaxRetries"),
        Alias(Generation.V1_0_5, "chunk_max_retries"),
        Alias(Generation.V3_2, "uploads.maxretries"),
    ),
    reloadable=True,
    in_effect=True,
)
UPLOADS_RETRY_DELAY: Final = Option(
    key="uploads.retry_delay",
    since=Generation.V4,
    kind=Duration(),
    default=2.0,
    summary="The wait that Retry-After asks of a client while too many uploads are under way. "
    "Without it 2 seconds.",
    example=30.0,
    aliases=(Alias(Generation.V1_0_5, "RetryDelay"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_CHECKSUM_VERIFICATION: Final = Option(
    key="uploads.checksum_verification",
    since=Generation.V4,
    kind=Switch(),
    default=True,
    summary="Whether digests that clients send are compared with the bytes. Without it they are.",
    example=False,
    aliases=(Alias(Generation.V1_0_5, "ChecksumVerification"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_MAX_BYTES_PER_SECOND: Final = Option(
    key="uploads.max_bytes_per_second",
    since=Generation.V4,
    kind=Size(),
    default=0,
    summary="The highest speed of one upload in bytes a second; 0 means any. Without it any.",
    example=8 * MB,
    aliases=(Alias(Generation.V2_0, "MaxBytesPerSecond"),),
    reloadable=True,
    in_effect=True,
)
UPLOADS_LINGER_BYTES: Final = Option(
    key="uploads.linger_bytes",
    since=Generation.V4,
    kind=Size(),
    default=4 * MB,
    summary="How much of a refused upload is read and thrown away, so that the client sees the "
    "answer before the connection closes. Without it 4 MB.",
    example=MB,
    in_effect=True,
)
UPLOADS_LINGER_TIME: Final = Option(
    key="uploads.linger_time",
    since=Generation.V4,
    kind=Duration(),
    default=5.0,
    summary="How long a refused upload is read and thrown away. Without it 5 seconds.",
    example=2.0,
    in_effect=True,
)
UPLOADS_INTERIM_RESPONSES: Final = Option(
    key="uploads.interim_responses",
    since=Generation.V4,
    kind=Choice(("direct", "always", "never")),
    default="direct",
    summary='Who is sent "104 Upload Resumption Supported": with "direct" clients that do not '
    "come through a trusted proxy (nginx takes it for the final answer). Without it direct.",
    example="always",
    reloadable=True,
    in_effect=True,
)
