"""The curl examples of docs/resuming, as a shell runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.docs.documents import examples
from tests.real.daemon import PATIENCE
from tests.real.test_tus_client import ClientCase, token


class CurlTests(ClientCase):
    """Each example uploads a file in two parts, and compares what comes back."""

    def test_examples(self) -> None:
        """They work as they stand."""
        if shutil.which("curl") is None:
            raise SkipTest("needs curl")
        daemon = self.serve()
        path = self.file(3000)
        url = daemon.base_url + daemon.target("slot/photo.jpg", 3000, scheme="v")
        told = {"SERVER": daemon.base_url, "TOKEN": token(), "FILE": os.fspath(path), "URL": url}
        seen = set()
        for example in examples("sh"):
            if not example.where.startswith("docs/resuming/"):
                continue
            done = subprocess.run(
                ["sh", "-eu", "-c", example.text],
                env={**os.environ, **told},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            self.assertEqual(0, done.returncode, f"{example.where}: {done.stderr} {daemon.log}")
            seen.add(Path(example.where.partition(":")[0]).stem)
        self.assertEqual({"tus", "ietf"}, seen)
        self.assertEqual(2, len(daemon.stored()))
