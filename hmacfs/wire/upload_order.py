"""What a client asks of a V3 upload session: a JSON document (3.2 documents, "V3 API")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from hmacfs.base.errors import MalformedRequest, OptionUnsupported
from hmacfs.wire import content_type

MAX_BYTES: Final = 16 * 1024
"""Most bytes of the document."""

MAX_DEPTH: Final = 8
"""Most objects and arrays within each other."""

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
    document = _document(text)
    return UploadOrder(
        _text(document, "filename") or _missing("filename"),
        _size(document),
        content_type.checked(_text(document, "content_type") or "") or None,
        _sha256(document),
        _wanted(document),
    )


def _document(text: bytes) -> Mapping[str, Any]:
    if _depth(text) > MAX_DEPTH:
        raise MalformedRequest(f"the JSON is deeper than {MAX_DEPTH}", limit=MAX_DEPTH)
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedRequest("the body is not a JSON object")
    return document


def _depth(text: bytes) -> int:
    # Brackets within strings count too: nobody needs so many.
    deepest = depth = 0
    for byte in text:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


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
