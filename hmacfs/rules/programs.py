"""
Executable files, told by their whole header.

Two magic bytes are not enough: encrypted files begin with any two bytes, and
``MZ`` or ``#!`` with one in 65,536.  So what follows them has to make sense too.
"""

from __future__ import annotations

import struct
from typing import Final

HEAD: Final = 4096
"""Bytes of a file that are looked at."""

_PE_OFFSET: Final = 0x3C
_MACHINES: Final = frozenset({0x014C, 0x0200, 0x01C0, 0x01C2, 0x01C4, 0x8664, 0xAA64, 0x0EBC})
_ELF_TYPES: Final = range(1, 5)
_MACH_CPUS: Final = frozenset({7, 12, 18, 0x01000007, 0x0100000C, 0x01000012, 0x0200000C})
_MACH_KINDS: Final = range(1, 13)
_MOST_ARCHITECTURES: Final = 16


def program(head: bytes) -> str | None:
    """
    Tell the media type of the executable that begins so, or ``None``.

    :param head: the first :data:`HEAD` bytes of a file, or all if it has fewer.
    """
    if _is_elf(head):
        return "application/x-elf"
    if _is_pe(head):
        return "application/vnd.microsoft.portable-executable"
    if _is_mach(head) or _is_fat_mach(head):
        return "application/x-mach-binary"
    if head[:4] == b"dex\n" and head[4:7].isdigit() and head[7:8] == b"\0":
        return "application/x-dex"
    return None


def _is_elf(head: bytes) -> bool:
    # System V ABI, "ELF Header".
    if head[:4] != b"\x7fELF" or len(head) < 24 or head[4] not in (1, 2) or head[5] not in (1, 2):
        return False
    kind, _, version = struct.unpack_from("<HHI" if head[5] == 1 else ">HHI", head, 16)
    return head[6] == 1 and version == 1 and kind in _ELF_TYPES


def _is_pe(head: bytes) -> bool:
    # "PE Format", MS-DOS stub and COFF header.
    if head[:2] != b"MZ" or len(head) < _PE_OFFSET + 4:
        return False
    (offset,) = struct.unpack_from("<I", head, _PE_OFFSET)
    if head[offset : offset + 4] != b"PE\0\0" or len(head) < offset + 6:
        return False
    (machine,) = struct.unpack_from("<H", head, offset + 4)
    return machine in _MACHINES


def _is_mach(head: bytes) -> bool:
    # <mach-o/loader.h>
    orders = {
        b"\xfe\xed\xfa\xce": ">",
        b"\xfe\xed\xfa\xcf": ">",
        b"\xce\xfa\xed\xfe": "<",
        b"\xcf\xfa\xed\xfe": "<",
    }
    order = orders.get(head[:4])
    if order is None or len(head) < 16:
        return False
    cpu, _, kind = struct.unpack_from(f"{order}III", head, 4)
    return cpu in _MACH_CPUS and kind in _MACH_KINDS


def _is_fat_mach(head: bytes) -> bool:
    # <mach-o/fat.h>; a Java class begins so too, but then has no processor.
    if head[:4] not in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf") or len(head) < 12:
        return False
    count, cpu = struct.unpack_from(">II", head, 4)
    return 0 < count <= _MOST_ARCHITECTURES and cpu in _MACH_CPUS
