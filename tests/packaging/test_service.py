"""The installed package on a booted machine: it is started, used, reloaded, killed, upgraded."""

from __future__ import annotations

import json
import re

from tests.packaging import cache
from tests.packaging.machine import PATIENCE, MachineCase, eventually

UNIT = "hmac-file-server"
CONFIG = "/etc/hmac-file-server/config.toml"
LISTEN = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); "
    "print('taken', flush=True); time.sleep(600)"
)


class InstalledTests(MachineCase):
    """After the first installation."""

    def test_life(self) -> None:
        """It runs at once, is reloaded and stopped, and comes back whole after a kill -9."""
        self.boot()
        done = self.machine.run("dpkg -i /shared/first.deb")
        self.assertEqual(0, done.code, done.text)
        print(f"installation: {done.seconds:.1f} s")
        self.assertNotIn(self.secret(), done.text)
        self.assertIn("xmpp-config prosody", done.text)
        modes = self.do("stat -c '%a %U:%G' /etc/hmac-file-server/* /var/lib/hmac-file-server")
        self.assertEqual(
            ["640 root:hmac-file-server"] * 2 + ["750 hmac-file-server:hmac-file-server"],
            modes.splitlines(),
        )
        self.wait_active()
        self.assertEqual("serving on tcp:127.0.0.1:8080", self.property("StatusText"))
        self.assertEqual("30s", self.property("WatchdogUSec"))
        self.assert_uploads("first.txt")

        pid = self.property("MainPID")
        log_level = f'sed -i \'s/"info"/"debug"/\' {CONFIG}'
        self.do(f"{log_level} && systemctl reload {UNIT}")
        eventually("the reload", lambda: "reload" in self.log())
        self.assertEqual(pid, self.property("MainPID"))

        self.do(f"systemctl kill --kill-who=main --signal=KILL {UNIT}")
        eventually("a new process", lambda: self.property("MainPID") not in {pid, "0"})
        self.wait_active()
        self.assertEqual("1", self.property("NRestarts"))
        self.assert_serves("first.txt")

        self.do(f"systemctl stop {UNIT}")
        self.assertEqual("success", self.property("Result"))
        self.assertNotIn(self.secret(), self.log())
        self.assertNotIn("Traceback", self.log())

    def log(self) -> str:
        """Return what the server has logged."""
        return self.do(f"journalctl --no-pager --output=cat --unit={UNIT}")

    def test_everything_allowed(self) -> None:
        """TLS, a Unix socket and a socket of systemd for the metrics work in the closed-in unit."""
        self.install()
        self.wait_active()
        self.do(
            "cd /etc/hmac-file-server && openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
            "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem "
            "-out cert.pem && chgrp hmac-file-server key.pem && chmod 640 key.pem"
        )
        places = '"tls:127.0.0.1:8443", "unix:/run/hmac-file-server/http.sock"'
        self.do(
            f"sed -i 's#^storage_path#listeners = [{places}]\\n&#' {CONFIG} "
            "&& printf '%s\\n' '[tls]' 'cert_file = \"/etc/hmac-file-server/cert.pem\"' "
            f"'key_file = \"/etc/hmac-file-server/key.pem\"' >> {CONFIG}"
        )
        self.do(
            f"systemctl stop {UNIT} && systemctl start {UNIT}-metrics.socket "
            f"&& systemctl start {UNIT}"
        )
        certificate = self.do("cat /etc/hmac-file-server/cert.pem")
        answer = self.client(do="put", name="tls.txt", port=8443, certificate=certificate)
        self.assertEqual(201, answer["status"])
        self.assert_serves("tls.txt")
        ask = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
            "s.sendall(b'GET /health HTTP/1.0\\r\\n\\r\\n'); print(s.makefile().read())"
        )
        self.assertIn("OK", self.do(f'python3 -c "{ask}" /run/hmac-file-server/http.sock'))
        metrics = (
            "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090/metrics').read())"
        )
        self.assertIn("hmac_file_server_uploads_total 1.0", self.do(f'python3 -c "{metrics}"'))

    def test_instances(self) -> None:
        """A second server has a configuration, secret, port and storage of its own."""
        self.install()
        self.do(
            "cd /etc/hmac-file-server && cp secret two.secret && chgrp hmac-file-server two.secret "
            "&& sed s/NAME/two/ /usr/share/hmac-file-server/instance.toml > two.toml "
            f"&& chown :hmac-file-server two.toml && systemctl enable --now {UNIT}@two"
        )
        self.assert_uploads("a", 8081)
        self.assertEqual(404, self.client(do="get", name="a")["status"])
        self.assert_uploads("b", 8080)
        self.do("test -f /var/lib/hmac-file-server-two/uploads/a")

    def test_retention(self) -> None:
        """The timer deletes what is too much, beside the running server."""
        self.install()
        self.assert_uploads("a")
        self.do(f"printf '%s\\n' '[retention]' 'max_size = \"1KB\"' >> {CONFIG}")
        self.do(f"systemctl enable --now {UNIT}-retention.timer")
        self.do(f"systemctl start {UNIT}-retention.service")
        self.assertEqual(410, self.client(do="get", name="a")["status"])
        self.do("! test -e /var/lib/hmac-file-server/uploads/a")
        self.assertIn(f"{UNIT}-retention.timer", self.do("systemctl list-timers --no-pager"))

    def test_logrotate(self) -> None:
        """The rules of logrotate move a log file, and the server goes on in a new one."""
        self.install()
        log = "/var/log/hmac-file-server/server.log"
        self.do(f"sed -i 's#^level#file = \"{log}\"\\n&#' {CONFIG} && systemctl restart {UNIT}")
        self.assert_uploads("a")
        self.do("logrotate --force /etc/logrotate.d/hmac-file-server")
        self.assert_uploads("b")
        eventually("a new file", lambda: self.machine.run(f"grep -q upload/b {log}").code == 0)
        self.do(f"grep -q upload/a {log}.1")


class UpgradeTests(MachineCase):
    """A later version is installed over the first one."""

    def setUp(self) -> None:
        super().setUp()
        self.install()
        self.wait_active()
        later = cache.next_package(self.shared)
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
        print(f"upgrade: {done.seconds:.1f} s")
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
        self.do(f"sed -i '$d' {CONFIG} && systemctl restart {UNIT}")
        self.assertIn(self.version, self.executable())
        self.assert_serves("b")

    def test_stopped(self) -> None:
        """A server that the administrator has stopped stays so."""
        self.do(f"systemctl stop {UNIT}")
        self.do(self.upgrade)
        self.assertEqual("inactive", self.property("ActiveState"))


class RemovalTests(MachineCase):
    """The package is removed."""

    def test_purge(self) -> None:
        """Purging takes configuration and logs, and keeps uploads for a new installation."""
        self.install()
        self.assert_uploads("a")
        self.assertIn("were kept", self.do(f"dpkg --purge {UNIT}"))
        self.do("! test -e /etc/hmac-file-server && ! test -e /var/log/hmac-file-server")
        self.do("! test -e /usr/lib/hmac-file-server && getent passwd hmac-file-server")
        self.do("dpkg -i /shared/first.deb")
        self.wait_active()
        self.assert_serves("a")

    def test_purge_without_uploads(self) -> None:
        """Where nothing was uploaded, nothing stays."""
        self.install()
        self.wait_active()
        self.do(f"dpkg --purge {UNIT}")
        found = self.do("find / -xdev -name '*hmac-file-server*' -not -path '/proc/*'")
        self.assertEqual([], [p for p in found.split() if not p.startswith(("/shared", "/sys"))])
        self.assertEqual(2, self.machine.run("getent passwd hmac-file-server").code)

    def test_remove(self) -> None:
        """Removing stops it and keeps the configuration for the next time."""
        self.install()
        before = self.do("sha256sum /etc/hmac-file-server/*")
        self.do(f"dpkg --remove {UNIT}")
        self.assertEqual("", self.machine.run("pgrep -f [b]in/hmac-file-server").text)
        self.do("dpkg -i /shared/first.deb")
        self.assertEqual(before, self.do("sha256sum /etc/hmac-file-server/*"))


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
        self.install()
        self.assert_uploads("a")
        pid = self.property("MainPID")
        later = cache.next_package(self.shared)
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
        self.install()
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
