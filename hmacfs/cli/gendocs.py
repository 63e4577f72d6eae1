"""
For developers: write the files that are made from the table of options.

``python -m hmacfs.cli.gendocs`` in the top directory of the source.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TextIO

from hmacfs.config.manual import manual
from hmacfs.config.reference import reference
from hmacfs.config.render import PLACEHOLDER, advanced, minimal

FILES: Final[Mapping[str, Callable[[], str]]] = {
    "etc/config.toml.example": lambda: minimal(PLACEHOLDER),
    "etc/config-full.toml.example": lambda: advanced(PLACEHOLDER),
    "docs/configuration.rst": reference,
    "docs/man/hmac-file-server.toml.5": manual,
}
"""Each file by its path from the top directory, and what writes its text."""


def stale(top: pathlib.Path) -> list[str]:
    """Tell which of the files are missing or not what they should be."""
    return [name for name, text in FILES.items() if not _holds(top / name, text())]


def main(arguments: Sequence[str] = sys.argv[1:], stderr: TextIO = sys.stderr) -> int:
    """Write what is stale below the directory that is the only argument, or the working one."""
    if len(arguments) > 1:
        print("usage: python -m hmacfs.cli.gendocs [DIRECTORY]", file=stderr)
        return 2
    top = pathlib.Path(*arguments)
    for name in stale(top):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name](), encoding="utf-8")
        print(f"wrote {path}", file=stderr)
    return 0


def _holds(path: pathlib.Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
