"""Where files lie and how large they may be: part of ``[server]``."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, FilePath, Size, Switch, Whole
from hmacfs.config.lists import EXTENSIONS
from hmacfs.config.option import Alias, Generation, Option

GB: Final = 1024**3

SERVER_STORAGE_PATH: Final = Option(
    key="server.storage_path",
    since=Generation.V2_X,
    kind=FilePath(directory=True),
    default=pathlib.Path("./uploads"),
    summary="The directory of the uploaded files; it is made when it is missing. Without it "
    '"uploads" in the working directory.',
    example=pathlib.Path("/var/lib/hmac-file-server/uploads"),
    aliases=(
        Alias(Generation.FIRST, "StoreDir"),
        Alias(Generation.V3_2, "server.upload_path"),
    ),
    in_effect=True,
)
SERVER_MAX_UPLOAD_SIZE: Final = Option(
    key="server.max_upload_size",
    kind=Size(1),
    default=10 * GB,
    summary="How large one file may be. Without it 10 GB.",
    example=512 * 1024**2,
    aliases=(
        Alias(Generation.V2_0, "UploadMaxSize"),
        Alias(Generation.V3_2, "uploads.max_upload_size"),
        Alias(Generation.V3_2, "uploads.max_file_size"),
        Alias(Generation.V3_2, "validation.max_file_size"),
    ),
    reloadable=True,
    in_effect=True,
)
SERVER_MIN_FREE_BYTES: Final = Option(
    key="server.min_free_bytes",
    since=Generation.V2_X,
    kind=Size(),
    default=GB,
    summary="How much space stays free on the disk: uploads that would take it are refused. "
    "Without it 1 GB.",
    example=5 * GB,
    aliases=(Alias(Generation.V2_0, "MinFreeSpaceThreshold"),),
    reloadable=True,
    in_effect=True,
)
SERVER_FILE_NAMING: Final = Option(
    key="server.file_naming",
    kind=Choice(("original", "HMAC"), synonyms=(("none", "original"), ("", "original"))),
    default="original",
    summary='"HMAC" names the stored objects by a keyed digest of their path; URLs stay the '
    "same. Without it objects have the names of the URLs.",
    example="HMAC",
    in_effect=True,
)
SERVER_GLOBAL_EXTENSIONS: Final = Option(
    key="server.global_extensions",
    kind=EXTENSIONS,
    default=(),
    summary="File extensions for uploads and downloads alike: when set, it replaces the "
    "allowed_extensions of both. Without it each has its own list.",
    example=(".jpg", ".png", ".pdf"),
    reloadable=True,
    in_effect=True,
)
SERVER_PRE_CACHE: Final = Option(
    key="server.pre_cache",
    kind=Switch(),
    default=False,
    summary="Whether the index is read into memory at start, so that the first requests are as "
    "quick as later ones. Without it each entry is read when it is asked for.",
    example=True,
    aliases=(Alias(Generation.V2_X, "server.precaching"),),
    in_effect=True,
)
SERVER_PRE_CACHE_WORKERS: Final = Option(
    key="server.pre_cache_workers",
    kind=Whole(1, 64),
    default=1,
    summary="How many threads fill the cache at start. Without it one.",
    example=4,
    in_effect=True,
)
SERVER_PRE_CACHE_INTERVAL: Final = Option(
    key="server.pre_cache_interval",
    kind=Duration(1),
    default=3600.0,
    summary="How often the cache is filled again. Without it every hour.",
    example=1800.0,
    in_effect=True,
)
