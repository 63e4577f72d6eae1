"""The installed package on a booted machine: it is started, used, reloaded, killed, upgraded."""

from __future__ import annotations

import json

from tests.packaging.machine import PATIENCE, MachineCase, eventually

UNIT = "hmac-file-server"
CONFIG = "/etc/hmac-file-server/config.toml"
UPLOADS = "/var/lib/hmac-file-server/uploads"


class InstalledTests(MachineCase):
    """After the first installation."""

    def test_life(self) -> None:
        """It runs at once, is reloaded and stopped, and comes back whole after a kill -9."""
        self.boot()
        done = self.machine.run("dpkg -i /shared/first.deb")
        self.assertEqual(0, done.code, done.text)
        print(f"timing: the first installation: {done.seconds:.1f} s")
        self.assertNotIn(self.secret(), done.text)
        self.assertIn("xmpp-config prosody", done.text)
        own, to_read = "750 hmac-file-server:hmac-file-server", "root:hmac-file-server"
        modes = self.do(
            "stat -c '%a %U:%G' /etc/hmac-file-server /etc/hmac-file-server/* "
            "/var/lib/hmac-file-server /var/log/hmac-file-server"
        )
        self.assertEqual(
            [f"750 {to_read}", f"640 {to_read}", f"640 {to_read}", own, own], modes.splitlines()
        )
        self.wait_active()
        self.assertEqual(
            modes,
            self.do(
                "stat -c '%a %U:%G' /etc/hmac-file-server /etc/hmac-file-server/* "
                "/var/lib/hmac-file-server /var/log/hmac-file-server"
            ),
        )
        shown = self.do("hmac-file-server xmpp-config prosody -show-secret")
        self.assertIn(f'http_upload_external_secret = "{self.secret()}"', shown)
        self.assertEqual("serving on tcp:127.0.0.1:8080", self.property("StatusText"))
        self.assertEqual("30s", self.property("WatchdogUSec"))
        self.assert_uploads("first.txt")

        # From a directory that its user may not enter, and by one who may not read it.
        enter = "mkdir -pm 700 /closed && cd /closed"
        told = enter + " && setpriv --reuid={0} --regid={0} --clear-groups {1}"
        who = "hmac-file-server"
        self.do(told.format(who, "hmac-file-server -validate-quiet"))
        done = self.machine.run(
            told.format("nobody", "hmac-file-server ls").replace("gid=nobody", "gid=nogroup")
        )
        self.assertNotEqual(0, done.code)
        self.assertNotIn("Traceback", done.text)
        self.assertIn(CONFIG, done.text)

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

    def test_watchdog(self) -> None:
        """A process that hangs is killed by systemd and comes back; one that lives is not."""
        self.boot_installed()
        self.drop_in(UNIT, "[Service]", "WatchdogSec=1s")
        self.do(f"systemctl restart {UNIT}")
        pid, first = self.property("MainPID"), self.property("WatchdogTimestampMonotonic")
        wanted = int(first) + 3_000_000
        eventually(
            "three seconds of life",
            lambda: int(self.property("WatchdogTimestampMonotonic")) > wanted,
        )
        self.assertEqual(pid, self.property("MainPID"))
        self.assertEqual("0", self.property("NRestarts"))
        self.do(f"kill -STOP {pid}")
        eventually("a new process", lambda: self.property("MainPID") not in {pid, "0"})
        self.assertIn("Watchdog timeout", self.log())
        self.wait_active()
        self.assert_uploads("a")

    def test_drain(self) -> None:
        """A stop waits for uploads that go on, cuts off what hangs, and is over in its time."""
        self.boot_installed()
        self.assertEqual("45s", self.property("TimeoutStopUSec"))
        self.do(f"sed -i 's/^graceful_.*/graceful_shutdown_timeout = \"4s\"/' {CONFIG}")
        self.do(f"systemctl restart {UNIT}")
        secret = self.secret()
        slow = self.machine.client(do="put", name="slow", secret=secret, pause=0.25)
        stuck = self.machine.client(do="put", name="stuck", secret=secret, pause=60)
        self.addCleanup(stuck.communicate)
        self.addCleanup(stuck.kill)
        under_way = f"ls {UPLOADS}/.hmacfs/stage | wc -l"
        eventually("two uploads", lambda: self.do(under_way).strip() == "2")
        self.do(f"systemctl stop --no-block {UNIT}")
        eventually("the end", lambda: self.property("ActiveState") == "deactivating")
        self.assertEqual("finishing what is under way", self.property("StatusText"))
        text, _ = slow.communicate(timeout=PATIENCE)
        self.assertEqual({"status": 201}, json.loads(text))
        eventually("the stop", lambda: self.property("ActiveState") == "inactive")
        self.assertEqual("success", self.property("Result"))
        began, ended = (
            int(self.property(f"{which}TimestampMonotonic"))
            for which in ("ActiveExit", "InactiveEnter")
        )
        self.assertLess(ended - began, 19_000_000)
        self.do(f"systemctl start {UNIT}")
        self.assert_serves("slow")
        self.assertEqual(404, self.client(do="get", name="stuck")["status"])

    def test_everything_allowed(self) -> None:
        """TLS, a Unix socket and a socket of systemd for the metrics work in the closed-in unit."""
        self.boot_installed()
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

    def test_retention(self) -> None:
        """The timer deletes what is too much, beside the running server."""
        self.boot_installed()
        self.assert_uploads("a")
        self.do(f"printf '%s\\n' '[retention]' 'max_size = \"1KB\"' >> {CONFIG}")
        soon = ("OnCalendar=", "RandomizedDelaySec=0", "OnActiveSec=1s", "AccuracySec=100ms")
        self.drop_in(f"{UNIT}-retention.timer", "[Timer]", *soon)
        self.do(f"systemctl enable --now {UNIT}-retention.timer")
        eventually("the end", lambda: self.client(do="get", name="a")["status"] == 410)
        self.do(f"! test -e {UPLOADS}/a")
        self.assertEqual("success", self.property("Result", f"{UNIT}-retention.service"))
        self.assertIn(f"{UNIT}-retention.timer", self.do("systemctl list-timers --no-pager"))

    def test_logrotate(self) -> None:
        """The rules of logrotate move a log file, and the server goes on in a new one."""
        self.boot_installed()
        log = "/var/log/hmac-file-server/server.log"
        self.do(f"sed -i 's#^level#file = \"{log}\"\\n&#' {CONFIG} && systemctl restart {UNIT}")
        self.assert_uploads("a")
        self.do("logrotate --force /etc/logrotate.d/hmac-file-server")
        self.assert_uploads("b")
        eventually("a new file", lambda: self.machine.run(f"grep -q upload/b {log}").code == 0)
        self.do(f"grep -q upload/a {log}.1")
