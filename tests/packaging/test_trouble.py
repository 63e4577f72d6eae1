"""What can go wrong while the package is installed or upgraded."""

from __future__ import annotations

import pathlib
import re
import shutil
from typing import Final

from tests.packaging import cache
from tests.packaging.machine import PATIENCE, MachineCase

UNIT = "hmac-file-server"
LISTEN: Final = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); "
    "print('taken', flush=True); time.sleep(600)"
)


class TroubleTests(MachineCase):
    """What can go wrong during an installation."""

    def test_port_taken(self) -> None:
        """It is installed and says so; once the port is free the server is there by itself."""
        self.boot()
        other = self.machine.begin(["python3", "-c", LISTEN])
        assert other.stdout is not None
        self.assertEqual("taken\n", other.stdout.readline())
        said = self.do("dpkg -i /shared/first.deb")
        self.assertRegex(said, rf"{UNIT}\.service could not be started: .*127\.0\.0\.1:8080")
        self.do("pkill -f '[c]reate_server'")
        other.communicate(timeout=PATIENCE)
        self.wait_active()
        self.assert_uploads("a")

    def test_disk_full(self) -> None:
        """It fails with one sentence and leaves no half file; with room it can be configured."""
        self.boot()
        self.do(
            "cd /etc && mkdir hmac-file-server && mount -t tmpfs -o size=4k tmpfs hmac-file-server "
            "&& head -c 4096 /dev/zero > /etc/hmac-file-server/full"
        )
        done = self.machine.run("dpkg -i /shared/first.deb")
        self.assertNotEqual(0, done.code)
        ours = [line for line in done.text.splitlines() if line.startswith(f"{UNIT}: ")]
        self.assertEqual(1, len(ours), done.text)
        self.assertIn("make room, then run: dpkg --configure", ours[0])
        self.assertEqual("full\n", self.do("ls -A /etc/hmac-file-server"))
        self.do("umount /etc/hmac-file-server && dpkg --configure hmac-file-server")
        self.wait_active()
        self.assert_uploads("a")

    def test_disk_full_at_upgrade(self) -> None:
        """An upgrade that has no room leaves the running server and its package as they were."""
        self.boot_installed()
        self.assert_uploads("a")
        pid = self.property("MainPID")
        later = pathlib.Path(shutil.copy(cache.next_package(), self.shared))
        self.do(
            "mkdir /run/lib && cp -a /usr/lib/hmac-file-server/. /run/lib && "
            "mount -t tmpfs -o size=150m tmpfs /usr/lib/hmac-file-server && "
            "cp -a /run/lib/. /usr/lib/hmac-file-server && "
            "head -c 200M /dev/zero > /usr/lib/hmac-file-server/full || true"
        )
        done = self.machine.run(f"dpkg -i /shared/{later.name}")
        self.assertNotEqual(0, done.code)
        self.assertIn("No space left on device", done.text)
        self.assertEqual(pid, self.property("MainPID"))
        self.assert_uploads("b")
        status = self.do(f"dpkg-query -W -f '${{Version}} ${{Status}}' {UNIT}")
        self.assertNotIn(cache.field(later, "Version"), status)

    def test_missing_user(self) -> None:
        """A user that somebody has removed is made again."""
        self.boot_installed()
        self.do(f"systemctl stop {UNIT} && deluser --quiet hmac-file-server")
        self.do("dpkg -i /shared/first.deb")
        self.do(f"systemctl start {UNIT}")
        self.assert_uploads("a")

    def test_interrupted(self) -> None:
        """An installation that was killed at any moment is finished by running it again."""
        self.boot()
        for seconds in (0.5, 1.0, 2.0, 3.0):
            self.machine.run(f"timeout --signal=KILL {seconds} dpkg -i /shared/first.deb")
            secret = self.machine.run("cat /etc/hmac-file-server/secret").text.strip()
            if re.fullmatch("[0-9a-f]*", secret):
                self.assertEqual(64, len(secret))
        self.do("dpkg --configure -a && dpkg -i /shared/first.deb")
        self.wait_active()
        self.assert_uploads("a")
        self.assertEqual("config.toml\nsecret\n", self.do("ls -A /etc/hmac-file-server"))
