"""Servers from the nursery are servers like others: their environment, their signals, their end."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess

from tests.real.case import ServerCase
from tests.real.daemon import PATIENCE
from tests.real.nursery import nursery


class BornTests(ServerCase):
    """What :class:`~tests.real.nursery.Born` tells of its server."""

    def test_end(self) -> None:
        """It has not ended while it runs, and then its exit code, or its signal, is told."""
        for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
            daemon = self.start()
            self.assertIsNone(daemon.process.poll())
            self.assertRaises(subprocess.TimeoutExpired, daemon.process.wait, 0.01)
            daemon.process.send_signal(number)
            self.assertEqual(code, daemon.process.wait(PATIENCE))
            self.assertEqual((code, code), (daemon.process.poll(), daemon.process.returncode))

    def test_own_environment(self) -> None:
        """Each has its own environment and directory, and not those of the first."""
        daemon = self.start()
        named = daemon.config.with_name("missing.toml")
        wrong = {"HMAC_CONFIG_PATH": str(daemon.config), "HMAC_SERVER_MAX_UPLOAD_SIZE": "much"}
        for environ, said in (
            (wrong, "HMAC_SERVER_MAX_UPLOAD_SIZE"),
            ({"HMAC_CONFIG_PATH": named.name}, f"{named.name}: there is no such file"),
        ):
            log = self.directory() / "log"
            with log.open("wb") as file:
                other = nursery().begin([], named.parent, environ, file.fileno())
            self.assertEqual(2, other.wait(PATIENCE))
            self.assertIn(said, log.read_text(encoding="utf-8"))
        self.assertTrue(daemon.running)
        place = pathlib.Path(f"/proc/{daemon.process.pid}/cwd")
        self.assertEqual(daemon.config.parent, place.readlink())

    def test_own_reactor(self) -> None:
        """Each waits for what happens to descriptors of its own, and for no others (proc(5))."""
        for pid in [self.start().process.pid for _ in range(2)]:
            places = list(pathlib.Path(f"/proc/{pid}/fd").iterdir())
            own = {place.stat().st_ino for place in places}
            events = [place for place in places if str(place.readlink()).endswith("[eventpoll]")]
            told = [(place.parents[1] / "fdinfo" / place.name).read_text() for place in events]
            watched = {int(ino, 16) for ino in re.findall(r"\bino:([0-9a-f]+)", "".join(told))}
            self.assertGreater(len(watched), 1)
            self.assertEqual(set(), watched - own)
