"""How the C library gives memory to threads."""

from __future__ import annotations

import ctypes
from typing import Final

M_ARENA_MAX: Final = -8
"""The parameter of ``mallopt`` (mallopt(3)) for how many heaps there may be."""


def share_one_heap() -> bool:
    """
    Let all threads of the process have their memory from one heap; tell whether that can be.

    Of heaps of their own each keeps what its thread has freed, and those of many
    threads add up.  To be called before there are threads; glibc only.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))
    except AttributeError:
        return False
