"""A directory in which files are kept, for the tests of the local file system."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hmacfs.base.names import INTERNAL_DIRECTORY
from hmacfs.blobs.local import INTENT_ATTRIBUTE, LocalBlobs
from hmacfs.flow.pools import InlinePool, Pool
from tests.blobs.descriptors import close_below
from tests.flow.awaiting import now


class LocalCase(SynchronousTestCase):
    """A directory in which files are kept."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()
        self.addCleanup(close_below, self.path)
        self.blobs = self.opened()

    def opened(self, pool: Pool | None = None) -> LocalBlobs:
        """Begin to keep files in the directory."""
        blobs = LocalBlobs(self.path, pool or InlinePool())
        now(blobs.start())
        return blobs

    def crashed(self) -> LocalBlobs:
        """Begin again after a crash."""
        close_below(self.path)
        return self.opened()

    def stages(self) -> list[Path]:
        """Return the files in the stage directory."""
        return sorted((self.path / INTERNAL_DIRECTORY / "stage").iterdir())

    def remove_folder(self) -> None:
        """Remove the folder of these tests, if it is there."""
        if (self.path / "a").is_dir():
            (self.path / "a").rmdir()

    def intent(self, path: Path) -> bytes | None:
        """Return the facts that are kept with a file."""
        if INTENT_ATTRIBUTE not in os.listxattr(path):
            return None
        return os.getxattr(path, INTENT_ATTRIBUTE)
