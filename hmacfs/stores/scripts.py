"""The scripts that make and change the tables: read from the package, and cut into statements."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Final

INDEX = "hmacfs.stores.schema"
"""The steps of the index in SQLite."""

STATE = "hmacfs.stores.schema.state"
"""Those of the shared state in SQLite."""

POSTGRESQL = "hmacfs.stores.schema.postgresql"
"""Those of all stores in PostgreSQL."""

MYSQL = "hmacfs.stores.schema.mysql"
"""Those of all stores in MySQL and MariaDB."""


_TABLE: Final = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


def packaged_steps(package: str = INDEX) -> tuple[str, ...]:
    """Read the steps of this release, in order."""
    files = (file for file in resources.files(package).iterdir() if file.name.endswith(".sql"))
    return tuple(
        file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)
    )


def tables(steps: Iterable[str]) -> tuple[str, ...]:
    """Tell the tables that these steps make."""
    return tuple(table for step in steps for table in _TABLE.findall(step))


def statements(script: str) -> Iterator[str]:
    """Cut a script into its statements; what lacks its end is one too, and not passed over."""
    # SQLite knows the strings, quotes and comments that all databases share.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
