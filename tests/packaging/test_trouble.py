"""What can go wrong while the package is installed or upgraded."""

from __future__ import annotations

import pathlib
import shutil
from typing import Final

from tests.packaging import cache
from tests.packaging.machine import MachineCase

UNIT = "hmac-file-server"
KILL: Final = (
    "setsid {command} >/dev/null 2>&1 & "
    "until {moment}; do kill -0 $! || exit; sleep 0.02; done; "
    # It has its lock until it has ended.
    "kill -s KILL -- -$! || exit; wait $! || true"
)


class TroubleTests(MachineCase):
    """What can go wrong during an installation."""

    def kill(self, command: str, moment: str) -> None:
        """Start a command, and kill it with what it has started once this is the case."""
        self.do(KILL.format(command=command, moment=moment))
        status = self.do(f"dpkg-query -W -f '${{Status}}' {UNIT}")
        self.assertNotIn("ok installed", status)

    def test_installation(self) -> None:
        """Killed at any moment, or failed in one sentence for a full disk, it can be finished."""
        self.boot()
        self.kill("dpkg -i /shared/first.deb", "test -e /usr/lib/hmac-file-server")
        self.do(
            "cd /etc && mkdir -p hmac-file-server && "
            "mount -t tmpfs -o size=4k tmpfs hmac-file-server && "
            "head -c 4096 /dev/zero > /etc/hmac-file-server/full"
        )
        done = self.machine.run("dpkg -i /shared/first.deb")
        self.assertNotEqual(0, done.code)
        ours = [line for line in done.text.splitlines() if line.startswith(f"{UNIT}: ")]
        self.assertEqual(1, len(ours), done.text)
        self.assertIn("make room, then run: dpkg --configure", ours[0])
        self.assertEqual("full\n", self.do("ls -A /etc/hmac-file-server"))

        self.do("umount /etc/hmac-file-server")
        configure = f"dpkg --configure {UNIT}"
        self.kill(configure, "test -e /etc/hmac-file-server/secret")
        secret = self.secret()
        self.assertRegex(secret, "^[0-9a-f]{64}$")
        self.kill(configure, f"find /usr/lib/{UNIT} -name '*.pyc' | grep -q .")
        self.do(configure)
        self.wait_active()
        self.assert_uploads("a")
        self.assertEqual("config.toml\nsecret\n", self.do("ls -A /etc/hmac-file-server"))
        self.assertEqual(secret, self.secret())

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
