"""
Notes what the thread of a reactor asks of the disk, the network's names and other programs.

It is begun within the server by a ``sitecustomize`` module of the text :data:`MODULE`.
What only looks (``stat``) is not told to audit hooks.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import Any, Final

PLACE: Final = "REACTOR_WATCH"
"""The environment variable with the path of the notes."""

MODULE: Final = "from tests.real import reactor_watch\n\nreactor_watch.begin()\n"
"""The text of the ``sitecustomize`` module."""

_BLOCKING: Final = frozenset(
    {
        "open",
        "os.chmod",
        "os.getxattr",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.scandir",
        "os.setxattr",
        "os.truncate",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "sqlite3.connect",
        "subprocess.Popen",
        "time.sleep",
    }
)
_MODULES: Final = (".py", ".pyc", ".so")
_CALLERS: Final = 8


def begin() -> None:
    """Note each such event of the main thread, with its time and its callers."""
    main = threading.main_thread()
    notes = os.open(os.environ[PLACE], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _BLOCKING or threading.current_thread() is not main:
            return
        subject = os.fsdecode(arguments[0]) if _is_path(arguments) else str(arguments)
        # Proc is memory; a module is read once.
        if subject.startswith("/proc/") or subject.endswith(_MODULES) or _is_import():
            return
        stack = traceback.extract_stack()[-_CALLERS - 1 : -1]
        callers = " ".join(f"{frame.filename}:{frame.lineno}" for frame in stack)
        os.write(notes, f"{time.time()} {event} {subject[:200]!r} {callers}\n".encode())

    sys.addaudithook(note)


def _is_path(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments) and isinstance(arguments[0], str | bytes | os.PathLike)


def _is_import() -> bool:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
    return False
