"""``[downloads]``: what is given out, and how."""

from __future__ import annotations

from typing import Final

from hmacfs.config.kinds import Size, Switch, Text
from hmacfs.config.lists import EXTENSIONS
from hmacfs.config.option import Alias, Generation, Option

DOWNLOADS_ALLOWED_EXTENSIONS: Final = Option(
    key="downloads.allowed_extensions",
    kind=EXTENSIONS,
    default=(),
    summary="Which file extensions may be downloaded; others are answered 403. Without it, and "
    "when empty, all may.",
    example=(".jpg", ".png", ".pdf"),
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_REQUIRE_AUTH: Final = Option(
    key="downloads.require_auth",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether a download needs a token or a signed link. Without it the URL is enough, as "
    "XMPP clients need.",
    example=True,
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_CHUNKED_DOWNLOADS_ENABLED: Final = Option(
    key="downloads.chunked_downloads_enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether a client may ask for several parts of a file in one request; where not, "
    "such a request is answered with the whole file. Without it it may.",
    example=False,
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_CHUNK_SIZE: Final = Option(
    key="downloads.chunk_size",
    since=Generation.V2_X,
    kind=Size(4096, 64 * 1024**2),
    default=256 * 1024,
    summary="How much of a file is read at a time, from 4 KB to 64 MB, where it is sent over TLS, "
    "in several ranges, or from a container; a download of a slow client then holds up to three "
    "times as much in memory. Files that go over plain connections are handed to the system "
    "(sendfile) or to nginx (x_accel_prefix), and this has no effect on them. Without it 256 KB.",
    example=1024**2,
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_RESUMABLE_DOWNLOADS_ENABLED: Final = Option(
    key="downloads.resumable_downloads_enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether a client may ask for a part of a file. Without it it may.",
    example=False,
    aliases=(Alias(Generation.V2_X, "ResumeableDownloads"),),
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_ENABLE_GET_RETRIES: Final = Option(
    key="downloads.enable_get_retries",
    since=Generation.V4,
    kind=Switch(),
    default=True,
    summary="Whether downloads carry what a client needs to go on after a break: ranges and "
    "validators. Without it they do.",
    example=False,
    aliases=(Alias(Generation.V1_0_5, "EnableGetRetries"),),
    reloadable=True,
    in_effect=True,
)
DOWNLOADS_X_ACCEL_PREFIX: Final = Option(
    key="downloads.x_accel_prefix",
    since=Generation.V4,
    kind=Text(
        noun="path, or empty",
        pattern=r"(/[A-Za-z0-9._~-]+)*/?",
        expected='a path such as "/stored"',
    ),
    default="",
    summary="The internal location of an nginx before the server under which it finds "
    "storage_path: downloads that come through a trusted proxy are then sent by nginx itself "
    "(X-Accel-Redirect). Without it the server sends them.",
    example="/stored",
    reloadable=True,
    in_effect=True,
)
