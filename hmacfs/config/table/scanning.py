"""How contents are judged: ``[clamav]`` and ``[validation]``."""

from __future__ import annotations

import pathlib
import re
from typing import Final

from hmacfs.config.kinds import Choice, Duration, OptionalPath, Size, Switch, Whole
from hmacfs.config.lists import EXTENSIONS, TextList
from hmacfs.config.network import Address, SocketKind
from hmacfs.config.option import Alias, Generation, Option


def _media_type(text: str) -> str:
    word = text.strip().lower()
    if re.fullmatch(r"[a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+", word) is None:
        raise ValueError(f'{text!r} is not a media type such as "image/*" or "text/plain"')
    return word


CLAMAV_CLAMAVENABLED: Final = Option(
    key="clamav.clamavenabled",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether uploads are scanned by ClamAV before they can be fetched. Without it they "
    "are not.",
    example=True,
    aliases=(Alias(Generation.V3_2, "clamav.enabled"),),
    in_effect=True,
)
CLAMAV_CLAMAVSOCKET: Final = Option(
    key="clamav.clamavsocket",
    since=Generation.V2_X,
    kind=SocketKind(),
    default=pathlib.Path("/var/run/clamav/clamd.ctl"),
    summary="Where clamd listens. Without it /var/run/clamav/clamd.ctl.",
    example=Address("127.0.0.1", 3310),
    aliases=(Alias(Generation.V3_2, "clamav.socket"),),
    in_effect=True,
)
CLAMAV_NUMSCANWORKERS: Final = Option(
    key="clamav.numscanworkers",
    since=Generation.V2_X,
    kind=Whole(1, 256),
    default=2,
    summary="How many files are scanned at once. Without it 2.",
    example=4,
    in_effect=True,
)
CLAMAV_SCANFILEEXTENSIONS: Final = Option(
    key="clamav.scanfileextensions",
    since=Generation.V2_X,
    kind=EXTENSIONS,
    default=(),
    summary="Which files are scanned, by extension. Without it, and when empty, all are.",
    example=(".exe", ".zip", ".doc"),
    aliases=(Alias(Generation.V2_X, "ScanFileExtensions"),),
    reloadable=True,
    in_effect=True,
)
CLAMAV_MAXSCANSIZE: Final = Option(
    key="clamav.maxscansize",
    kind=Size(),
    default=200 * 1024**2,
    summary="Up to which size files are scanned; oversize_policy says what happens to larger "
    "ones. Without it 200 MB.",
    example=1024**3,
    reloadable=True,
    in_effect=True,
)
CLAMAV_OVERSIZE_POLICY: Final = Option(
    key="clamav.oversize_policy",
    since=Generation.V4,
    kind=Choice(("accept", "refuse")),
    default="accept",
    summary="What happens to files too large to scan. Without it they are accepted, logged and "
    "counted.",
    example="refuse",
    reloadable=True,
    in_effect=True,
)
CLAMAV_ON_SCAN_FAILURE: Final = Option(
    key="clamav.on_scan_failure",
    since=Generation.V4,
    kind=Choice(("refuse", "accept")),
    default="refuse",
    summary="What happens while clamd does not answer: uploads are refused for now, or accepted "
    "and scanned later. Without it they are refused.",
    example="accept",
    reloadable=True,
    in_effect=True,
)
CLAMAV_SCAN_TIMEOUT: Final = Option(
    key="clamav.scan_timeout",
    since=Generation.V4,
    kind=Duration(1),
    default=60.0,
    summary="How long one scan may take. Without it 60 seconds.",
    example=300.0,
    aliases=(Alias(Generation.V3_2, "clamav.timeout"),),
    reloadable=True,
    in_effect=True,
)
CLAMAV_QUARANTINE_DIRECTORY: Final = Option(
    key="clamav.quarantine_directory",
    since=Generation.V4,
    kind=OptionalPath(directory=True),
    default=None,
    summary="Where infected files are kept. Without it they are thrown away.",
    example=pathlib.Path("/var/lib/hmac-file-server/quarantine"),
    in_effect=True,
)
VALIDATION_CHECK_MAGIC_BYTES: Final = Option(
    key="validation.check_magic_bytes",
    kind=Switch(),
    default=False,
    summary="Whether the first bytes of a file are compared with its declared type. Without it "
    "they are not.",
    example=True,
    reloadable=True,
    in_effect=True,
)
VALIDATION_STRICT_MODE: Final = Option(
    key="validation.strict_mode",
    kind=Switch(),
    default=False,
    summary="Whether the bytes have to be of the declared family; end-to-end encrypted files "
    "are then refused. Without it only executables that pose as something else are.",
    example=True,
    reloadable=True,
    in_effect=True,
)
VALIDATION_ALLOWED_TYPES: Final = Option(
    key="validation.allowed_types",
    kind=TextList("list of media types", _media_type),
    default=(),
    summary="Which declared media types may be uploaded. Without it, and when empty, all may.",
    example=("image/*", "video/*"),
    reloadable=True,
    in_effect=True,
)
VALIDATION_BLOCKED_TYPES: Final = Option(
    key="validation.blocked_types",
    kind=TextList("list of media types", _media_type),
    default=(),
    summary="Which media types are refused. Without it none.",
    example=("application/x-msdownload",),
    reloadable=True,
    in_effect=True,
)
