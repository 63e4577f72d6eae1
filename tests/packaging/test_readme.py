"""``README.Debian``: what it tells to paste does what it says, on a booted machine."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import Final

from tests.packaging.cache import CHECKOUT
from tests.packaging.machine import MachineCase, eventually

UNIT: Final = "hmac-file-server"
CONFIG: Final = "/etc/hmac-file-server/config.toml"
SECTION: Final = re.compile(r"^(\S.*)\n-{3,}\n((?:(?!\S.*\n-{3,}\n).*\n)*)", re.MULTILINE)
BLOCK: Final = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
EDIT: Final = "# systemctl edit "


def blocks(section: str) -> list[str]:
    """Return what is to be pasted in a section; that before all others has no name."""
    text = (CHECKOUT / "debian/hmac-file-server.README.Debian").read_text(encoding="utf-8")
    parts = {"": SECTION.split(text, 1)[0], **dict(SECTION.findall(text))}
    return [textwrap.dedent(block) for block in BLOCK.findall(parts[section])]


class ReadmeTests(MachineCase):
    """What to paste."""

    def paste(self, text: str) -> str:
        """Run a block, or write it where ``systemctl edit`` would."""
        first, _, rest = text.partition("\n")
        if not first.startswith(EDIT):
            return self.do(f'set -e; apt() {{ apt-get -y "$@"; }}; {text}')
        self.drop_in(first.removeprefix(EDIT), rest)
        return ""

    def settings(self, pattern: str, *lines: str) -> None:
        """Put lines in place of that line of the configuration, and start again."""
        text = "\\n".join(line.replace('"', '\\"') for line in lines)
        self.do(f'sed -i "s#^{pattern}.*#{text}#" {CONFIG}')
        # systemd counts how often that is done in a short time.
        self.machine.run(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}")

    def test_alone(self) -> None:
        """The lines are printed, the socket takes over, the timer runs, and a purge takes all."""
        self.boot_installed()
        lines, purge = blocks("")
        self.assertIn("http_upload_external_base_url", self.paste(lines))
        [socket] = blocks("Upgrades")
        self.paste(socket)
        self.assertEqual("active", self.property("ActiveState", f"{UNIT}.socket"))
        self.assert_uploads("a")
        [timer] = blocks("Retention at a fixed time")
        self.paste(timer)
        self.assertEqual("active", self.property("ActiveState", f"{UNIT}-retention.timer"))
        self.paste(purge)
        self.do("! test -e /var/lib/hmac-file-server")

    def test_instances(self) -> None:
        """A second server has a configuration, secret, port and storage of its own."""
        self.boot_installed()
        [instance] = blocks("Several servers")
        self.paste(instance)
        own = self.do("cat /etc/hmac-file-server/two.secret").strip()
        self.assertNotEqual(self.secret(), own)
        self.assertEqual(201, self.client(do="put", name="a", port=8081, secret=own)["status"])
        self.assertEqual(403, self.client(do="put", name="b", port=8081)["status"])
        self.assertEqual(404, self.client(do="get", name="a")["status"])
        self.assert_uploads("b")
        self.do("test -f /var/lib/hmac-file-server-two/uploads/a")

    def test_drop_ins(self) -> None:
        """What closes the unit in can be opened for a port, a directory, a group, a credential."""
        self.boot_installed()
        [port] = blocks("Port 443")
        self.settings("listen_address", 'listen_address = "443"')
        self.assertNotEqual("active", self.property("ActiveState"))
        self.paste(port)
        self.do(f"systemctl restart {UNIT}")
        self.assert_uploads("a", 443)

        place, own = blocks("Storage elsewhere")
        self.paste(own)
        self.paste(place)
        self.settings("listen_address", 'listen_address = "127.0.0.1:8080"')
        self.settings("storage_path", 'storage_path = "/srv/files"')
        self.assert_uploads("b")
        self.do("test -f /srv/files/b")

        [group] = blocks("A group for the Unix socket")
        self.paste(group)
        self.settings(
            "storage_path",
            'storage_path = "/var/lib/hmac-file-server/uploads"',
            "unixsocket = true",
            'unix_socket_group = "www-data"',
        )
        shown = self.do("stat -c '%G %a' /run/hmac-file-server/http.sock")
        self.assertEqual("www-data", shown.split()[0])

        [credential] = blocks("Secrets as credentials")
        self.paste(credential)
        self.settings("unix", "")
        secret = "/etc/hmac-file-server/secret"
        self.do(f"sed -i /^secret_file/d {CONFIG} && chmod 600 {secret}")
        self.do(f"systemctl restart {UNIT}")
        self.assert_uploads("c")

    def test_certificate(self) -> None:
        """What root alone may read is copied for the server, at once and when it was renewed."""
        self.boot_installed()
        [script] = blocks("A certificate of Let's Encrypt")
        hooks = "/etc/letsencrypt/renewal-hooks/deploy"
        live = "/etc/letsencrypt/live/files.example.org"
        self.do(f"umask 077 && mkdir -p {live} {hooks}")
        self.do(f"printf %s {shlex.quote(script)} > {hooks}/{UNIT} && chmod 755 {hooks}/{UNIT}")
        files = (("cert_file", "fullchain.pem"), ("key_file", "privkey.pem"))
        lines = ["[tls]", *(f'{key} = "/etc/hmac-file-server/{file}"' for key, file in files)]
        self.do(
            f"sed -i 's#^storage_path#listeners = [\"tls:127.0.0.1:8443\"]\\n&#' {CONFIG} && "
            f"printf '%s\\n' {shlex.join(lines)} >> {CONFIG}"
        )
        ask = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 8443)), end='')"
        for name in ("first", "renewed"):
            self.do(
                f"cd {live} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} "
                f"-keyout privkey.pem -out fullchain.pem && RENEWED_LINEAGE={live} {hooks}/{UNIT}"
            )
            if name == "first":
                self.do(f"systemctl restart {UNIT}")
            made = self.do(f"cat {live}/fullchain.pem")

            def is_shown(made: str = made) -> bool:
                return self.machine.run(f'python3 -c "{ask}"').text == made

            eventually(f"the certificate {name}", is_shown)
            self.assertEqual("active", self.property("ActiveState"))

    def test_old_files(self) -> None:
        """The closed-in unit packs old files into containers, and serves them from there."""
        self.boot_installed()
        place, containers = blocks("Containers of old files")
        self.paste(place)
        lines = ("[iso]", "enabled = true", 'schedule = "1s"', 'size = "1MB"', containers)
        self.do(f"printf '%s\\n' {shlex.join(lines)} >> {CONFIG}")
        self.do(f"systemctl restart {UNIT}")
        names = [str(number) for number in range(12)]
        for name in names:
            self.assert_uploads(name)
        file = "/var/lib/hmac-file-server/containers/old.iso"
        eventually("a container", lambda: self.machine.run(f"test -f {file}").code == 0)
        eventually(
            "room", lambda: self.machine.run("test -e /var/lib/hmac-file-server/uploads/0").code
        )
        for name in names:
            self.assert_serves(name)
