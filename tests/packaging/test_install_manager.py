"""``install-manager.sh`` of a checkout, on a booted machine."""

from __future__ import annotations

import re
import shutil

from twisted.trial.unittest import SynchronousTestCase

from tests.packaging import cache
from tests.packaging.cache import CHECKOUT
from tests.packaging.machine import PATIENCE, MachineCase
from tests.packaging.test_trouble import KILL
from tests.packaging.test_upgrade import LISTEN

CONFIG = "/etc/hmac-file-server/config.toml"
ENVIRON = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/shared/wheels"
SCRIPT = f"{ENVIRON} /shared/checkout/install-manager.sh"


class CheckoutCase(MachineCase):
    """A machine with a checkout, and without a network."""

    def setUp(self) -> None:
        super().setUp()
        cache.copy(self.shared / "checkout")
        shutil.copytree(cache.wheels(), self.shared / "wheels")


class CheckoutTests(CheckoutCase):
    """What the scripts do."""

    def test_systemd(self) -> None:
        """It installs, brings up to date and removes a service, and tells briefly what fails."""
        self.machine.boot(cache.tree())
        self.assertNotEqual(0, self.machine.run(f"{SCRIPT} --test").code)
        full = "mkdir -p {0} && mount -t tmpfs -o size=3m tmpfs {0}".format("/opt/hmac-file-server")
        self.do(full)
        done = self.machine.run(f"{SCRIPT} systemd")
        self.assertEqual(1, done.code)
        self.assertEqual(1, len(re.findall("^install-manager: ", done.text, re.MULTILINE)))
        self.assertIn("; nothing was changed", done.text)
        self.assertEqual("", self.do("ls /opt/hmac-file-server"))
        self.do("umount /opt/hmac-file-server")

        half = "test -e /opt/hmac-file-server/*/.venv.new-*/built/bin/python"
        self.do(KILL.format(command=f"env {SCRIPT} systemd", moment=half))
        self.assertEqual("inactive", self.property("ActiveState"))

        other = self.machine.begin(["python3", "-c", LISTEN])
        assert other.stdout is not None
        self.assertEqual("taken\n", other.stdout.readline())
        done = self.machine.run(f"{SCRIPT} systemd")
        self.assertEqual(1, done.code)
        self.assertRegex(done.text, "could not be started: .*127.0.0.1:8080")
        self.assertNotIn(self.secret(), done.text)
        self.do("pkill -f '[c]reate_server'")
        other.communicate(timeout=PATIENCE)
        self.wait_active()
        self.assert_uploads("a")
        self.assertIn("the service works", self.do(f"{SCRIPT} --test"))

        pid = self.property("MainPID")
        releases = self.do("ls -l /opt/hmac-file-server")
        self.do(f"echo nonsense >> {CONFIG}")
        done = self.machine.run(f"{SCRIPT} systemd")
        self.assertEqual(1, done.code)
        self.assertIn(f"{CONFIG} cannot be used", done.text)
        self.assertEqual(pid, self.property("MainPID"))
        self.assert_serves("a")
        self.assertEqual(releases, self.do("ls -l /opt/hmac-file-server"))
        self.do(f"sed -i '$d' {CONFIG}")

        before = self.do("sha256sum /etc/hmac-file-server/*")
        first = self.do("readlink /opt/hmac-file-server/current")
        # What an administrator makes may be for nobody else, but not this.
        said = self.do(f"umask 077 && {SCRIPT} systemd")
        self.assertIn("xmpp-config prosody", said)
        self.assertNotIn(self.secret(), said)
        self.wait_active()
        self.assertNotEqual(first, self.do("readlink /opt/hmac-file-server/current"))
        self.assertEqual(before, self.do("sha256sum /etc/hmac-file-server/*"))
        self.assertEqual("2", self.do("ls /opt/hmac-file-server | wc -l").strip())
        self.assert_serves("a")

        self.assertIn("were kept", self.do(f"{SCRIPT} --uninstall"))
        self.do("test -f /var/lib/hmac-file-server/uploads/a && ! test -e /opt/hmac-file-server")
        self.assertEqual("inactive", self.property("ActiveState"))
        self.do(f"{SCRIPT} --uninstall --purge")
        found = self.do("find /etc /usr /opt /var/lib -xdev -name '*hmac-file-server*'")
        self.assertEqual("", found)

    def test_debian(self) -> None:
        """It installs the package, also over itself, and removes it."""
        self.boot()
        package = "HMACFS_PACKAGE=/shared/first.deb"
        self.do(f"{package} {SCRIPT} debian")
        self.wait_active()
        self.assert_uploads("a")
        self.do(f"{package} {SCRIPT} debian")
        self.wait_active()
        self.assertIn("the service works", self.do(f"{SCRIPT} --test"))
        # Both at once would be two services of one name.
        self.assertIn("Debian package is installed", self.machine.run(f"{SCRIPT} systemd").text)
        self.do(f"{SCRIPT} --uninstall && test -f {CONFIG}")
        self.do(f"{SCRIPT} --uninstall --purge && ! test -e {CONFIG}")


class UsageTests(SynchronousTestCase):
    """Without a machine, for nothing is done."""

    def test_usage(self) -> None:
        """What it cannot do is a mistake, told with all that it can."""
        for words in ((), ("sysv",), ("systemd", "now"), ("--uninstall", "--all")):
            done = cache.run([CHECKOUT / "install-manager.sh", *words], check=False)
            self.assertEqual(2, done.returncode, words)
            self.assertIn("--uninstall  removes", done.stdout)
