"""The first start of a stranger: no configuration, and the printed line pasted."""

from __future__ import annotations

import re
import signal
import subprocess

from tests.cli.command import COMMAND, MainCase
from tests.real.daemon import eventually, refused_at


class FirstStartTests(MainCase):
    """``hmac-file-server`` in an empty directory."""

    def test_zero_config(self) -> None:
        """Without a configuration it makes one, serves, and its curl line works when pasted."""
        # There is one such port, and other tests go this way too.
        eventually("port 8080 to be free", refused_at(8080))
        process = self.start(*COMMAND)
        said = self.read_until(process, "is ready on")
        found = re.search(r"^curl .*$", said, re.MULTILINE)
        assert found is not None
        pasted = subprocess.run(
            ["sh", "-c", found[0]], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((pasted.returncode, pasted.stdout), (0, "hello, world"), pasted.stderr)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 0)
