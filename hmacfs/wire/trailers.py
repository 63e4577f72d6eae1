"""Trailer fields: what stands after a chunked body (RFC 9112, 7.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

NONE: Final[Mapping[str, str]] = MappingProxyType({})

_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")


def read(lines: Iterable[bytes]) -> Mapping[str, str]:
    """
    Tell the fields by lower-case name.

    Whoever knows no trailers may drop them (RFC 9110, 6.5.1), so lines that are
    no fields are dropped too.
    """
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is not None:
            name, value = (text.decode("latin-1") for text in found.groups())
            before = fields.get(name.lower())
            fields[name.lower()] = value if before is None else f"{before}, {value}"
    return MappingProxyType(fields)
