"""What is done with stored files: ``[deduplication]``, ``[thumbnails]``, ``[iso]``…"""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Choice, Duration, FilePath, OptionalPath, Size, Switch, Text, Whole
from hmacfs.config.lists import Boxes
from hmacfs.config.option import Alias, Generation, Option

GB: Final = 1024**3

SERVER_DEDUPLICATION_ENABLED: Final = Option(
    key="server.deduplication_enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether equal files are stored once; off when this or deduplication.enabled is "
    "false. Without it they are.",
    example=False,
    in_effect=True,
)
DEDUPLICATION_ENABLED: Final = Option(
    key="deduplication.enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=True,
    summary="Whether equal files are stored once; off when this or "
    "server.deduplication_enabled is false. Without it they are.",
    example=False,
    aliases=(Alias(Generation.V3_2, "uploads.dedupe"),),
    in_effect=True,
)
DEDUPLICATION_DIRECTORY: Final = Option(
    key="deduplication.directory",
    since=Generation.V2_X,
    kind=OptionalPath(directory=True),
    default=None,
    summary="Where the shared bytes lie, on the disk of storage_path. Without it inside of "
    "storage_path.",
    example=pathlib.Path("/var/lib/hmac-file-server/deduplication"),
    aliases=(Alias(Generation.V2_X, "server.deduplicationpath"),),
    in_effect=True,
)
DEDUPLICATION_MAXSIZE: Final = Option(
    key="deduplication.maxsize",
    kind=Size(),
    default=0,
    summary="How large the store of shared bytes may become; above it new files are stored "
    "alone. 0 means any size. Without it any size.",
    example=100 * GB,
    in_effect=True,
)
DEDUPLICATION_SCAN_INTERVAL: Final = Option(
    key="deduplication.scan_interval",
    since=Generation.V4,
    kind=Duration(),
    default=0.0,
    summary="How often all files are searched for equal ones that slipped through; 0 means "
    "never. Without it never.",
    example=7 * 86400.0,
    in_effect=True,
)
THUMBNAILS_ENABLED: Final = Option(
    key="thumbnails.enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether small versions of images are made. Without it they are not.",
    example=True,
    in_effect=True,
)
THUMBNAILS_DIRECTORY: Final = Option(
    key="thumbnails.directory",
    since=Generation.V2_X,
    kind=OptionalPath(directory=True),
    default=None,
    summary="Where small versions lie. Without it inside of storage_path.",
    example=pathlib.Path("/var/lib/hmac-file-server/thumbnails"),
    in_effect=True,
)
THUMBNAILS_SIZE: Final = Option(
    key="thumbnails.size",
    since=Generation.V2_X,
    kind=Boxes(),
    default=((200, 200),),
    summary="The box that small versions fit into, or a list of them. Without it 200x200.",
    example=((320, 240), (64, 64)),
    in_effect=True,
)
THUMBNAILS_THUMBNAILINTERVALSCAN: Final = Option(
    key="thumbnails.thumbnailintervalscan",
    since=Generation.V2_X,
    kind=Duration(),
    default=3600.0,
    summary="How often images without a small version are looked for; 0 means never. Without it "
    "every hour.",
    example=86400.0,
    aliases=(Alias(Generation.V2_X, "thumbnails.scanInterval"),),
    in_effect=True,
)
ISO_ENABLED: Final = Option(
    key="iso.enabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether old files are packed into ISO 9660 containers. Without it they are not.",
    example=True,
    in_effect=True,
)
ISO_SCHEDULE: Final = Option(
    key="iso.schedule",
    since=Generation.V4,
    kind=Duration(),
    default=0.0,
    summary="How often a container is packed; 0 means by command alone. Without it by command.",
    example=86400.0,
    in_effect=True,
)
ISO_SIZE: Final = Option(
    key="iso.size",
    since=Generation.V2_X,
    kind=Size(1024**2),
    default=GB,
    summary="How large one container may be; none has more than 10000 files. Without it 1 GB.",
    example=4 * GB,
    in_effect=True,
)
ISO_MOUNTPOINT: Final = Option(
    key="iso.mountpoint",
    since=Generation.V2_X,
    kind=FilePath(directory=True),
    default=pathlib.Path("/mnt/iso"),
    summary="Where you mount containers for others to read; the server reads them as files, and "
    "mounts none. They lie beside it unless containerfile says where. Without it /mnt/iso.",
    example=pathlib.Path("/srv/iso"),
    in_effect=True,
)
ISO_CHARSET: Final = Option(
    key="iso.charset",
    since=Generation.V2_X,
    kind=Text(noun="name of a character set"),
    default="utf-8",
    summary="The character set of names in containers; any but UTF-8 needs xorriso. Without it "
    "UTF-8.",
    example="iso-8859-1",
    in_effect=True,
)
ISO_CONTAINERFILE: Final = Option(
    key="iso.containerfile",
    kind=OptionalPath(),
    default=None,
    summary="The file of the first container; later ones get a number. Without it container.iso "
    "beside mountpoint.",
    example=pathlib.Path("/srv/iso/container.iso"),
    in_effect=True,
)
COMPRESSION_ENABLED: Final = Option(
    key="compression.enabled",
    kind=Switch(),
    default=False,
    summary="Whether files are stored compressed where that saves space. Without it they are "
    "stored as they come.",
    example=True,
)
COMPRESSION_ALGORITHM: Final = Option(
    key="compression.algorithm",
    kind=Choice(("auto", "zstd", "gzip", "none")),
    default="auto",
    summary="How files are compressed. Without it the best that this machine has.",
    example="gzip",
)
COMPRESSION_LEVEL: Final = Option(
    key="compression.level",
    kind=Whole(0, 22),
    default=3,
    summary="How hard it is tried to save space. Without it 3.",
    example=9,
)
COMPRESSION_THRESHOLD: Final = Option(
    key="compression.threshold",
    kind=Size(),
    default=1024,
    summary="From which size on files are compressed. Without it 1 KB.",
    example=1024**2,
)
COMPRESSION_ADAPTIVE_COMPRESSION: Final = Option(
    key="compression.adaptive_compression",
    kind=Switch(),
    default=True,
    summary="Whether files of kinds that are compressed already are left alone. Without it they "
    "are.",
    example=False,
)
COMPRESSION_COMPRESSION_NEGOTIATION: Final = Option(
    key="compression.compression_negotiation",
    kind=Switch(),
    default=True,
    summary="Whether clients that can unpack get the compressed bytes. Without it they do.",
    example=False,
)
