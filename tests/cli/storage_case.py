"""A configuration with stored files, for tests of the commands about them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import closing, redirect_stderr
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.values import StoredFile, Tombstone
from hmacfs.cli.main import main
from hmacfs.stores import rows
from hmacfs.stores.database import Done, Writer
from tests.blobs.samples import named
from tests.stores.samples import stored


@frozen
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its standard output."""
        return self.out.splitlines()

    @property
    def values(self) -> list[Any]:
        """The JSON of those lines."""
        return [json.loads(line) for line in self.lines]


class StorageCase(SynchronousTestCase):
    """A directory with a configuration and a storage."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.root = self.directory / "uploads"
        self.internal = self.root / ".hmacfs"
        self.internal.mkdir(parents=True)
        self.path = self.internal / "index.sqlite"
        self.config = self.directory / "config.toml"
        self.config.write_text(
            f"[server]\nstorage_path = '{self.root}'\n"
            "[security]\nsecret = 'correct horse battery staple'\n",
            encoding="utf-8",
        )
        self.config.chmod(0o600)
        self.record()

    def run_command(self, *arguments: str) -> Outcome:
        """Run a command with the configuration."""
        out, err = io.StringIO(), io.StringIO()
        try:
            # Where argparse writes.
            with redirect_stderr(err):
                code = main(["-config", str(self.config), *arguments], {}, out, err)
        except SystemExit as ended:
            assert isinstance(ended.code, int)
            code = ended.code
        return Outcome(code, out.getvalue(), err.getvalue())

    def record(self, *known: StoredFile | Tombstone) -> None:
        """Tell the index of files, and of names that had one."""
        works = [
            partial(rows.add, file=each)
            if isinstance(each, StoredFile)
            else partial(rows.bury, tombstone=each)
            for each in known
        ]
        with closing(Writer.open(self.path, 1.0)) as writer:
            self.assertTrue(all(isinstance(each, Done) for each in writer.perform(works)))

    def place(self, name: str, content: bytes = b"content") -> Path:
        """Put a file in its place, and tell nobody."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def store(self, name: str, content: bytes = b"content", **facts: Any) -> StoredFile:
        """Store a file."""
        self.place(name, content)
        file = stored(name, size=len(content), sha256=sha256(content).digest(), **facts)
        self.record(file)
        return file

    def known(self, name: str) -> StoredFile | Tombstone | None:
        """Return what the index knows of a name."""
        (found,) = self.ask(partial(rows.find, name=named(name)))
        assert isinstance(found, StoredFile | Tombstone | None)
        return found

    def names(self) -> list[str]:
        """Return the names of the files that the index knows."""
        (files,) = self.ask(partial(rows.page, start="", limit=99))
        assert isinstance(files, list)
        return [str(file.name) for file in files]

    def ask(self, *works: Any) -> Sequence[object]:
        """Return what works on the index return."""
        with closing(Writer.open(self.path, 1.0)) as writer:
            outcomes = writer.perform(works)
        return [outcome.value for outcome in outcomes if isinstance(outcome, Done)]

    def internal_files(self) -> list[str]:
        """Return the names of the server's own files."""
        return sorted(path.name for path in self.internal.iterdir())
