"""What a client asks of a V3 upload session: a JSON document (3.2 documents, "V3 API")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from hmacfs.base.errors import MalformedRequest, OptionUnsupported
from hmacfs.wire import content_type, json_object

MAX_BYTES: Final = 16 * 1024
"""Most bytes of the document."""

LARGEST: Final = (1 << 63) - 1
"""The largest size, in bytes."""

OPTIONS: Final = frozenset({"chunked", "resumable"})
"""The options there are; whether they are on, the configuration tells."""

_LONGEST_SHOWN: Final = 64

_CHECKSUM: Final = re.compile(r"sha256:([0-9A-Fa-f]{64})")


@frozen
class UploadOrder:
    """
    The document, read strictly.

    :ivar filename: as sent; whether it can be a name is not looked at here.
    :ivar size: of the file, in bytes.
    :ivar sha256: the digest that the file must have, 32 bytes.
    :ivar wanted: the options that are asked for.
    """

    filename: str
    size: int
    content_type: str | None = None
    sha256: bytes | None = None
    wanted: frozenset[str] = frozenset()


def parse(text: bytes) -> UploadOrder:
    """
    Read a document.  Members that are not known are ignored, options are not.

    :raises MalformedRequest: if it is no such document; ``member`` names what is wrong.
    :raises OptionUnsupported: if it asks for an option that there is not; ``option``.
    """
    document = json_object.read(text)
    return UploadOrder(
        _text(document, "filename") or _missing("filename"),
        _size(document),
        content_type.checked(_text(document, "content_type") or "") or None,
        _sha256(document),
        _wanted(document),
    )


def _wrong(member: str, what: str) -> MalformedRequest:
    return MalformedRequest(f"{member!r} is not {what}", member=member)


def _missing(member: str) -> str:
    raise _wrong(member, "there")


def _text(document: Mapping[str, Any], member: str) -> str | None:
    value = document.get(member)
    if value is not None and not isinstance(value, str):
        raise _wrong(member, "a text")
    return value


def _size(document: Mapping[str, Any]) -> int:
    size = document.get("size")
    # To Python true is a number.
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST:
        raise _wrong("size", "a number of bytes")
    return size


def _sha256(document: Mapping[str, Any]) -> bytes | None:
    checksum = _text(document, "checksum")
    if checksum is None:
        return None
    found = _CHECKSUM.fullmatch(checksum)
    if found is None:
        raise _wrong("checksum", '"sha256:" and 64 hexadecimal digits')
    return bytes.fromhex(found[1])


def _wanted(document: Mapping[str, Any]) -> frozenset[str]:
    options = document.get("options")
    if options is None:
        return frozenset()
    if not isinstance(options, dict):
        raise _wrong("options", "an object")
    # An option that is declined is not asked for.
    wanted = {
        name: value for name, value in options.items() if value is not None and value is not False
    }
    for name, value in wanted.items():
        if name not in OPTIONS:
            shown = name[:_LONGEST_SHOWN].encode("ascii", "backslashreplace").decode()
            raise OptionUnsupported(f"the option {shown!r} is not supported", option=shown)
        if value is not True:
            raise _wrong(f"options.{name}", "true or false")
    return frozenset(wanted)
