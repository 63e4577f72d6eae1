"""The first start of a stranger: no configuration, and the printed line pasted."""

from __future__ import annotations

import re
import signal
import socket
import subprocess

from tests.cli.command import COMMAND, MainCase


class FirstStartTests(MainCase):
    """``hmac-file-server`` in an empty directory."""

    def test_zero_config(self) -> None:
        """Without a configuration it makes one, serves, and its curl line works when pasted."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 8080)) == 0:
                self.fail("port 8080, where the first start listens, is taken on this machine")
        process = self.start(*COMMAND)
        said = self.read_until(process, "is ready on")
        found = re.search(r"^curl .*$", said, re.MULTILINE)
        assert found is not None
        pasted = subprocess.run(
            ["sh", "-c", found[0]], capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((pasted.returncode, pasted.stdout), (0, "hello, world"), pasted.stderr)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
