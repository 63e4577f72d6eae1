"""What ``xmpp-config`` prints, and the examples for XMPP servers, pasted into the real programs."""

from __future__ import annotations

import atexit
import functools
import re

from tests.docs.documents import examples
from tests.ports import free_port
from tests.real.case import ServerCase, command, noise
from tests.real.client import Connection, ask
from tests.real.daemon import SECRET
from tests.real.ejabberd import Ejabberd
from tests.real.prosody import Prosody
from tests.real.proxies import APACHE, APACHE_MODULES, NGINX, Proxy, example, program
from tests.real.slots import Slot, Wish

DOMAIN = "upload.localhost"


@functools.cache
def shared_ejabberd() -> Ejabberd:
    """Start an ejabberd for all tests, which each tell it how to issue slots."""
    ejabberd = Ejabberd()
    atexit.register(ejabberd.stop)
    ejabberd.start()
    return ejabberd


class LinesCase(ServerCase):
    """A server, and the lines that its configuration makes."""

    def setUp(self) -> None:
        self.daemon = self.together()

    def lines(self, program: str) -> str:
        """Return what is to be pasted."""
        wish = ["-base-url", self.daemon.base_url, "-domain", DOMAIN, "-show-secret"]
        done = command(self.daemon, "xmpp-config", program, *wish)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def of_example(self, path: str) -> str:
        """Return an example of etc with the names and the secret of this test."""
        names = {
            "upload.example.org": DOMAIN,
            "https://files.example.org": self.daemon.base_url,
            "the secret": SECRET,
        }
        return example(path, names)

    def of_document(self, lines: str) -> str:
        """Return lines of a document with the names and the secret of this test."""
        lines = lines.replace("upload.example.org", DOMAIN)
        lines = lines.replace("https://files.example.org", self.daemon.base_url)
        return re.sub('(secret.*)"the .*"', rf'\1"{SECRET}"', lines)

    def use(self, slot: Slot, data: bytes) -> None:
        """Upload to a slot, and download."""
        url = self.daemon.base_url
        self.assertTrue(slot.put.startswith(f"{url}/upload/"), slot.put)
        target = slot.put.removeprefix(url)
        self.daemon.macs.add(target.rpartition("=")[2])
        with Connection(self.daemon.port) as connection:
            answer = connection.put(target, data, headers=slot.headers)
        self.assert_status(201, answer, target)
        again = ask(self.daemon.port, "GET", slot.get.removeprefix(url))
        self.assertEqual((200, data), (again.status, again.body))


class ProsodyTests(LinesCase):
    """Prosody."""

    def try_out(self, lines: str) -> None:
        """Upload by way of a Prosody with these lines."""
        prosody = Prosody([], lines)
        self.addCleanup(prosody.stop)
        prosody.start()
        data = noise(50_000)
        [slot] = prosody.slots(DOMAIN, [Wish("two words.bin", len(data), "image/png")])
        answer_type = {"Content-Type": "image/png"}
        self.use(Slot(slot.put, slot.get, {**slot.headers, **answer_type}), data)

    def test_external(self) -> None:
        """With the lines for the external module its slots work."""
        self.try_out(self.lines("prosody"))

    def test_file_share(self) -> None:
        """With the lines for the module of Prosody itself its slots work."""
        self.try_out(self.lines("prosody-file-share"))

    def test_examples(self) -> None:
        """The examples of etc do what the lines do."""
        for name in ("http_upload_external", "http_file_share"):
            self.try_out(self.of_example(f"prosody/{name}.cfg.lua"))

    def test_documents(self) -> None:
        """So do the lines in the documents."""
        seen = list(examples("lua"))
        self.assertGreaterEqual(len(seen), 2)
        for lines in seen:
            self.try_out(self.of_document(lines.text))


class EjabberdTests(LinesCase):
    """ejabberd."""

    def try_out(self, lines: str) -> None:
        """Upload by way of an ejabberd with these lines."""
        ejabberd = shared_ejabberd()
        # First without any, so that those of another test are no help.
        ejabberd.follow("")
        ejabberd.follow(lines)
        data = noise(50_000)
        slots = ejabberd.slots(DOMAIN, [Wish(name, len(data)) for name in ("a.bin", "fünf.jpg")])
        for slot in slots:
            self.use(slot, data)

    def test_lines(self) -> None:
        """With the lines its slots work."""
        self.try_out(self.lines("ejabberd"))

    def test_example(self) -> None:
        """The example of etc does what the lines do."""
        example = self.of_example("ejabberd/mod_http_upload.yml")
        self.try_out(example.replace("modules:\n", ""))

    def test_documents(self) -> None:
        """So do the lines in the documents."""
        seen = [e.text for e in examples("yaml") if "mod_http_upload" in e.text]
        self.assertGreaterEqual(len(seen), 2)
        for lines in seen:
            self.try_out(self.of_document(lines).replace("modules:\n", ""))


class ProxyTests(LinesCase):
    """The proxies, with nothing but the lines between this server and them."""

    def try_out(self, proxy: Proxy) -> None:
        """Upload and download through the proxy."""
        self.addCleanup(proxy.stop)
        proxy.start()
        data = noise(300_000)
        name = f"a+b c/d%25 {self.label}.bin"
        target = self.daemon.target(name, len(data))
        with Connection(proxy.port) as connection:
            self.assert_status(201, connection.put(target, data))
            answer = connection.request("GET", self.daemon.place(name))
        self.assertEqual((200, data), (answer.status, answer.body))

    def test_nginx(self) -> None:
        """nginx."""
        directory, port = self.directory(), free_port()
        site = f"server {{ listen 127.0.0.1:{port};\naccess_log off;\n{self.lines('nginx')} }}\n"
        (directory / "site.conf").write_text(site, encoding="utf-8")
        begin = [program("nginx"), "-e", str(directory / "errors"), "-c"]
        self.try_out(Proxy(directory, port, begin, NGINX.format(directory=directory)))

    def test_apache(self) -> None:
        """Apache."""
        directory, port = self.directory(), free_port()
        lines = self.lines("apache")
        site = f"<VirtualHost 127.0.0.1:{port}>\n{lines}</VirtualHost>\n"
        (directory / "site.conf").write_text(site, encoding="utf-8")
        begin = [program("apache2"), "-D", "FOREGROUND", "-f"]
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in APACHE_MODULES
        )
        text = APACHE.format(directory=directory, port=port, modules=modules)
        self.try_out(Proxy(directory, port, begin, text))
