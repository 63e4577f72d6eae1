"""A later version of the package is installed over the first one, or it is removed."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Final

from tests.packaging import cache
from tests.packaging.machine import PATIENCE, MachineCase, eventually

UNIT = "hmac-file-server"
CONFIG = "/etc/hmac-file-server/config.toml"
LISTEN: Final = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); "
    "print('taken', flush=True); time.sleep(600)"
)


class UpgradeTests(MachineCase):
    """A later version is installed over the first one."""

    def setUp(self) -> None:
        super().setUp()
        self.boot_installed()
        later = pathlib.Path(shutil.copy(cache.next_package(), self.shared))
        self.version = cache.field(later, "Version")
        self.upgrade = f"dpkg -i /shared/{later.name}"

    def executable(self) -> str:
        """Return what the server runs from."""
        return self.do(f"tr '\\0' ' ' < /proc/{self.property('MainPID')}/cmdline")

    def test_through_the_socket(self) -> None:
        """Who uploads meanwhile is neither refused nor cut off, and settings stay as they were."""
        self.do(f"systemctl stop {UNIT} && systemctl enable --now {UNIT}.socket")
        self.do(f"systemctl start {UNIT} && echo '# mine' >> {CONFIG}")
        before = self.do("sha256sum /etc/hmac-file-server/*")
        uploads = self.machine.client(do="stream", name="s", secret=self.secret())
        eventually(
            "uploads",
            lambda: self.machine.run("test -f /var/lib/hmac-file-server/uploads/s-0-2").code == 0,
        )
        done = self.machine.run(self.upgrade)
        self.assertEqual(0, done.code, done.text)
        print(f"timing: an upgrade while files are uploaded: {done.seconds:.1f} s")
        self.wait_active()
        self.assertIn(self.version, self.executable())
        text, _ = uploads.communicate(timeout=PATIENCE)
        answer = json.loads(text)
        self.assertEqual([], answer["failed"])
        self.assertGreater(answer["done"], 10)
        self.assertEqual(before, self.do("sha256sum /etc/hmac-file-server/*"))
        self.assertEqual("active", self.property("ActiveState", f"{UNIT}.socket"))
        self.assert_serves("s-0-2")

    def test_broken_configuration(self) -> None:
        """It is installed and says what is wrong, and the old process goes on serving."""
        self.assert_uploads("a")
        pid = self.property("MainPID")
        self.do(f"echo 'storage_pth = 1' >> {CONFIG}")
        said = self.do(self.upgrade)
        self.assertIn(f"{CONFIG} cannot be used, so {UNIT}.service was left as it is", said)
        self.assertRegex(said, rf"{CONFIG}:\d+:\d+: .*storage_pth")
        self.assertEqual(pid, self.property("MainPID"))
        self.assert_uploads("b")
        self.assertIn("ok installed", self.do(f"dpkg-query -W -f '${{Status}}' {UNIT}"))
        # All that the old process has is gone, and it takes what it can do without.
        self.do(f"sed -i '$d' {CONFIG} && systemctl reload {UNIT}")
        eventually("the reload", lambda: "configuration was reloaded" in self.journal())
        self.assertEqual(pid, self.property("MainPID"))
        self.wait_active()
        self.assertEqual("serving on tcp:127.0.0.1:8080", self.property("StatusText"))
        self.assert_uploads("c")
        self.do(f"systemctl restart {UNIT}")
        self.assertIn(self.version, self.executable())
        self.assert_serves("b")

    def journal(self) -> str:
        """Return what the server has logged."""
        return self.do(f"journalctl --no-pager --output=cat --unit={UNIT}")

    def test_stopped(self) -> None:
        """A server that the administrator has stopped stays so; its user, gone, is made again."""
        self.do(f"systemctl stop {UNIT} && deluser --quiet hmac-file-server")
        self.do(self.upgrade)
        self.assertEqual("inactive", self.property("ActiveState"))
        self.do(f"systemctl start {UNIT}")
        self.assert_uploads("a")


class RemovalTests(MachineCase):
    """The package is removed."""

    def test_purge(self) -> None:
        """Purging keeps uploads for a new installation, which says so if its port is taken."""
        self.boot_installed()
        self.assert_uploads("a")
        self.do("touch /var/lib/hmac-file-server/keys.toml")
        self.assertIn("were kept", self.do(f"dpkg --purge {UNIT}"))
        self.do("! test -e /var/lib/hmac-file-server/keys.toml")
        self.do("! test -e /etc/hmac-file-server && ! test -e /var/log/hmac-file-server")
        self.do("! test -e /usr/lib/hmac-file-server && getent passwd hmac-file-server")
        other = self.machine.begin(["python3", "-c", LISTEN])
        assert other.stdout is not None
        self.assertEqual("taken\n", other.stdout.readline())
        said = self.do("dpkg -i /shared/first.deb")
        self.assertRegex(said, rf"{UNIT}\.service could not be started: .*127\.0\.0\.1:8080")
        self.do("pkill -f '[c]reate_server'")
        other.communicate(timeout=PATIENCE)
        self.wait_active()
        self.assert_serves("a")
        self.assert_uploads("b")

    def test_purge_without_uploads(self) -> None:
        """Where nothing was uploaded, nothing stays; keys are no uploads."""
        self.boot_installed()
        self.do("touch /var/lib/hmac-file-server/keys.toml")
        self.do(f"dpkg --purge {UNIT}")
        self.assert_nothing_stays()

    def assert_nothing_stays(self) -> None:
        """Fail if anything on the machine has the name of the package."""
        found = self.do("find / -xdev -name '*hmac-file-server*' -not -path '/proc/*'")
        self.assertEqual([], [p for p in found.split() if not p.startswith(("/shared", "/sys"))])
        self.assertEqual(2, self.machine.run("getent passwd hmac-file-server").code)

    def test_purge_elsewhere(self) -> None:
        """Uploads in a place of the administrator's are never removed, nor is their user."""
        self.boot_installed()
        self.do(f"sed -i 's#^storage_path.*#storage_path = \"/srv/files\"#' {CONFIG}")
        self.do("install -d -o hmac-file-server /srv/files && touch /srv/files/a")
        said = self.do(f"HMACFS_PURGE_UPLOADS=yes dpkg --purge {UNIT}")
        self.assertIn("the uploads in /srv/files and their user were kept.", said)
        self.do("test -f /srv/files/a && getent passwd hmac-file-server")
        self.do("! test -e /var/lib/hmac-file-server")

    def test_remove(self) -> None:
        """Removed it is stopped, and goes on as it was when it comes back; a purge ends that."""
        self.boot_installed()
        other = f"{UNIT}@two"
        self.do(
            "cd /etc/hmac-file-server && cp -p secret two.secret && "
            f"sed s/NAME/two/ /usr/share/{UNIT}/instance.toml > two.toml && systemctl stop {UNIT} "
            f"&& systemctl enable --now {UNIT}.socket {UNIT}-retention.timer {UNIT} {other}"
        )
        units = (UNIT, other, f"{UNIT}.socket", f"{UNIT}-retention.timer")
        before = self.do("sha256sum /etc/hmac-file-server/*")
        self.do(f"dpkg --remove {UNIT}")
        for unit in units:
            self.assertEqual("inactive", self.property("ActiveState", unit))
        self.assertEqual("", self.machine.run("pgrep -f [b]in/hmac-file-server").text)
        self.do("dpkg -i /shared/first.deb")
        self.assertEqual(before, self.do("sha256sum /etc/hmac-file-server/*"))
        for unit in units:
            self.wait_active(unit)
        self.assert_uploads("a")
        self.assert_uploads("a", 8081)
        self.do(f"HMACFS_PURGE_UPLOADS=yes dpkg --purge {UNIT}")
        self.assert_nothing_stays()
