"""``docs/install.rst``, line by line, on booted machines."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
import sys
import time
from http import HTTPStatus
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.documents import Example, examples
from tests.packaging import cache
from tests.packaging.machine import MachineCase, eventually
from tests.packaging.test_install_manager import ENVIRON, CheckoutCase
from tests.ports import free_port
from tests.real.client import ask
from tests.real.slots import CLIENT

DOCUMENT: Final = "docs/install.rst"
PRESENT: Final = ("nginx-light", "openssl", "prosody", "prosody-modules")
"""What an administrator has before."""

WAYS: Final = ("systemd", "debian", "podman", "--test", "--uninstall")
WAIT: Final = """python3 -c '
import time, urllib.request
for _ in range(600):
    try:
        urllib.request.urlopen("http://127.0.0.1:8080/health")
        break
    except OSError:
        time.sleep(0.1)
else:
    raise SystemExit("no server")
'"""
SHOWN: Final = {
    "In five minutes, with Prosody and nginx": "here",
    "On Debian 12 or 13": "here",
    "Other suites and architectures": "tests.packaging.test_deb",
    "In a container": "tests.packaging.test_containers",
    "By one script": "tests.packaging.test_install_manager, tests.packaging.test_containers",
    "From a checkout": "here",
    "As a package of Python": "here",
}
"""Where the commands of each section are executed."""


def commands(section: str) -> list[Example]:
    """Return the blocks of commands in a section of the document."""
    found = [e for e in examples("sh") if e.where.startswith(f"{DOCUMENT}:")]
    return [example for example in found if example.section == section]


class DocumentTests(SynchronousTestCase):
    """The document."""

    def test_script(self) -> None:
        """The script is called as the tests of it do."""
        [example] = commands("By one script")
        called = [line.partition("#")[0].split() for line in example.text.splitlines()]
        self.assertEqual([["./install-manager.sh", way] for way in WAYS], called)

    def test_sections(self) -> None:
        """There is a test for every section with commands."""
        sections = {e.section for e in examples("sh") if e.where.startswith(f"{DOCUMENT}:")}
        self.assertEqual(set(SHOWN), sections)


class PackageTests(MachineCase):
    """What is said of the Debian package."""

    def with_build(self) -> None:
        """Let ``debian/build``, in the directory that commands are run in, tell the package."""
        self.do(
            "mkdir -p /debian && printf '#!/bin/sh\\necho /shared/first.deb\\n' > /debian/build"
        )
        self.do("chmod +x /debian/build")

    def execute(self, example: Example) -> str:
        """Run a block of commands, as one who pastes it and answers yes."""
        return self.do(f'set -e\ncd /\napt() {{ apt-get -y "$@"; }}\n{example.text}')

    def test_five_minutes(self) -> None:
        """Pasted as they stand, the commands end with slots of Prosody that work through nginx."""
        self.boot(*PRESENT)
        live = "/etc/letsencrypt/live/files.example.org"
        self.do(
            f"mkdir -p {live} && cd {live} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
            "-subj /CN=files.example.org -addext subjectAltName=DNS:files.example.org "
            "-keyout privkey.pem -out fullchain.pem 2>/dev/null && "
            "cp fullchain.pem /usr/local/share/ca-certificates/files.crt && "
            "update-ca-certificates >/dev/null && "
            "echo '127.0.0.1 files.example.org example.org' >> /etc/hosts"
        )
        # An XMPP client of the test without TLS.
        self.do(
            "sed -i '1i c2s_require_encryption = false' "
            "/etc/prosody/prosody.cfg.lua && printf 'VirtualHost \"example.org\"\\n' "
            "> /etc/prosody/conf.d/example.cfg.lua && systemctl restart prosody && "
            "prosodyctl register alice example.org password"
        )
        self.with_build()
        started = time.monotonic()
        blocks = commands("In five minutes, with Prosody and nginx")
        for example in blocks:
            said = self.execute(example)
            self.assertNotIn(self.secret(), said, example.where)
        took = time.monotonic() - started
        print(f"timing: all that docs/install.rst asks for, with Prosody and nginx: {took:.1f} s")
        self.assertEqual(5, len(blocks))

        wish = {"filename": "two words.txt", "size": 6, "content_type": "text/plain"}
        asked = {
            **{"port": 5222, "jid": "alice@example.org", "password": "password"},
            **{"service": "upload.example.org", "wishes": [wish]},
        }
        process = self.machine.beside([sys.executable, str(CLIENT)])
        text, _ = process.communicate(json.dumps(asked), timeout=60)
        [slot] = json.loads(text)
        self.do(f"cd / && hmac-file-server put -type text/plain hello.txt '{slot['put']}'")
        get = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
        self.assertEqual("hello\n\n", self.do(f"python3 -c '{get}' '{slot['get']}'"))
        self.assertTrue(slot["get"].startswith("https://files.example.org/upload/"))

    def test_package(self) -> None:
        """The lines are printed, the socket takes over, and a purge takes what it is told to."""
        self.boot_installed()
        printed, socket, purge = commands("On Debian 12 or 13")
        said = self.execute(printed)
        self.assertIn("http_upload_external_base_url", said)
        self.assertIn("proxy_request_buffering off;", said)
        self.assertNotIn(self.secret(), said)
        self.execute(socket)
        self.assertEqual("active", self.property("ActiveState", "hmac-file-server.socket"))
        self.assert_uploads("a")
        self.execute(purge)
        self.do("! test -e /var/lib/hmac-file-server && ! test -e /etc/hmac-file-server")


class CheckoutDocumentTests(CheckoutCase):
    """What is said of a checkout."""

    def test_serve(self) -> None:
        """It is started with a configuration of one's own; an old one is mended, with a copy."""
        self.boot()
        apt, serve = commands("From a checkout")
        self.assertEqual("apt install python3 git\n", apt.text)
        self.do(
            "install -d /etc/hmac-file-server && cd /etc/hmac-file-server && umask 077 && "
            "echo 'a secret that nobody has seen before' > secret"
        )
        self.do(
            "cd /shared/checkout && sed 's#/var/lib/hmac-file-server#/srv#' debian/config.toml "
            "> /etc/hmac-file-server/config.toml && chmod 600 /etc/hmac-file-server/config.toml"
        )
        self.do(
            "systemd-run --quiet --unit=served --property=WorkingDirectory=/shared/checkout "
            f"env {ENVIRON} {serve.text}"
        )
        # One process waits, as starting many takes longer than what is waited for.
        self.do(WAIT)
        self.assert_uploads("a")
        # The environment is there now, and fix-config.sh is another way to it.
        self.do('printf \'ListenPort = "8080"\\nSecret = "a secret of one only"\\n\' > /tmp/c')
        self.do("chmod 600 /tmp/c && /shared/checkout/fix-config.sh /tmp/c")
        self.assertIn("listen_address", self.do("cat /tmp/c"))
        self.assertEqual(2, len(self.do("ls /tmp/c*").split()))
        self.assertEqual(2, self.machine.run("/shared/checkout/fix-config.sh a b").code)


class PythonTests(SynchronousTestCase):
    """What is said of the package of Python."""

    def test_commands(self) -> None:
        """Both commands that an installation by pip brings start the server."""
        place = pathlib.Path(self.mktemp()).resolve()
        cache.copy(place / "source")
        cache.run(["/usr/bin/python3", "-m", "venv", "--without-pip", place / "venv"])
        pip = [
            "/usr/bin/python3",
            "-m",
            "pip",
            "--quiet",
            "--python",
            str(place / "venv/bin/python"),
        ]
        # What of it is used is compiled when it is.
        environ = {"PIP_FIND_LINKS": str(cache.wheels()), "PIP_NO_COMPILE": "1"}
        cache.run([*pip, "install", str(place / "source")], environ)
        port, metrics = free_port(), free_port()
        config = place / "config.toml"
        config.write_text(
            f'[server]\nlisten_address = "127.0.0.1:{port}"\nstorage_path = "{place}/files"\n'
            f'metrics_port = {metrics}\n[security]\nsecret = "a secret that nobody has seen"\n',
            encoding="utf-8",
        )
        config.chmod(0o600)
        [example] = commands("As a package of Python")
        for line in example.text.splitlines():
            program, *arguments = line.split()
            with subprocess.Popen(
                [str(place / "venv/bin" / program), *arguments],
                cwd=place,
                env={"PATH": "/usr/bin:/bin"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    eventually(line, functools.partial(answers, port))
                finally:
                    process.terminate()


def answers(port: int) -> bool:
    """Whether a server at this port is well."""
    try:
        return ask(port, "GET", "/health").status == HTTPStatus.OK
    except OSError:
        return False
