"""The heaps of the C library."""

from __future__ import annotations

import ctypes
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from hmacfs.base.memory import share_one_heap
from tests.real.daemon import CHECKOUT

SCRIPT = """
import ctypes, threading
from hmacfs.base.memory import share_one_heap
{first}
held, begun, done = [], threading.Barrier(9), threading.Event()
def hold():
    held.append([bytes(50_000) for _ in range(20)])
    begun.wait()
    done.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads: thread.start()
begun.wait()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stderr"))
done.set()
"""


def heaps(first: str) -> int:
    """Tell how many heaps a process with eight threads has."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.count("<heap nr=")


class MemoryTests(SynchronousTestCase):
    """``share_one_heap``."""

    def test_shared(self) -> None:
        """With it there is one heap, without it more."""
        if not hasattr(ctypes.CDLL(None), "malloc_info"):
            raise SkipTest("the C library is not glibc")
        self.assertEqual(heaps("assert share_one_heap()"), 1)
        self.assertGreater(heaps(""), 1)

    def test_other_library(self) -> None:
        """A C library that has no such parameter is left as it is."""
        self.patch(ctypes, "CDLL", lambda name: object())
        self.assertFalse(share_one_heap())
