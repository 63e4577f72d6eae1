"""
A process with an index, for tests of several, and of one that is killed.

``python -m tests.stores.index_process PATH PREFIX COUNT`` records so many
files, says ``durable`` when all are, and waits for a line before it closes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.defer import gatherResults

from hmacfs.stores.sqlite import SqliteIndex
from tests.stores.pump import Pump
from tests.stores.samples import stored


def main(path: str, prefix: str, count: str) -> None:
    """Record files named after the prefix and a number."""
    pump = Pump()
    index = SqliteIndex(Path(path), pump, busy_timeout=60.0)
    pump.wait(index.start())
    names = [f"{prefix}-{n}" for n in range(int(count))]
    pump.wait(gatherResults([index.add(stored(name)) for name in names]))
    print("durable", flush=True)
    sys.stdin.readline()
    pump.wait(index.close())


if __name__ == "__main__":
    main(*sys.argv[1:])
